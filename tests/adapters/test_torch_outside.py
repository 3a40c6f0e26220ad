"""What a model's code keeps outside the model is as before after a trace."""

from __future__ import annotations

import functools
import threading
import time
from collections import defaultdict

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


class Plain:
    table = None

    def __call__(self, h):
        Plain.table = h if Plain.table is None else Plain.table
        return Plain.table


in_the_class_of_an_object = Plain()
NESTED = {"a": {"b": {}}}
MADE = defaultdict(list)
LAYERS: dict[str, object] = {}


def deep(h):
    return NESTED["a"]["b"].setdefault("h", h)


def in_a_default_dict(h):
    if not MADE["h"]:
        MADE["h"].append(h)
    return MADE["h"][0]


def by_a_module(h):
    if "lin" not in LAYERS:
        LAYERS["lin"] = nn.Linear(4, 4)
    return LAYERS["lin"](h)


def in_a_new_object(h):
    if "box" not in TABLES:
        TABLES["box"] = Cache()
        TABLES["box"].h = h
    return TABLES["box"].h


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
            "class of an object": in_the_class_of_an_object,
            "deep": deep,
            "default dict": in_a_default_dict,
            "module": by_a_module,
            "new object": in_a_new_object,
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
    "class of an object", "deep", "default dict", "module", "new object",
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_a_table_outside_the_model_is_not_filled(way):
    model, x = Net(way), torch.randn(2, 4)
    assert read(model, x).error is None
    before = model(x)
    assert read(model, x[:1]).error is None
    assert torch.equal(model(x), before)


def test_a_table_that_a_hook_fills_keeps_what_it_has():
    seen = {}

    def remember(_module, _inputs, output):
        seen["lin"] = output.detach()

    model, x = nn.Sequential(nn.Linear(4, 4)), torch.randn(2, 4)
    model[0].register_forward_hook(remember)
    model(x)
    before = seen["lin"]
    read(model, x)
    assert seen["lin"] is before


class Named(nn.Module):
    __kept__ = (torch.ones(2),)

    def forward(self, x):
        return x + self.__kept__[0]


def test_an_attribute_that_nobody_touches_stays():
    assert read(Named(), torch.randn(2)).error is None
    assert torch.equal(Named()(torch.zeros(2)), torch.ones(2))


def test_what_stands_beside_a_tensor_goes_with_it_and_tables_without_tensors_stay():
    class Net(nn.Module):
        def forward(self, x):
            TABLES["count"] = 1
            TABLES["h"] = x
            COUNTS["calls"] = 1
            return x

    TABLES.clear()
    read(Net(), torch.randn(2))
    assert (TABLES, COUNTS) == ({}, {"calls": 1})


COUNTS = {}
_cosines, _length = None, 0


class Positions:
    cosines, length = None, 0

    @classmethod
    def of(cls, length):
        if length > cls.length:
            cls.cosines, cls.length = torch.arange(length).float().cos(), length
        return cls.cosines[:length]


def positions(length):
    global _cosines, _length
    if length > _length:
        _cosines, _length = torch.arange(length).float().cos(), length
    return _cosines[:length]


@pytest.mark.parametrize("table", [Positions.of, positions], ids=["class", "globals"])
def test_a_table_is_not_left_without_what_its_length_says(table):
    class Rotates(nn.Module):
        def forward(self, x):
            return x * table(x.shape[1])

    model = Rotates()
    assert read(model, (2, 8)).error is None
    assert (Positions.length, _length) == (0, 0)
    model(torch.ones(2, 8))
    Positions.cosines, Positions.length = None, 0


def test_what_another_thread_writes_into_a_global_of_an_attributes_name_stays():
    class Net(nn.Module):
        def forward(self, x):
            STARTED.set()
            assert FINISHED.wait(60)
            return x.abs().log()

    def train():
        assert STARTED.wait(60)
        log.append(torch.ones(2))
        FINISHED.set()

    log.clear()
    worker = threading.Thread(target=train)
    worker.start()
    assert read(Net(), torch.randn(2)).error is None
    worker.join()
    assert len(log) == 1


log = []
STARTED, FINISHED = threading.Event(), threading.Event()


GRAPH = [{"others": []} for _ in range(16)]
for node in GRAPH:
    node["others"].extend(GRAPH)
NUMBERS = list(range(1_000_000))


def test_large_and_circular_globals_take_no_time():
    class Net(nn.Module):
        def forward(self, x):
            return x + len(GRAPH) + len(NUMBERS)

    begun = time.process_time()
    assert read(Net(), torch.randn(2)).error is None
    assert time.process_time() - begun < 2  # it took a minute


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


@functools.cache
def cached(layer):
    return layer(torch.ones(2))


def test_a_cache_that_a_trace_has_filled_is_empty():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.lin = nn.Linear(2, 2)

        def forward(self, x):
            return x + cached(self.lin)

    model = Net()
    assert read(model, torch.randn(2)).error is None
    assert cached.cache_info().currsize == 0
    model(torch.ones(2))
