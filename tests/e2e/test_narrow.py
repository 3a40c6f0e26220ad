"""A narrow page: nothing lies over the boxes, and texts use the room that there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from playwright.sync_api import expect

import nbviz
from tests.e2e.view import View
from tests.e2e.waiting import until
from tests.fixtures.graphs import shared, tower

if TYPE_CHECKING:
    from playwright.sync_api import Locator

# What of the texts that match is cut, although they would fit into what is around them.
CUT = """texts => texts.filter(text => text.scrollWidth > text.clientWidth).map(text => text.textContent)"""


@pytest.fixture(autouse=True)
def narrow(page):
    page.set_viewport_size({"width": 700, "height": 700})


@pytest.fixture
def view(page, blocks, tmp_path):
    """A fitted graph beside a table."""
    page.goto(nbviz.view(blocks, depth=1).save(tmp_path / "blocks.html").as_uri())
    return View(page).ready()


def bottom(place: Locator) -> float:
    box = place.bounding_box()
    assert box
    return box["y"] + box["height"]


def test_the_legend_lies_over_no_box(view, page):
    legend = view.root.locator(".nbviz-legend-strip")
    boxes = view.graph.get_by_role("treeitem")
    for color, says in (("Params", "share of parameters"), ("Type", "BatchNormalization")):
        view.menu("Color by", color)
        page.keyboard.press("Escape")
        expect(legend).to_contain_text(says)
        for control in (legend, view.root.get_by_role("button", name="Zoom in")):
            assert bottom(view.graph) <= control.bounding_box()["y"]
        # the graph is fitted again once the strip has another height
        until(lambda: max(map(bottom, boxes.all())) <= bottom(view.graph), f"boxes lie under the legend of {color}")
        assert boxes.count() > 5


def test_deep_rows_stay_in_their_column(page, tmp_path):
    page.set_viewport_size({"width": 360, "height": 900})
    page.goto(nbviz.view(tower(18), depth=18).save(tmp_path / "tower.html").as_uri())
    rows = View(page).table.locator("[data-row]")
    rows.first.wait_for()
    over = rows.evaluate_all("""rows => rows.map(({ children: [name, next] }) =>
        name.getBoundingClientRect().right - next.getBoundingClientRect().left)""")
    assert len(over) == 20
    assert max(over) <= 0.5, over
    assert (
        rows.last.locator(".nbviz-label").bounding_box()["x"]
        < rows.last.get_by_role("gridcell").first.bounding_box()["x"]
    )


def test_what_is_before_a_name_gives_way_alone(page, tmp_path):
    names = ("query", "dense", "an_output_projection", "key")
    arrays = {f"encoder/layers/12/attention/self_attention_block/{name}/kernel": np.zeros((9, 9)) for name in names}
    page.goto(nbviz.view(arrays).save(tmp_path / "arrays.html").as_uri())
    view = View(page)
    view.sort("Layer")
    before = view.table.locator(".nbviz-name.is-flat .nbviz-before")
    expect(before.last).to_be_visible()
    assert len(before.evaluate_all(CUT)) >= len(names), "paths that are too long"
    assert view.table.locator(".nbviz-label, .nbviz-stem").evaluate_all(CUT) == []


def test_the_number_of_a_name_stays_where_the_name_is_cut(page, tmp_path):
    names = [f"a_rather_long_name_of_a_pooling_layer_{number}" for number in (1, 2, 13)]
    page.goto(nbviz.view({f"{name}/kernel": np.zeros((9, 9)) for name in names}).save(tmp_path / "net.html").as_uri())
    view = View(page)
    expect(view.row(names[0])).to_be_visible()
    page.set_viewport_size({"width": 360, "height": 700})
    for name in names:
        label = view.row(name).locator(".nbviz-label")
        expect(label).to_have_text(name)
        until(lambda label=label: label.locator(".nbviz-stem").evaluate_all(CUT) != [], "a name that is too long")
        assert label.evaluate_all(CUT) == [], "the end is cut as well"


def test_a_layer_that_is_never_called_says_so_in_full(page, tmp_path):
    page.goto(nbviz.view(shared()).save(tmp_path / "shared.html").as_uri())
    view = View(page).ready()
    badge = view.row("unused").locator(".nbviz-badge")
    expect(badge).to_have_text("never called")
    assert badge.evaluate_all(CUT) == []


def test_a_checkpoint_has_the_width_for_its_table_and_its_details(page, tmp_path, check_accessibility):
    arrays = {f"encoder/layer{i}/kernel": np.zeros((256, 512), "float32") for i in range(3)}
    page.goto(nbviz.view(arrays).save(tmp_path / "arrays.html").as_uri())
    view = View(page)
    row = view.row("encoder/layer1")
    expect(row).to_contain_text("(256, 512)")
    note = view.root.get_by_role("note")
    expect(note).to_contain_text("No graph to show")
    assert note.bounding_box()["width"] > 600
    page.emulate_media(media="print")
    assert note.bounding_box()["height"] < 200
    assert bottom(note) + 10 > view.root.locator(".nbviz-footer").bounding_box()["y"], "empty space on paper"
    page.emulate_media(media="screen")
    assert view.table.locator(".nbviz-label, .nbviz-stem, .nbviz-cell:not(.nbviz-name)").evaluate_all(CUT) == []
    check_accessibility(page)
    row.click()
    expect(view.inspector).to_be_visible()
    expect(note).to_be_hidden()
    assert view.inspector.bounding_box()["width"] > 600
    expect(row).to_be_in_viewport(ratio=1)
