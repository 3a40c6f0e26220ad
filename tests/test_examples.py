"""Every public name has an example in its docstring, and every example does what it says."""

from __future__ import annotations

import dataclasses
import doctest
import inspect
import re
from functools import cached_property
from pathlib import Path
from types import FunctionType

import pytest

import nbviz
from nbviz import columns, graph
from nbviz.views import static, widget

pytest.importorskip("keras")

REFERENCE = Path(__file__).parents[1] / "notebooks" / "api.md"
# what nbviz names itself, and what the attributes of a graph and the methods of a view return
ROWS = [thing for thing in vars(graph).values() if dataclasses.is_dataclass(thing)]
RETURNED = {thing.__name__: thing for thing in [*ROWS, columns.Columns, static.StaticView]}
PUBLIC = {name: getattr(nbviz, name) for name in nbviz.__all__} | RETURNED
# how a model reaches the browser, and no part of what is promised
TRANSPORT = {"payload", "payload_parts", "extra_columns"}


def with_docstring(cls: type) -> dict[str, object]:
    """Methods and properties, each with a docstring of its own."""
    kinds = (FunctionType, classmethod, property, cached_property)
    return {name: value for name, value in vars(cls).items() if not name.startswith("_") and isinstance(value, kinds)}


def attributes(cls: type) -> set[str]:
    """Fields, slots and traits, which the docstring of their class describes."""
    fields = {field.name for field in dataclasses.fields(cls)} if dataclasses.is_dataclass(cls) else set()
    slots = set(vars(cls).get("__slots__", ()))
    own = set(cls.class_own_traits()) if cls is widget.ModelView else set()
    return {name for name in fields | slots | own if not name.startswith("_")} - TRANSPORT


CLASSES = {name: thing for name, thing in PUBLIC.items() if isinstance(thing, type)}
DOCUMENTED = (
    {"nbviz": nbviz}
    | PUBLIC
    | {f"{name}.{part}": value for name, cls in CLASSES.items() for part, value in with_docstring(cls).items()}
)


def examples(thing: object) -> list[doctest.Example]:
    return doctest.DocTestParser().get_examples(inspect.getdoc(thing) or "")


@pytest.fixture
def prepared():
    """What the examples start from, as the reference says it."""
    code = re.search(r"```python\n(.*?)```", REFERENCE.read_text(encoding="utf-8"), re.DOTALL)
    assert code is not None
    names: dict[str, object] = {}
    exec(code[1], names)  # noqa: S102 - a file of our own
    yield names
    names["view"].close()


@pytest.mark.parametrize("name", DOCUMENTED)
def test_examples_of_a_public_name_do_what_they_say(name, prepared, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = examples(DOCUMENTED[name])
    assert found, f"{name} has no example"
    said: list[str] = []
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    test = doctest.DocTest(found, prepared, name, None, 0, None)
    doctest.DocTestRunner(optionflags=options).run(test, out=said.append)
    assert not said, "".join(said)


@pytest.mark.parametrize(("name", "cls"), CLASSES.items(), ids=CLASSES)
def test_examples_of_a_class_show_each_of_its_attributes(name, cls):
    text = "".join(example.source + example.want for example in examples(cls))
    missing = [attribute for attribute in sorted(attributes(cls)) if not re.search(rf"\b{attribute}\b", text)]
    assert missing == []


@pytest.mark.parametrize(("name", "cls"), CLASSES.items(), ids=CLASSES)
def test_docstring_of_a_class_describes_each_of_its_attributes(name, cls):
    described = {word for line in (inspect.getdoc(cls) or "").splitlines() for word in re.split(r",\s*", line)}
    assert sorted(attributes(cls) - described) == []
