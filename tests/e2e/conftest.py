"""Fixtures: a browser, pages that reach nothing outside this machine, a JupyterLab."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page, Playwright

    from nbviz import ModelGraph
    from tests.e2e.jupyter import Notebook, Server

ROOT = Path(__file__).parents[2]
AXE = ROOT / "js" / "node_modules" / "axe-core" / "axe.min.js"


def missing(what: str) -> NoReturn:
    """Skip, or fail where everything has to be checked."""
    if os.environ.get("CI") or os.environ.get("NBVIZ_E2E") == "1":
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    from tests.e2e.browser import NoBrowserError, launch

    try:
        browser = launch(playwright)
    except NoBrowserError as error:
        missing(str(error))
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def firefox() -> str:
    """The path of a Firefox."""
    from tests.e2e.browser import find_firefox

    return find_firefox() or missing("no Firefox was found; install it, or name one with NBVIZ_FIREFOX")


@dataclass
class Watch:
    """What a page did that it should not have done."""

    requests: list[str] = field(default_factory=list)
    """Addresses outside this machine that it asked for; all were refused."""
    errors: list[str] = field(default_factory=list)
    """Exceptions that nobody caught, and errors on the console."""


# A pattern and no function: the browser then asks only about what leaves the machine, and local traffic does not wait
# for this process, which may be waiting for the kernel.
ELSEWHERE = re.compile(r"^(?!data:|blob:|file:|about:|(http|ws)://127\.0\.0\.1[:/])")


def watch(context: BrowserContext) -> Watch:
    """Refuse and note every request to the network."""
    seen = Watch()

    def refuse(route):
        seen.requests.append(route.request.url)
        route.abort()

    def refuse_socket(socket):
        seen.requests.append(socket.url)
        socket.close()

    context.route(ELSEWHERE, refuse)
    context.route_web_socket(ELSEWHERE, refuse_socket)
    context.on("weberror", lambda error: seen.errors.append(str(error.error)))
    context.on("console", lambda message: seen.errors.append(message.text) if message.type == "error" else None)
    return seen


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context(viewport={"width": 1360, "height": 900}, accept_downloads=True)
    context.set_default_timeout(20_000)
    yield context
    context.close()


@pytest.fixture
def watched(context: BrowserContext) -> Watch:
    return watch(context)


@pytest.fixture
def page(context: BrowserContext, watched: Watch) -> Page:
    return context.new_page()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    from tests.e2e.jupyter import Server

    running = Server(tmp_path_factory.mktemp("jupyterlab"))
    yield running
    running.stop()


@pytest.fixture
def open_notebook(page: Page, server: Server) -> Iterator[Callable[..., Notebook]]:
    """Open a notebook of the server's folder, by name."""
    from tests.e2e.jupyter import Notebook

    opened: list[Notebook] = []

    def open_(name: str) -> Notebook:
        opened.append(Notebook(page, server, name))
        return opened[-1]

    yield open_
    for notebook in opened:
        notebook.close()


@pytest.fixture(scope="session")
def example_graph() -> str:
    """A model graph as JSON, so that kernels can show it without a framework: two inputs through one shared layer."""
    keras = pytest.importorskip("keras")
    import nbviz
    from nbviz import wire

    question, answer = keras.Input((3,), name="question"), keras.Input((3,), name="answer")
    shared = keras.layers.Dense(4, name="shared")
    joined = keras.layers.Concatenate(name="joined")([shared(question), shared(answer)])
    model = keras.Model([question, answer], keras.layers.Dense(2, name="head")(joined), name="example")
    return wire.to_json(nbviz.read(model))


@pytest.fixture(scope="session")
def blocks() -> ModelGraph:
    """A graph with a group, a stack of equal blocks, a skip and a shared layer."""
    keras = pytest.importorskip("keras")
    import nbviz

    layers = keras.layers
    image, other = keras.Input((16, 16, 3), name="image"), keras.Input((16, 16, 3), name="other")
    shared = layers.Conv2D(8, 3, padding="same", name="shared")
    x = layers.Concatenate(name="joined")([shared(image), shared(other)])
    for number in range(4):
        hidden = layers.Conv2D(16, 3, padding="same", activation="relu", name=f"block{number}_conv")(x)
        x = layers.Add(name=f"block{number}_add")([x, layers.BatchNormalization(name=f"block{number}_norm")(hidden)])
    for part in ("pool", "dense"):
        make = {"pool": layers.GlobalAveragePooling2D(name="head_pool"), "dense": layers.Dense(2, name="head_dense")}
        x = make[part](x)
    return nbviz.read(keras.Model([image, other], x, name="blocks"))


@pytest.fixture(scope="session")
def large_graph() -> str:
    """A model graph as JSON that is too large to be arranged at once."""
    from nbviz import wire
    from tests.fixtures.graphs import chain

    return wire.to_json(chain(3000))


@pytest.fixture
def check_accessibility() -> Callable[..., None]:
    """Let axe look at one element of a page: nothing may be wrong."""
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: run `npm ci` in js/")

    def check(page: Page, selector: str = ".nbviz", state: str = "") -> None:
        page.evaluate(AXE.read_text(encoding="utf-8"))  # not as a script element, which a saved page forbids
        options = {
            "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
            "resultTypes": ["violations"],
        }
        # found by Playwright, which looks into shadow roots
        element = page.locator(selector).first.element_handle()
        found = page.evaluate("([element, options]) => axe.run(element, options)", [element, options])
        wrong = [f"{each['id']} ({each['help']}): {each['nodes'][0]['html']}" for each in found["violations"]]
        assert wrong == [], state

    return check


@pytest.fixture
def screenshot() -> Callable[[Page, str], None]:
    """Keep a picture in $NBVIZ_SHOTS, when that is set."""
    folder = os.environ.get("NBVIZ_SHOTS")

    def take(page: Page, name: str) -> None:
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            page.screenshot(path=Path(folder) / f"{name}.png")

    return take
