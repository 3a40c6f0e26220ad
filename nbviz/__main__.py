"""``python -m nbviz`` is the command ``nbviz``."""

from nbviz.cli import main

if __name__ == "__main__":
    main(prog_name="python -m nbviz")
