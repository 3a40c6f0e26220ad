"""What a kept exception tells, and what it does not keep."""

from __future__ import annotations

import gc
import traceback
import weakref

import pytest

from nbviz.adapters.tracebacks import detach


class Model:
    """Stands for something large."""

    def fail(self):
        layers = [self]

        def inner(x, y):
            return x / y

        return [inner(len(layers), 0),
                self]  # fmt: skip


def failed():
    model = Model()
    with pytest.raises(ZeroDivisionError) as caught:
        model.fail()
    return caught.value, weakref.ref(model)


def frames(error):
    return [frame for frame, _ in traceback.walk_tb(error.__traceback__)]


def test_it_prints_as_before():
    error, _ = failed()
    before = "".join(traceback.format_exception(error))
    assert "^" in before  # under what failed, in lines of several
    detach(error)
    assert "".join(traceback.format_exception(error)) == before


def test_no_frame_has_variables_or_a_caller():
    error, model = failed()
    assert any(frame.f_back for frame in frames(error))
    detach(error)
    gc.collect()
    assert model() is None
    assert [frame.f_code.co_name for frame in frames(error)] == ["failed", "fail", "inner"]
    assert [(frame.f_locals, frame.f_back) for frame in frames(error)] == [({}, None)] * 3


def test_a_notebook_shows_it():
    ultratb = pytest.importorskip("IPython.core.ultratb")
    error, _ = failed()
    detach(error)
    shown = ultratb.VerboseTB().text(type(error), error, error.__traceback__)
    assert "ZeroDivisionError" in shown
    assert "fail" in shown


def test_what_led_to_it_is_let_go_of_too():
    model = Model()
    alive = weakref.ref(model)
    try:
        try:
            model.fail()
        except ZeroDivisionError as first:
            raise ValueError("second") from first
    except ValueError as second:
        error = second
    detach(error)
    del model
    gc.collect()
    assert alive() is None
    assert "direct cause" in "".join(traceback.format_exception(error))
