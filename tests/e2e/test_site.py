"""The documentation site, opened from disk without a network: a static build by Sphinx and MyST-NB as a host."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests import site
from tests.e2e.view import View

FRAME = "iframe[title='nbviz model view']"


@pytest.fixture(scope="module")
def built():
    pytest.importorskip("keras")
    pytest.importorskip("myst_nb")
    return site.build()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_view_in_the_site_lives_and_has_its_theme(built, page, watched, theme, screenshot):
    page.context.set_offline(True)
    page.emulate_media(color_scheme=theme)
    page.goto((built / "index.html").as_uri())
    view = View(page.frame_locator(FRAME)).ready()
    expect(view.root).to_have_attribute("data-theme", theme)
    view.row("patches").click()
    view.expect_selected("patches")
    expect(view.inspector).to_contain_text("Conv2D")
    view.double_click(view.node("≡~block_0"))
    expect(view.node("~block_0")).to_be_visible()
    screenshot(page, f"site-{theme}")
    assert (watched.requests, watched.errors) == ([], [])


def test_every_view_of_a_notebook_shows(built, page, watched, screenshot):
    page.goto((built / "recipes.html").as_uri())
    frames = page.locator(FRAME)
    for number in range(frames.count()):
        frame = frames.nth(number)
        frame.scroll_into_view_if_needed()
        View(frame.content_frame).ready()
        screenshot(page, f"site-recipes-{number}")
    assert frames.count() > 1
    assert (watched.requests, watched.errors) == ([], [])


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_gallery_opens_every_model_at_a_click(built, page, watched, theme, screenshot, check_accessibility):
    page.context.set_offline(True)
    page.emulate_media(color_scheme=theme)
    page.goto((built / "gallery.html").as_uri())
    cards = page.locator(".gallery a")
    pictures = cards.locator(f"img.{theme}")
    assert pictures.count() == cards.count() > 30
    for number in range(pictures.count()):
        pictures.nth(number).scroll_into_view_if_needed()
        expect(pictures.nth(number)).to_be_visible()
        drawn = pictures.nth(number).element_handle()
        page.wait_for_function("image => image.complete && image.naturalWidth > 0", arg=drawn)
    expect(cards.locator(f"img:visible:not(.{theme})")).to_have_count(0)
    cards.first.scroll_into_view_if_needed()
    screenshot(page, f"site-gallery-{theme}")
    with page.expect_popup() as opened:
        cards.filter(has_text="VGG16").click()
    view = View(opened.value).ready()
    view.row("fc1").click()
    view.expect_selected("fc1")
    expect(view.inspector).to_contain_text("Dense")
    assert (watched.requests, watched.errors) == ([], [])
    check_accessibility(page, ".gallery")  # last: it reads style sheets by requests, which a page from disk is refused


def test_views_follow_the_theme_that_a_reader_chooses(built, page, screenshot):
    page.emulate_media(
        color_scheme="null"
    )  # what is emulated would hold for the frame too, whatever the page says of it
    page.goto((built / "index.html").as_uri())
    view = View(page.frame_locator(FRAME)).ready()
    toggle = page.get_by_role("button", name="Toggle Light / Dark / Auto color theme").first
    for theme in ("dark", "light"):
        while page.evaluate("document.body.dataset.theme") != theme:
            toggle.click()
        expect(view.root).to_have_attribute("data-theme", theme)
        screenshot(page, f"site-chosen-{theme}")


def test_pictures_of_the_gallery_follow_the_theme_that_a_reader_chooses(built, page):
    page.goto((built / "gallery.html").as_uri())
    shown = page.locator(".gallery a").first.locator("img:visible")
    toggle = page.get_by_role("button", name="Toggle Light / Dark / Auto color theme").first
    for theme in ("dark", "light"):
        while page.evaluate("document.body.dataset.theme") != theme:
            toggle.click()
        expect(shown).to_have_attribute("class", theme)
