"""What a model's code keeps outside the model is as before after a trace."""

from __future__ import annotations

import threading

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from nbviz.adapters import read  # noqa: E402

TABLES: dict[str, object] = {}
TABLE = None
LOCAL = threading.local()


class Cache:
    """Is filled through a global name."""


CACHE = Cache()


def in_its_default(h, kept={}):  # noqa: B006
    return kept.setdefault("h", h)


def at_the_function(h):
    if not hasattr(at_the_function, "kept"):
        at_the_function.kept = h
    return at_the_function.kept


def remembered(function):
    kept = []

    def once(h):
        if not kept:
            kept.append(function(h))
        return kept[0]

    return once


@remembered
def decorated(h):
    return h * 2


def counting():
    kept = None

    def once(h):
        nonlocal kept
        kept = h if kept is None else kept
        return kept

    return once


in_a_variable = counting()


def in_a_global(h):
    global TABLE  # noqa: PLW0603
    TABLE = h if TABLE is None else TABLE
    return TABLE


def in_a_dict(h):
    return TABLES.setdefault("deep", {"h": (h, 1)})["h"][0]


def in_the_thread(h):
    if not hasattr(LOCAL, "kept"):
        LOCAL.kept = h
    return LOCAL.kept


def in_an_object(h):
    if not hasattr(CACHE, "kept"):
        CACHE.kept = h
    return CACHE.kept


class Net(nn.Module):
    kept: dict[str, object] = {}  # noqa: RUF012
    table = None

    def __init__(self, way):
        super().__init__()
        self.lin, self.way = nn.Linear(4, 4), way

    def forward(self, x):
        h = self.lin(x)
        found = {
            "default": in_its_default,
            "function": at_the_function,
            "decorated": decorated,
            "variable": in_a_variable,
            "global": in_a_global,
            "dict": in_a_dict,
            "thread": in_the_thread,
            "object": in_an_object,
            "class": self.in_its_class,
            "attribute": self.as_an_attribute,
            "new attribute": self.as_a_new_attribute,
        }[self.way]
        return h + found(h.detach())

    def in_its_class(self, h):
        return Net.kept.setdefault("h", h)

    def as_an_attribute(self, h):
        Net.table = h if Net.table is None else Net.table
        return Net.table

    def as_a_new_attribute(self, h):
        if not hasattr(Net, "later"):
            Net.later = h
        return Net.later


WAYS = [
    "default", "function", "decorated", "variable", "global", "dict", "thread", "object", "class", "attribute", "new attribute",
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_a_table_outside_the_model_is_not_filled(way):
    model, x = Net(way), torch.randn(2, 4)
    assert read(model, x).error is None
    before = model(x)
    assert read(model, x[:1]).error is None
    assert torch.equal(model(x), before)


def test_what_has_nothing_to_do_with_tensors_stays():
    counted = []

    class Counts(nn.Module):
        calls = 0

        def forward(self, x):
            Counts.calls += 1
            counted.append(Counts.calls)
            return x

    read(Counts(), torch.randn(2, 4))
    assert counted == [1]
    assert Counts.calls == 1


class Poses:
    """Is not yet what it poses as."""

    @property
    def __class__(self):
        raise RuntimeError("not yet")


POSES = Poses()


def test_what_raises_when_it_is_looked_at_is_left_alone():
    class Net(nn.Module):
        held = POSES

        def forward(self, x):
            return x + (POSES is self.held)

    assert read(Net(), torch.randn(2)).error is None


def test_a_default_that_a_failing_model_sets_is_put_back():
    class Sets(nn.Module):
        def forward(self, x):
            torch.set_default_dtype(torch.float64)
            raise ValueError

    read(Sets(), torch.randn(2))
    assert torch.get_default_dtype() is torch.float32
