"""A graph of ten thousand operations: opening and closing, search, the small map, and the keyboard."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.e2e.view import View
from tests.e2e.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import FloatRect, Locator

STACK = "≡model/layers.0"
LAYER = "model/layers.1"


@pytest.fixture(scope="module")
def large_page(tmp_path_factory):
    """A saved page of a transformer with masks and long skips, made of operations in nested layers."""
    import nbviz
    from tests.bench.models import model_graph

    return nbviz.view(model_graph("tf_full_10k")).save(tmp_path_factory.mktemp("large") / "large.html")


@pytest.fixture
def large(large_page, page):
    """The view of that page, ready to be worked with."""
    page.goto(large_page.as_uri())
    return View(page).ready()


def place(element: Locator) -> FloatRect:
    """Where an element is on screen."""
    box = element.bounding_box()
    assert box is not None
    return box


def until_at(element: Locator, x: float, y: float) -> None:
    """Wait until the top left corner of an element is there, give or take rounding."""

    def away() -> float:
        now = place(element)
        return max(abs(now["x"] - x), abs(now["y"] - y))

    until(lambda: away() < 2, lambda: f"{element} is at {place(element)}, not at {x}, {y}")


def inside(view: View, element: Locator) -> bool:
    """Whether the middle of an element is within the window of the graph."""
    window, box = place(view.graph), place(element)
    x, y = box["x"] + box["width"] / 2, box["y"] + min(box["height"], 30) / 2
    return window["x"] < x < window["x"] + window["width"] and window["y"] < y < window["y"] + window["height"]


def test_first_view_is_folded_and_says_how_often_blocks_repeat(large, watched, screenshot, page):
    expect(large.node(STACK)).to_have_attribute("aria-expanded", "false")
    expect(large.node(STACK)).to_have_attribute("aria-label", re.compile(r"^layers\.0 … 106, 107 equal ones, "))
    assert large.graph.get_by_role("treeitem").count() < 150
    screenshot(page, "large-folded")
    assert (watched.requests, watched.errors) == ([], [])


def test_stack_opens_where_it_was_and_closes_again(large):
    stack = large.node(STACK)
    stack.click()
    expect(large.inspector).to_be_visible()
    before = place(stack)
    large.double_click(stack)
    expect(stack).to_have_attribute("aria-expanded", "true")
    # The frame is wider than the box was: it stays about its middle.
    until_at(stack, before["x"] + (before["width"] - place(stack)["width"]) / 2, before["y"])
    expect(large.node("model/layers.0")).to_have_attribute("aria-expanded", "false")
    large.double_click(stack)
    expect(stack).to_have_attribute("aria-expanded", "false")
    until_at(stack, before["x"], before["y"])
    expect(large.node("model/layers.0")).to_have_count(0)


def test_double_click_means_what_the_first_click_was_on(large):
    # The details that a first click opens take room from the graph, and may move what was clicked.
    expect(large.inspector).to_be_hidden()
    large.double_click(large.node(STACK))
    expect(large.node(STACK)).to_have_attribute("aria-expanded", "true")
    expect(large.inspector).to_be_visible()


def test_one_of_many_blocks_opens_alone(large):
    large.node(STACK).press("+")
    layer = large.node(LAYER)
    large.double_click(layer)
    expect(layer).to_have_attribute("aria-expanded", "true")
    expect(large.node(f"{LAYER}/mlp")).to_be_attached()
    expect(large.node("model/layers.0")).to_have_attribute("aria-expanded", "false")
    expect(large.row(f"{LAYER}/mlp")).to_have_count(1)


def test_search_goes_to_what_is_hidden_deep_inside(large):
    large.search.fill("layers.90/self_attn/o_proj")
    large.search.press("Enter")
    found = large.node("model/layers.90/self_attn/o_proj")
    expect(found).to_have_attribute("aria-selected", "true")
    until(lambda: inside(large, found), "what was found is not in the window")
    expect(large.row("model/layers.90/self_attn/o_proj")).to_have_attribute("aria-selected", "true")


def test_map_shows_where_the_window_is_and_moves_it(large, page):
    large.node(STACK).press("+")
    # The map shows already, of what was there before.
    expect(large.node(STACK)).to_have_attribute("aria-expanded", "true")
    minimap = large.root.locator(".nbviz-minimap")
    window = minimap.locator(".nbviz-minimap-window")
    expect(minimap).to_be_visible()
    box = place(minimap)
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.9)
    until(lambda: place(window)["y"] > box["y"] + box["height"] * 0.6, "the map's window has not followed the click")
    low = place(window)["y"]
    # The picture follows the map's window while it is dragged.
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.9)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.2, steps=4)
    page.mouse.up()
    until(lambda: place(window)["y"] < low - 10, "the map's window has not followed the drag")


def test_keyboard_walks_along_the_edges_and_keeps_what_it_is_on_in_view(large, page):
    large.node("model/input_ids#1").focus()
    focused = large.graph.locator('[role="treeitem"]:focus')
    for path in ["model/embed_tokens/embedding#1", STACK]:
        page.keyboard.press("ArrowDown")
        expect(focused).to_have_attribute("data-path", path)
        until(lambda: inside(large, focused), f"{path} is not in the window")
    page.keyboard.press("+")
    expect(focused).to_have_attribute("aria-expanded", "true")
    for number in range(12):
        page.keyboard.press("ArrowDown")
        expect(focused).to_have_attribute("data-path", f"model/layers.{number}")
        until(lambda: inside(large, focused), f"layer {number} is not in the window")
    page.keyboard.press("Enter")
    expect(large.row("model/layers.11")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("-")
    expect(focused).to_have_attribute("data-path", STACK)
    expect(focused).to_have_attribute("aria-expanded", "false")


def test_stub_leads_to_its_source(large):
    large.search.fill("layers.20")
    large.search.press("Enter")
    stub = large.graph.get_by_role("treeitem", name=re.compile("^↗ cos, .* read by layers.20$"))
    source = stub.get_attribute("data-path")
    assert source
    until(lambda: inside(large, stub), "the stub is not in the window")
    stub.click()
    box = large.graph.locator(f'[data-path="{source}"]:not(.nbviz-form-stub)')
    expect(box).to_have_attribute("aria-selected", "true")
    until(lambda: inside(large, box), "the source is not in the window")
