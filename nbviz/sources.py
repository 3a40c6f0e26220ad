"""What the command line takes: files, and models in Python code."""

from __future__ import annotations

import importlib
import inspect
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from nbviz.errors import FileReadError, in_one_line, nearest

_OBJECT = re.compile(r"(?P<module>[\w.]+):(?P<name>[\w.]+)(?P<called>\(\))?")
_CODE = re.compile(r"(?:\./)*(?P<module>\w+(?:/\w+)*)(?:\.py)?(?::(?P<name>[\w.]+(?:\(\))?))?")
"""Python code named as a file, or without the name of a model in it."""
_ENDING = re.compile(r"(\.weights|\.pth|\.(safetensors|bin)\.index(\.[^.]+(?=\.json$))?)?\.[^.]+$")
"""What the name of a file of one of our formats ends in."""


def loaded(source: str) -> Any:
    """Return the path of a file, or the object that Python code makes.

    Raises
    ------
    FileReadError
        If the module cannot be imported, has nothing of that name, or what is called there fails.
    """
    if _is_there(source) and not source.endswith(".py"):
        return source
    found, code = _OBJECT.fullmatch(source), _CODE.fullmatch(source)
    if code is not None and _is_there(f"{code['module']}.py", Path.is_file):
        wanted = f"{code['module'].replace('/', '.')}:{code['name'] or 'NAME'}"
        if source != wanted:
            msg = f"{source!r} is Python code, where a model is named as MODULE:NAME; pass {wanted!r}."
            raise FileReadError(msg)
    if found is None and (asked := _OBJECT.match(source)) is not None and source[asked.end() :][:1] in ("(", "["):
        msg = (
            f"{source!r}: name a model in Python code as MODULE:NAME, or as MODULE:NAME() to call a function "
            "without arguments. Write a function that builds this model, and pass "
            f"{asked['module'] + ':FUNCTION()'!r}."
        )
        raise FileReadError(msg)
    if found is None:
        return source
    with _from_here(source):
        made = _made(source, found)
    _refuse_coroutine(source, made)
    return made


@contextmanager
def _from_here(source: str) -> Iterator[None]:
    """Look for modules in the current folder first, as Python itself would."""
    try:
        folder = os.getcwd()  # noqa: PTH109 - a string, as all that is in the path
    except OSError as error:
        msg = f"{source!r} could not be imported: the current folder no longer exists. Change to another folder."
        raise FileReadError(msg) from error
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        with suppress(ValueError):  # the module may have changed the path itself
            sys.path.remove(folder)


def _made(source: str, found: re.Match[str]) -> Any:
    failed = "could not be imported"
    try:
        value: Any = importlib.import_module(found["module"])
        for name in found["name"].split("."):
            value = getattr(value, name)
        failed = "was imported, but its call failed"
        return value() if found["called"] else value
    except (Exception, SystemExit) as error:  # whatever the user's code raises
        known = dir(error.obj) if isinstance(error, AttributeError) and error.obj is not None else ()
        names = nearest(str(getattr(error, "name", "")), known)
        msg = f"{source!r} {failed}: {in_one_line(error)}.{names}"
        raise FileReadError(msg) from error


def _refuse_coroutine(source: str, made: Any) -> None:
    """Refuse what an ``async`` function gives, and close it: Python warns of one that nobody has awaited."""
    if inspect.iscoroutine(made):
        made.close()
        msg = (
            f"{source!r} is an async function, which returns no model until it is awaited. Write a function that "
            "returns asyncio.run(...) of it, and pass that."
        )
        raise FileReadError(msg)


def file_names(sources: Sequence[str]) -> list[str]:
    """Return what the files that show sources are called, without a suffix; where several would be alike, they are counted."""
    names: dict[str, None] = {}
    for source in sources:
        name = own = _name_of(source)
        count = 1
        while name in names:
            count += 1
            name = f"{own}-{count}"
        names[name] = None
    return list(names)


def _name_of(source: str) -> str:
    path = Path(source)
    found = None if _is_there(source) else _OBJECT.fullmatch(source)
    if found is not None:
        return found["name"].rpartition(".")[2]
    return path.absolute().name if _is_there(source, Path.is_dir) else _ENDING.sub("", path.name)


def _is_there(path: str, kind: Callable[[Path], bool] = Path.exists) -> bool:
    """Tell whether there is such a file or folder; of a path that cannot be, its reader says why."""
    try:
        return kind(Path(path))
    except OSError:
        return False
