"""The command-line interface: the same views without a notebook."""

from __future__ import annotations

import ast
import codecs
import errno
import io
import os
import re
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nbviz import api
from nbviz.errors import (
    AdapterWarning,
    InputsError,
    NbvizError,
    OptionError,
    PartialReadWarning,
    PictureWarning,
    blamed,
)
from nbviz.metrics import COLUMNS
from nbviz.options import choice, levels
from nbviz.reading import Reading, warn_if_partial
from nbviz.sources import file_names, loaded
from nbviz.views import listing
from nbviz.views.looks import COLOR_BY
from nbviz.views.save import is_json_of_others, require_format

if TYPE_CHECKING:
    import pandas as pd

    from nbviz.views.widget import ModelView

_SHOWN = {True: ["type", "output_shape", "params", "macs"], False: ["param_shape", "param_dtype", "params", "bytes"]}
"""The columns of a sorted table, with a graph and without."""
_QUIET = {"TF_CPP_MIN_LOG_LEVEL": "1", "TF_ENABLE_ONEDNN_OPTS": "0"}
"""Keeps TensorFlow, which parses SavedModels, from telling of processors; that of oneDNN cannot be kept from it otherwise."""
_LONG = 200
"""Characters of an option that a message repeats."""
_ASCII = str.maketrans("━─┃│┏┳┓┡╇┩├┼┤└┴┘…", "--||++++++++++++.")
"""What stands for what tables are drawn with, where that cannot be written."""


_SORTS = ("path", *(column.name for column in COLUMNS))
"""What a table can be sorted by."""


def _either(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"


class _Command(click.Command):
    """The command, whose help and version are written as all else is."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments, which prints what ``--help`` and ``--version`` ask for."""
        try:
            return super().parse_args(ctx, args)
        except OSError as error:
            click.echo(f"nbviz: {_unwritten(error)}", err=True)
            ctx.exit(1)


@click.command(cls=_Command, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option(
    "-o",
    "--output",
    "outputs",
    metavar="FILE",
    multiple=True,
    help=(
        "Save to a file instead of printing. The suffix sets the format: .html .svg .png .pdf .jpg .dot .csv .md "
        ".tex .json. A suffix alone (.html, or out/.html in a folder) names each file after its source. Repeatable."
    ),
)
@click.option(
    "--inputs",
    metavar="SHAPES",
    help=(
        "Model inputs, if the source does not define them: 'None,3,224,224' or '((None, 64), \"int64\")'; several as "
        "a tuple, named ones as a dict."
    ),
)
@click.option(
    "--depth",
    metavar="N",
    default="auto",
    show_default=True,
    help="Levels to open, from 1, or auto; --sort opens all by default.",
)
@click.option(
    "--color-by",
    metavar="COLUMN",
    help=f"How to color the boxes of a saved picture or page: {_either(COLOR_BY)}.  [default: params]",
)
@click.option(
    "--sort",
    metavar="COLUMN",
    help=f"Sort the table by a column, largest numbers first: {_either(_SORTS)}.",
)
@click.option(
    "--constants",
    is_flag=True,
    help="Show stored constants as operations, not as settings of the operations that use them.",
)
@click.option("--run", is_flag=True, help="Run the model once; needed when control flow depends on tensor values.")
@click.version_option(package_name="nbviz")
def main(sources: tuple[str, ...], outputs: tuple[str, ...], **options: Any) -> None:
    """Show models: print a summary of each SOURCE, or save its view.

    A SOURCE is a model file (.onnx, .keras, .h5, .hdf5, .tflite, .pt2), the folder of a SavedModel, a checkpoint (.safetensors, .gguf,
    .pt, .pth, .bin, .ckpt, .npz, .npy, .weights.h5, the index of its shards, or their folder), or a graph that was saved with
    -o model.json. Or it is a model in Python code: MODULE:NAME, or 'MODULE:NAME()' to call a function and use its result. The
    module is imported from the current folder.

    \b
    nbviz model.onnx
    nbviz model.tflite checkpoint_folder
    nbviz model.keras -o model.html
    nbviz mymodels:resnet --inputs None,3,224,224 --sort macs
    """  # noqa: D301 - the escape is click's, for lines as they are
    try:
        _require(outputs, len(sources), options)
    except (OptionError, InputsError) as error:
        click.echo(f"nbviz: {error}", err=True)
        sys.exit(2)
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    codecs.register_error("nbviz", _in_ascii)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="nbviz")
    failed = False
    for number, (source, name) in enumerate(zip(sources, file_names(sources), strict=True)):
        title = f"{'' if number == 0 else chr(10)}{source}" if len(sources) > 1 and not outputs else None
        paths = [_path(output, name) for output in outputs]
        failed |= not _show(source, title, paths, options)
    sys.exit(1 if failed else 0)


def _require(outputs: Sequence[str], sources: int, options: Mapping[str, Any]) -> None:
    """Refuse options that no source fits, before any is read.

    Raises
    ------
    NbvizError
        An ``OptionError`` or an ``InputsError``, which names the option.
    """
    for output in outputs:
        _require_name(output, sources)
    if (color_by := options["color_by"]) is not None:
        choice("--color-by", color_by, COLOR_BY)
        if not outputs:
            raise OptionError("--color-by needs a picture or a page: add -o FILE, such as -o model.html.")
    if (sort := options["sort"]) is not None:
        choice("--sort", sort, _SORTS)
    levels(_depth(options["depth"]), "--depth")
    _inputs(options["inputs"])


def _require_name(output: str, sources: int) -> None:
    """Refuse what names no file, one for several sources, or one of a format that nobody writes."""
    if not output.strip():
        raise OptionError(
            "--output: the value is empty; name a file such as net.html, or give only a suffix, such as .html."
        )
    require_format(_path(output, "net"))
    if sources > 1 and not _is_suffix(output):
        raise OptionError(
            f"--output: several sources cannot be saved to one file {output!r}; give only a suffix, such as "
            f"{Path(output).suffix}."
        )


def _show(source: str, title: str | None, outputs: Sequence[Path], options: dict[str, Any]) -> bool:
    """Show one source; return whether it was read as a whole, and all of its outputs written."""
    partial: list[str] = []
    try:
        if title is not None:
            _print(title)
        with _heard(partial):
            partial.extend(_show_whole(source, outputs, options))
    except NbvizError as error:
        partial.append(str(error))
    except Exception as error:
        said = blamed(error)
        if said is None:
            raise
        partial.append(said)
    for message in partial:
        click.echo(f"nbviz: {message}", err=True)
    return not partial


def _show_whole(source: str, outputs: Sequence[Path], options: dict[str, Any]) -> list[str]:
    """Show one source; return what there is to say of outputs that could not be written."""
    model, inputs, sort = loaded(source), _inputs(options["inputs"]), options["sort"]
    depth = _depth(options["depth"])
    how = {name: options[name] for name in ("run", "constants")}
    if not outputs and sort is None and not any(how.values()):
        api.print_summary(model, inputs, print_fn=_print, depth=depth)
        return []
    colors = options["color_by"] or "params"
    view = api.view(model, inputs, depth=depth, color_by=colors, **how)
    if not outputs:
        warn_if_partial(Reading(view.graph, error=view.error), stacklevel=2)
        shown = _SHOWN[bool(view.graph.calls)]
        if sort is None:
            _print(view)
        else:
            table = _sorted(listing.rows_to_depth(view, depth), sort, shown).to_string()
            _print(f"{table}\n{listing.notes_of(view)}".rstrip())
        return []
    if sort is not None:
        view.sort = [{"id": sort, "desc": _is_number(view.table, sort)}]
    return [said for output in outputs if (said := _saved(view, output, source))]


def _saved(view: ModelView, output: Path, source: str) -> str:
    """Save a view and print the name of the file; return what is wrong where that cannot be done."""
    try:
        if why := _kept(output, source):
            return f"{str(output)!r} {why} and stays as it is; save to another file."
        saved = view.save(output)
    except OSError as error:
        return f"{str(output)!r} cannot be written: {_unwritable(output, error)}."
    except NbvizError as error:  # the other outputs can be written all the same
        return str(error)
    _print(saved)
    return ""


def _kept(output: Path, source: str) -> str:
    """Say why a file that is there may not be written over: it is the source, or JSON of others, as an index of shards is."""
    if not output.exists() or not output.stat().st_size:
        return ""
    if Path(source).exists() and output.samefile(source):
        return "is the source itself"
    return "is no model graph" if is_json_of_others(output) else ""


def _unwritable(output: Path, error: OSError) -> str:
    folder = output.parent
    if isinstance(error, FileNotFoundError) and not folder.is_dir():
        return f"there is no folder {str(folder)!r}"
    return error.strerror or str(error)


def _print(text: object) -> None:
    """Print at once, so that what cannot be written is known here.

    Raises
    ------
    OptionError
        If there is no room for it, or nowhere to print to.
    """
    if sys.stdout is None:  # whoever started this has closed it
        raise OptionError("Cannot write the output: standard output is closed.")
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except OSError as error:
        raise OptionError(_unwritten(error)) from error


def _unwritten(error: OSError) -> str:
    """Return what to say where the standard output takes nothing more; whoever reads us may have seen enough, which click knows."""
    if error.errno == errno.EPIPE:
        raise error
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python would try once more at its end
    return f"Cannot write the output: {error.strerror or error}."


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    """Return what stands for text that an encoding lacks, and where to go on."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end].translate(_ASCII)
    return text.encode("ascii", "replace").decode(), error.end


@contextmanager
def _heard(partial: list[str]) -> Iterator[None]:
    """Collect what is said of models that were read only in part; say other warnings of ours in a line each."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield
        finally:  # an error may have its reason in a warning
            said = list(dict.fromkeys((warning.category, str(warning.message)) for warning in caught))
            partial.extend(message for category, message in said if issubclass(category, PartialReadWarning))
            for category, message in said:
                if issubclass(category, (AdapterWarning, PictureWarning)):
                    click.echo(f"nbviz: {message}", err=True)


def _inputs(text: str | None) -> Any:
    """Return the value of ``--inputs``: Python values, nothing that runs.

    Raises
    ------
    InputsError
        If it is none.
    """
    if text is None:
        return None
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError) as error:  # the last two of very long text
        shown = text if len(text) <= _LONG else f"{text[: _LONG - 1]}…"
        msg = f"--inputs is {shown!r}, which is not a shape: write 'None,3,224,224', or '((None, 64), \"int64\")' with a dtype."
        raise InputsError(msg) from error


def _depth(text: str) -> int | str:
    try:
        return int(text)
    except ValueError:
        return text


def _is_suffix(output: str) -> bool:
    """Tell whether the name of a file is a suffix alone, be it in a folder."""
    return re.fullmatch(r"\.\w+", Path(output).name) is not None


def _path(output: str, name: str) -> Path:
    path = Path(output)
    return path.with_name(name + path.name) if _is_suffix(output) else path


def _sorted(rows: pd.DataFrame, name: str, shown: list[str]) -> pd.DataFrame:
    """Return the rows of a table by one column; those that are alike stay in the order of the model."""
    kept = list(dict.fromkeys([*shown, *([] if name == "path" else [name])]))
    upwards = not _is_number(rows, name)
    ordered = rows.sort_index() if name == "path" else rows.sort_values(name, ascending=upwards, kind="stable")
    return ordered[kept].astype(object).where(ordered[kept].notna(), "-")


def _is_number(table: pd.DataFrame, column: str) -> bool:
    from pandas.api.types import is_numeric_dtype

    return column != "path" and is_numeric_dtype(table[column])
