"""Read a Keras model in a process of its own, and leave its model graph in a file.

    python -m tests.bench.keras_graph FILE BUILDER [NUMBER ...]

The builder is one of ``tests.models`` or of ``keras.applications``; numbers go to it as its sizes, or as the size of the
images. A process of its own: the benchmark forks others, which must not happen beside the threads of a backend.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from nbviz import wire
from nbviz.graph import ModelGraph


def keras_graph(file: Path, builder: str, *sizes: int) -> ModelGraph:
    """Have a model read into a file, unless the file is there; return its graph."""
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "tests.bench.keras_graph", str(file), builder, *map(str, sizes)]
        with tempfile.TemporaryDirectory(prefix="nbviz-keras-") as home:
            defaults = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", **os.environ}
            subprocess.run(command, check=True, env={**defaults, "KERAS_HOME": home})
    return wire.from_json(file.read_text())


def build(builder: str, *sizes: int) -> Any:
    """Return the model."""
    import keras

    if hasattr(keras.applications, builder):
        (size,) = sizes
        return getattr(keras.applications, builder)(weights=None, input_shape=(size, size, 3))
    from tests.models import keras_large

    return getattr(keras_large, builder)(*sizes)


def main() -> None:
    """Build, read, write."""
    import nbviz

    file, builder, *sizes = sys.argv[1:]
    Path(file).write_text(wire.to_json(nbviz.read(build(builder, *map(int, sizes)))))


if __name__ == "__main__":
    main()
