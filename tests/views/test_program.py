"""The front end's program: one widget for all views of a kernel, wherever widgets find each other."""

import json
import sys
import types

import comm
import ipywidgets
import pytest
from ipywidgets.embed import dependency_state

from nbviz.reading import Reading
from nbviz.views import program
from nbviz.views.widget import ModelView
from tests.fixtures.graphs import tutorial


@pytest.fixture
def make():
    made = []

    def make_():
        made.append(ModelView(Reading(tutorial())))
        return made[-1]

    yield make_
    for view in made:
        view.close()


def test_ten_views_carry_the_program_once(make):
    views = [make() for _ in range(10)]
    state = dependency_state(views, drop_defaults=False)
    stored = json.dumps(state)
    assert stored.count(json.dumps(program.TEXT)) == 1
    rest = len(stored) - len(json.dumps(program.TEXT))
    assert rest < 10 * 12_000, "what each view carries itself"


def test_a_view_made_after_all_widgets_were_closed_has_a_program(make):
    first = program.shared()
    assert make()._program is first
    ipywidgets.Widget.close_all()
    view = make()
    assert view._program is not first
    assert view._program.comm is not None
    assert make()._program is view._program


@pytest.mark.parametrize("host", ["marimo", "other"])
def test_hosts_where_widgets_may_not_meet_get_the_program_with_each_view(make, monkeypatch, host):
    if host == "marimo":
        monkeypatch.setitem(sys.modules, "marimo", types.ModuleType("marimo"))
    else:
        original = comm.create_comm

        def create_comm(*args, **options):
            return original(*args, **options)

        monkeypatch.setattr(comm, "create_comm", create_comm)
    view = make()
    assert view._program is None
    assert view._esm == program.TEXT
    assert view.get_state()["_esm"] == program.TEXT


def test_the_program_is_sent_to_a_loader_that_asks_for_it(make):
    view = make()
    sent = []
    view.send = lambda content, buffers=None: sent.append(content)
    view._answer(view, {"type": "program"}, [])
    assert sent == [{"type": "program", "text": program.TEXT}]


def test_the_program_is_no_part_of_a_saved_page(make):
    assert "_program" not in make()._state()
