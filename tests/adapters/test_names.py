"""The names in a function's code are those that Python's own ``dis`` tells."""

from __future__ import annotations

import argparse
import dis
import inspect
import json.encoder
import textwrap

import pytest

from nbviz.adapters.names import names_in


def codes():
    for module in argparse, dis, inspect, json.encoder, textwrap:
        for value in vars(module).values():
            for function in (value, *vars(value).values()) if isinstance(value, type) else (value,):
                if inspect.isfunction(function):
                    yield function.__code__


def told(code, *operations):
    found = {i.argval for i in dis.get_instructions(code) if i.opname in operations}
    return found.union(*(told(inner, *operations) for inner in code.co_consts if inspect.iscode(inner)))


def test_globals_are_told_from_attributes():
    for code in codes():
        names = names_in(code)
        assert names.stored == told(code, "STORE_GLOBAL", "DELETE_GLOBAL")
        assert set(names.globals) == told(code, "LOAD_GLOBAL") | names.stored
        assert set(names.all) >= set(names.globals)


@pytest.mark.parametrize("count", [3, 300])
def test_many_names_are_told_apart_too(count):
    lines = [f"    global g{i}\n    g{i} = a{i}.b{i}" for i in range(count)]
    scope = {}
    exec("def function():\n" + "\n".join(lines), scope)  # noqa: S102 - written here
    names = names_in(scope["function"].__code__)
    assert names.stored == {f"g{i}" for i in range(count)}
    assert set(names.globals) == {f"{letter}{i}" for i in range(count) for letter in "ag"}
