"""The gallery as a notebook: cards in JupyterLab's theme, and a click that leaves JupyterLab for the live page."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from tests.e2e.view import View

GALLERY = Path(__file__).parents[2] / "notebooks" / "gallery.ipynb"


def test_card_in_jupyterlab_opens_a_live_page(open_notebook, server, page, watched, screenshot, check_accessibility):
    all_models, some = "name[0].isupper()", "name in {'MobileNet', 'ResNet50', 'VGG16'}"
    source = GALLERY.read_text(encoding="utf-8")
    assert all_models in source
    (server.work / GALLERY.name).write_text(source.replace(all_models, some), encoding="utf-8")
    notebook = open_notebook(GALLERY.name)
    notebook.run_all()
    cards = page.locator(".gallery a")
    expect(cards).to_have_count(3)
    for theme in ("light", "dark"):
        notebook.theme(theme)
        cards.last.scroll_into_view_if_needed()
        shown = cards.locator("img:visible")
        expect(shown).to_have_count(3)
        for number in range(3):
            page.wait_for_function("image => image.naturalWidth > 0", arg=shown.nth(number).element_handle())
        screenshot(page, f"gallery-{theme}")
        check_accessibility(page, ".gallery")
    with page.expect_popup() as opened:
        cards.filter(has_text="VGG16").click()
    view = View(opened.value).ready()
    view.row("fc1").click()
    view.expect_selected("fc1")
    screenshot(opened.value, "gallery-opened")
    assert watched.requests == []
