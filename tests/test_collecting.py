"""Reading keeps Python's garbage collector waiting, and leaves it as it was."""

import gc
import weakref

import pytest

from nbviz.collecting import uncollected


@pytest.fixture(autouse=True)
def collector():
    yield
    gc.unfreeze()
    gc.enable()


def is_young(thing):
    return any(thing is other for other in gc.get_objects(generation=0))


def test_nothing_is_collected_meanwhile_and_what_was_made_is_old_then():
    with uncollected():
        assert not gc.isenabled()
        made = [[]]
        assert is_young(made)
    assert gc.isenabled()
    assert not is_young(made)
    assert gc.get_freeze_count() == 0


def test_a_collector_that_is_off_stays_off():
    gc.disable()
    with uncollected():
        pass
    assert not gc.isenabled()


def test_what_somebody_has_frozen_stays_frozen():
    gc.freeze()
    frozen = gc.get_freeze_count()
    with uncollected():
        made = [[]]
    assert gc.isenabled()
    assert gc.get_freeze_count() > frozen // 2  # some of it may be gone by now
    assert made


def test_garbage_of_a_reading_is_still_found():
    class Node:
        pass

    with uncollected():
        circle = Node()
        circle.itself = circle
        seen = weakref.ref(circle)
        del circle
    assert seen() is not None
    gc.collect()
    assert seen() is None
