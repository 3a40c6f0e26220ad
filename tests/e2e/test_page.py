"""The saved page: from disk, without a network, under strict policies, without scripts, with hostile names."""

from __future__ import annotations

import base64
import html
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from nbviz import wire
from nbviz.graph import Call, Layer
from nbviz.views import svg
from tests.e2e.view import View, save_by_menu
from tests.fixtures.graphs import graph, tensor, weight


@pytest.fixture
def shown(tmp_path, example_graph):
    """A view of the example."""
    import nbviz

    source = tmp_path / "net.json"
    source.write_text(example_graph)
    return nbviz.view(nbviz.read(source))


@pytest.fixture
def document(tmp_path, shown):
    """A saved page on disk."""
    return shown.save(tmp_path / "net.html")


@pytest.fixture
def serve() -> Iterator:
    """Serve one document with headers of one's own, from this machine."""
    servers = []

    def start(body: str, **headers: str) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_):
                pass

        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}/page"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def large_document(tmp_path, large_graph):
    """A saved page of a model that is not arranged at once."""
    import nbviz

    source = tmp_path / "large.json"
    source.write_text(large_graph)
    return nbviz.view(nbviz.read(source)).save(tmp_path / "large.html")


def works(view: View) -> None:
    """Table, graph, search and inspector do what they should."""
    view.ready()
    view.row("head").click()
    view.expect_selected("head")
    expect(view.inspector).to_contain_text("head")
    view.node("shared").first.click()
    view.expect_selected("shared")
    view.search.fill("head")
    expect(view.row("question")).to_have_class(re.compile("is-dimmed"))
    expect(view.row("head")).not_to_have_class(re.compile("is-dimmed"))
    expect(view.graph.locator(".nbviz-dim").first).to_be_visible()
    view.search.fill("")
    expect(view.graph.locator(".nbviz-dim")).to_have_count(0)
    view.sort("Params")


def test_page_opens_from_disk_without_a_network(document, page, watched, check_accessibility, screenshot):
    page.context.set_offline(True)
    page.goto(document.as_uri())
    works(View(page))
    check_accessibility(page)
    screenshot(page, "page-light")
    assert (watched.requests, watched.errors) == ([], [])


def test_texts_of_a_selected_box_can_be_selected(document, page):
    page.goto(document.as_uri())
    view = View(page).ready()
    box = view.node("head")
    box.click()
    view.expect_selected("head")
    name = view.graph.locator(".nbviz-text").get_by_text("head", exact=True)
    where = name.bounding_box()
    camera = view.camera.get_attribute("style")
    assert where
    page.mouse.move(where["x"] + 1, where["y"] + where["height"] / 2)
    page.mouse.down()
    page.mouse.move(where["x"] + where["width"] - 1, where["y"] + where["height"] / 2, steps=4)
    page.mouse.up()
    assert page.evaluate("getSelection().toString()") == "head"
    assert view.camera.get_attribute("style") == camera, "the drag was for the text, not for the picture"
    view.expect_selected("head")


@pytest.mark.parametrize(
    ("theme", "system", "ground"), [("dark", "light", "17, 19, 22"), ("light", "dark", "255, 255, 255")]
)
def test_page_keeps_the_theme_that_it_was_saved_with(shown, tmp_path, page, theme, system, ground):
    page.emulate_media(color_scheme=system)
    page.goto(shown.save(tmp_path / "net.html", theme=theme).as_uri())
    view = View(page).ready()
    expect(view.root).to_have_attribute("data-theme", theme)
    for painted in (page.locator("body"), view.root):
        expect(painted).to_have_css("background-color", f"rgb({ground})")


def test_page_follows_the_system_into_the_dark(document, page, check_accessibility, screenshot):
    page.emulate_media(color_scheme="dark")
    page.goto(document.as_uri())
    view = View(page).ready()
    expect(view.root).to_have_attribute("data-theme", "dark")
    check_accessibility(page)
    screenshot(page, "page-dark")


def test_page_is_printed_on_one_sheet_without_controls(document, page, screenshot):
    page.goto(document.as_uri())
    view = View(page).ready()
    view.row("head").click()
    view.expect_selected("head")
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 720, "height": 1000})
    for control in (view.search, view.filter, view.inspector, view.root.get_by_role("button", name="Zoom in")):
        expect(control).to_be_hidden()
    last_cell = view.row("head").get_by_role("gridcell").last
    boxes = [place.bounding_box() for place in (last_cell, view.graph, view.root.locator(".nbviz-footer"))]
    (row, graph, footer) = boxes
    assert row["y"] + row["height"] <= graph["y"] < graph["y"] + graph["height"] <= footer["y"], boxes
    assert all(box["x"] + box["width"] <= 720 for box in boxes), boxes
    assert (
        view.graph.locator(".nbviz-graph-canvas").evaluate("canvas => getComputedStyle(canvas).objectFit") == "contain"
    )
    screenshot(page, "page-printed")
    assert len(re.findall(rb"/Type */Page\b", page.pdf())) == 1


def test_page_is_small(document):
    assert document.stat().st_size < 400_000


@pytest.mark.parametrize(
    "policy",
    [
        "sandbox allow-scripts",
        "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'",
        "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; worker-src 'none'",
    ],
)
def test_page_works_under_a_strict_policy_of_its_server(document, page, serve, policy):
    page.goto(serve(document.read_text(), Content_Security_Policy=policy))
    works(View(page))


def test_large_models_are_arranged_in_a_worker(large_document, page, watched):
    with page.expect_worker() as started:
        page.goto(large_document.as_uri())
    assert started.value.url.startswith("blob:")
    View(page).ready()
    assert page.workers == [started.value], "one for everything"
    assert (watched.requests, watched.errors) == ([], [])


@pytest.mark.parametrize("policy", ["worker-src 'none'", "sandbox allow-scripts; worker-src 'none'"])
def test_large_models_show_where_workers_are_forbidden(large_document, page, serve, policy):
    page.goto(serve(large_document.read_text(), Content_Security_Policy=policy))
    View(page).ready()
    assert page.workers == []


def test_page_works_in_a_sandboxed_frame(document, page, serve):
    frame = f'<iframe sandbox="allow-scripts" width="1200" height="700" srcdoc="{html.escape(document.read_text())}"></iframe>'
    page.goto(serve(frame))
    works(View(page.frame_locator("iframe")))


def test_page_without_scripts_shows_the_table(document, chromium):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(document.as_uri())
    expect(page.locator("table")).to_contain_text("head")
    context.close()


def test_page_with_scripts_has_the_view_alone(document, page):
    page.goto(document.as_uri())
    View(page).ready()
    expect(page.locator(".nbviz-fallback")).to_have_count(0)


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-100], lambda data: data[:50] + b"damaged" + data[57:], lambda _: b""]
)
def test_damaged_page_says_so(document, page, watched, damage):
    text = document.read_text()
    found = re.search(r'"payload": "([^"]+)"', text)
    assert found
    damaged = base64.b64encode(damage(base64.b64decode(found[1]))).decode()
    document.write_text(text.replace(found[1], damaged))
    page.goto(document.as_uri())
    expect(page.get_by_role("alert")).to_contain_text(
        re.compile(r"this view is damaged \(.*compressed.*Run the cell again", re.IGNORECASE)
    )
    assert watched.errors == []


@pytest.mark.parametrize(
    ("ground", "theme"), [("color(srgb 1 1 1)", "light"), ("oklch(0.99 0 0)", "light"), ("oklch(0.2 0 0)", "dark")]
)
def test_graph_is_as_light_as_the_view_where_the_ground_is_in_other_numbers(document, page, ground, theme):
    page.goto(document.as_uri())
    view = View(page).ready()
    page.evaluate(
        """([ground, theme]) => {
            document.body.setAttribute("data-jp-theme-light", theme === "light");
            document.documentElement.style.setProperty("--jp-layout-color0", ground);
        }""",
        [ground, theme],
    )
    expect(view.root).to_have_attribute("data-theme", theme)
    picture = save_by_menu(page, view, "Picture of the graph", ".svg", document.parent).read_text()
    assert ("#111316" in picture) is (theme == "dark"), "the ground of a dark graph"


def test_page_saved_by_the_page_itself_keeps_the_state(document, page, tmp_path, watched):
    page.goto(document.as_uri())
    view = View(page).ready()
    view.row("head").click()
    view.expect_selected("head")
    again = save_by_menu(page, view, "Interactive page", ".html", tmp_path)
    page.goto(again.as_uri())
    View(page).ready().expect_selected("head")
    works(View(page))
    assert (watched.requests, watched.errors) == ([], [])


def test_search_finds_what_a_checkpoint_stores(page, tmp_path):
    import nbviz

    proj = {f"layers.0.q_proj.{name}": np.zeros((4,), np.float16) for name in ("weight_scale", "bias")}
    view = nbviz.view({**proj, "lm_head.weight": np.zeros((100, 64), np.float32)})
    page.goto(view.save(tmp_path / "stored.html").as_uri())
    shown = View(page)
    for text, path in {
        "lm_head.weight": "lm_head",
        "100x64": "lm_head",
        "(100, 64) float32": "lm_head",
        "weight_scale": "layers/0/q_proj",
        "q_proj.bias": "layers/0/q_proj",
        "float16": "layers/0/q_proj",
    }.items():
        shown.search.fill(text)
        shown.search.press("Enter")
        expect(shown.found).to_have_text("1 / 1")
        expect(shown.row(path)).to_have_attribute("aria-selected", "true")
        shown.filter.fill(text)
        expect(shown.row(path)).to_be_visible()
        expect(shown.table.locator("[data-row]")).to_have_count(1)
        shown.filter.fill("")


def test_search_finds_nodes_by_the_names_in_their_file(page, tmp_path):
    import nbviz

    layers = [Layer("", "net", "ModelProto"), Layer("enc", "/enc", "Scope", parent="", parameters=(0,))]
    calls = [
        Call(0, "layer", "", "ModelProto", None, ""),
        Call(1, "layer", "enc", "Scope", 0, "enc"),
        Call(2, "operation", "enc/Add#1", "Add", 1, None, (), (tensor(2),), (0,)),
        Call(3, "operation", "enc/Reshape#1", "Reshape", 1, None, (tensor(2),), settings=(("name", "/enc/Reshape_4"),)),
    ]
    parameters = [weight(0, "enc.in_proj_bias", (2,), "enc")]
    source = tmp_path / "net.json"
    source.write_text(wire.to_json(graph(layers, calls, [(2, 0, 3, 0)], parameters)))
    page.goto(nbviz.view(nbviz.read(source)).save(tmp_path / "net.html").as_uri())
    view = View(page).ready()
    view.search.fill("in_proj_bias")
    expect(view.found).to_have_text("2")
    view.search.fill("/enc/Reshape_4")
    expect(view.found).to_have_text("1")
    view.search.press("Enter")
    view.expect_selected("enc/Reshape#1")
    expect(view.inspector).to_contain_text("/enc/Reshape_4")
    expect(view.node("enc/Add#1")).to_have_class(re.compile("nbviz-dim"))
    expect(view.node("enc/Reshape#1")).not_to_have_class(re.compile("nbviz-dim"))


def test_menu_saves_the_table_as_it_shows(document, page, tmp_path):
    page.goto(document.as_uri())
    view = View(page).ready()
    view.filter.fill("dense")
    view.sort("Params")
    expect(view.table.get_by_role("columnheader", name="Params")).not_to_have_attribute("aria-sort", "none")
    shown = view.names
    lines = save_by_menu(page, view, "Table as shown", ".csv", tmp_path).read_text().splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == shown
    table = save_by_menu(page, view, "Table as shown", ".html", tmp_path)
    picture = save_by_menu(page, view, "Picture of the graph", ".svg", tmp_path)
    page.goto(table.as_uri())
    expect(page.get_by_role("row")).to_have_count(len(shown) + 1)
    page.goto(picture.as_uri())
    expect(page.locator("svg").first).to_contain_text("head")


def test_shapes_on_lines_stay_inside_their_pills(blocks, page, tmp_path):
    import nbviz

    page.goto(nbviz.view(blocks).save(tmp_path / "blocks.html").as_uri())
    page.goto(save_by_menu(page, View(page).ready(), "Picture of the graph", ".svg", tmp_path).as_uri())
    room = page.evaluate("""() => [...document.querySelectorAll("g > rect:first-child + text:last-child")]
        .filter(text => text.textContent.includes("\\u00d7"))
        .map(text => text.previousSibling.getBBox().width - text.getComputedTextLength())""")
    assert room
    assert min(room) >= 10, room


def test_menu_saves_a_png_of_the_graph(document, page, tmp_path):
    page.goto(document.as_uri())
    view = View(page).ready()
    drawn = save_by_menu(page, view, "Picture of the graph", ".svg", tmp_path).read_text()
    width, height = svg.size_of(drawn)
    with Image.open(save_by_menu(page, view, "Picture of the graph", ".png", tmp_path)) as opened:
        assert opened.size == pytest.approx((width * 200 / 96, height * 200 / 96), abs=1)
        assert np.unique(np.asarray(opened.convert("L"))).size > 50  # letters have many greys


def test_menu_prints_the_graph_of_a_page_that_has_no_kernel(document, page):
    page.add_init_script("""window.print = () => {
        window.dispatchEvent(new Event("beforeprint"));
        window.printed = document.querySelector("img.nbviz-print").complete;
    }""")
    page.goto(document.as_uri())
    view = View(page).ready()
    view.root.get_by_role("button", name=re.compile("^Save: ")).click()
    view.root.get_by_role("menuitem", name=re.compile("print$")).click()
    page.wait_for_function("window.printed")
    page.emulate_media(media="print")
    expect(view.root).to_be_hidden()
    expect(page.locator("img.nbviz-print")).to_be_visible()
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    expect(page.locator("img.nbviz-print")).to_have_count(0)
    expect(view.root).to_be_visible()


def test_a_frame_that_may_not_print_says_so(document, page, tmp_path):
    framed = tmp_path / "frame.html"
    inner = html.escape(document.read_text(), quote=True)
    framed.write_text(f'<iframe sandbox="allow-scripts" style="width:100%;height:700px" srcdoc="{inner}"></iframe>')
    page.goto(framed.as_uri())
    frame = page.frame_locator("iframe")
    view = View(frame).ready()
    view.root.get_by_role("button", name=re.compile("^Save: ")).click()
    view.root.get_by_role("menuitem", name=re.compile("print$")).click()
    expect(frame.get_by_text("this frame may not print")).to_be_visible()
    expect(frame.locator("img.nbviz-print")).to_have_count(0)


def test_hostile_names_stay_text(tmp_path, page, watched, example_graph):
    import nbviz

    attack = "</script><img src=x onerror='window.hit = 1'><script>window.hit = 1</script><!--"
    source = tmp_path / "hostile.json"
    source.write_text(example_graph.replace('"joined"', json.dumps(attack.replace("/", "~1"))).replace("Dense", attack))
    page.goto(nbviz.view(nbviz.read(source), title=attack).save(tmp_path / "hostile.html").as_uri())
    view = View(page).ready()
    view.row("head").click()
    expect(view.inspector).to_contain_text(attack)
    assert page.evaluate("() => window.hit") is None
    assert (watched.requests, watched.errors) == ([], [])


@pytest.mark.parametrize("width", [480, 800, 2500])
def test_page_fits_the_width(document, page, width, screenshot):
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(document.as_uri())
    view = View(page)
    expect(view.row("head")).to_be_visible()
    if width < 600:  # no room for both
        view.root.get_by_role("tab", name="Graph").click()
    expect(view.node("head")).to_be_visible()
    overflow = page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 0
    screenshot(page, f"page-{width}")
