"""The widget as Python sees it: state, requests, what a notebook keeps."""

import asyncio
import gc
import html

import ipywidgets
import numpy as np
import pytest
import traitlets

import nbviz
from nbviz.views.requests import Requests
from nbviz.views.widget import ModelView

keras = pytest.importorskip("keras")


@pytest.fixture
def model():
    return keras.Sequential([keras.Input((6,)), keras.layers.Dense(5, name="a"), keras.layers.Dense(4, name="b")])


@pytest.fixture
def view(model):
    made = nbviz.view(model)
    yield made
    made.close()


def ask(view, message):
    """Send a request as the browser does, and return the answers."""
    answers = []
    view.send = lambda content, buffers=None: answers.append(content)

    async def session():
        view._answer(view, message, [])
        await asyncio.gather(*view._requests.running.values())

    asyncio.run(session())
    return answers


def test_the_view_is_an_ordinary_widget(view):
    box = ipywidgets.HBox([view, ipywidgets.Button()])
    assert box.children[0] is view
    other = ipywidgets.Text()
    traitlets.link((view, "search"), (other, "value"))
    other.value = "dense"
    assert view.search == "dense"
    traitlets.dlink((view, "selection"), (other, "value"), ",".join)
    view.selection = ("a",)
    assert other.value == "a"


def test_a_closed_view_shows_nothing(model):
    closed = nbviz.view(model)
    closed.close()
    assert not ModelView._repr_mimebundle_(closed)


def test_print_gives_the_summary(view, model, capsys):
    nbviz.print_summary(model)
    assert f"{view}\n" == capsys.readouterr().out


@pytest.fixture
def messages(monkeypatch):
    """What crosses to the browser: the names of the state in each message, and the length of its buffers."""
    sent = []

    def publish(comm, msg_type, data=None, metadata=None, buffers=None, **keys):
        state = (data or {}).get("state", {})
        names = {*state, *(path[0] for path in (data or {}).get("buffer_paths", []))}
        sent.append((names, sum(map(len, buffers or []))))

    monkeypatch.setattr("comm.DummyComm.publish_msg", publish)
    return sent


def payload_messages(messages):
    """Return which part of the payload each message brings, and how many bytes; forget them."""
    found = [(sorted(name for name in names if name.startswith("payload")), size) for names, size in messages]
    messages.clear()
    return [(names, size) for names, size in found if names and size]


def test_a_long_payload_comes_in_parts_and_the_last_of_them_last(model, messages, monkeypatch):
    whole = nbviz.view(model).payload
    messages.clear()
    longest = len(whole) // 2 - 10
    monkeypatch.setattr("nbviz.wire.LONGEST_PART", longest)
    view = nbviz.view(model)
    assert view.payload_0 + view.payload_1 + view.payload == whole
    brought = [
        (["payload_0"], longest),
        (["payload_1"], longest),
        (["payload", "payload_parts"], len(whole) - 2 * longest),
    ]
    assert payload_messages(messages) == brought
    view.close()


def test_a_view_that_is_read_again_replaces_all_parts(model, messages, monkeypatch):
    view = nbviz.view(model)
    whole = view.payload
    monkeypatch.setattr("nbviz.wire.LONGEST_PART", len(whole) // 2 + 1)
    view.refresh()
    assert view.payload_parts == 1
    assert view.payload_0 + view.payload == whole
    messages.clear()
    monkeypatch.setattr("nbviz.wire.LONGEST_PART", len(whole))
    view.refresh()
    assert (view.payload_0, view.payload, view.payload_parts) == (b"", whole, 0)
    assert payload_messages(messages) == [(["payload", "payload_0", "payload_parts"], len(whole))]
    view.close()


def test_a_saved_page_has_all_parts(model, tmp_path, monkeypatch):
    monkeypatch.setattr("nbviz.wire.LONGEST_PART", 100)
    parted = nbviz.view(model)
    assert parted.payload_parts > 1
    text = parted.save(tmp_path / "parted.html").read_text()
    monkeypatch.undo()
    assert text == nbviz.view(model).save(tmp_path / "whole.html").read_text()


def test_closing_a_view_frees_it(model):
    before = sum(type(o) is ModelView for o in gc.get_objects())
    for _ in range(3):
        nbviz.view(model).close()
    gc.collect()
    assert sum(type(o) is ModelView for o in gc.get_objects()) <= before


def test_statistics_are_those_of_the_weight(view, model):
    kernel = next(p for p in view.graph.parameters if p.owners == ("a",) and p.name == "kernel")
    *progress, last = ask(view, {"type": "weight_statistics", "request": 1, "parameter": kernel.id})
    values = np.asarray(model.get_layer("a").get_weights()[0])
    assert [answer["request"] for answer in progress] == [1] * len(progress)
    assert last["result"]["count"] == 30
    assert last["result"]["mean"] == pytest.approx(values.mean(), rel=1e-5, abs=1e-7)
    assert sum(last["result"]["histogram"]["counts"]) == 30


def test_a_request_that_cannot_be_met_is_answered_with_the_reason(view):
    (answer,) = ask(view, {"type": "weight_statistics", "request": 2, "parameter": 99})
    assert "no weight number 99" in answer["error"]
    assert ask(view, {"type": "nonsense"}) == []


def test_statistics_of_a_model_that_is_gone_say_so(tmp_path):
    view = nbviz.view(keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]))
    gc.collect()
    (answer,) = ask(view, {"type": "weight_statistics", "request": 3, "parameter": 0})
    assert "no longer" in answer["error"]


def test_a_cancelled_request_stops(view, monkeypatch):
    pieces = []

    def endless(parameter):
        while True:
            pieces.append(1)
            yield 0.1

    monkeypatch.setattr(Requests, "_statistics", lambda self, parameter: endless(parameter))
    view.send = lambda content, buffers=None: None

    async def session():
        view._answer(view, {"type": "weight_statistics", "request": 4, "parameter": 0}, [])
        await asyncio.sleep(0)
        view._answer(view, {"type": "cancel", "request": 4}, [])
        await asyncio.sleep(0.01)
        stopped_at = len(pieces)
        await asyncio.sleep(0.01)
        return stopped_at

    assert asyncio.run(session()) == len(pieces)


def test_a_notebook_keeps_a_table_with_the_totals(view):
    data, _ = view._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert "Total params: <b>59</b>" in data["text/html"]
    assert "(None, 5)" in data["text/html"]
    assert data["text/plain"].startswith("<nbviz.ModelView of ")


def test_text_from_a_model_never_becomes_markup(tmp_path):
    evil = "</script><script>alert(1)</script>&<img src=x>"
    layers = [keras.Input((2,)), keras.layers.Dense(2, name="x")]
    model = keras.Sequential(layers)
    model.name = evil
    view = nbviz.view(model, title=evil)
    page = view.save(tmp_path / "evil.html").read_text()
    fallback = view._repr_mimebundle_()[0]["text/html"]
    framed = view.static()._repr_html_()
    assert evil not in page
    assert "<script>alert" not in page + fallback + framed
    assert "<img src=x" not in fallback + framed
    assert page.count("</script>") == 2
    assert " style=" not in page.split("</style>", 1)[1].split("<script", 1)[0]  # the page's own policy refuses them


def test_a_saved_table_is_the_one_on_screen(view, tmp_path):
    view.sort = [{"id": "params", "desc": True}]
    view.columns = ["params", "type"]
    rows = view.save(tmp_path / "table.csv").read_text().splitlines()
    assert rows == ["path,params,type", "a,35,Dense", "b,24,Dense"]
    view.filter = {"text": "b.bias", "types": []}
    assert view.save(tmp_path / "table.csv").read_text().splitlines()[1:] == ["b,24,Dense"]
    assert "a" in view.save(tmp_path / "table.html", part="table").read_text()
    with pytest.raises(nbviz.OptionError, match=r"A view can be saved as .html.*found 'net.htm'.*'.html'"):
        view.save(tmp_path / "net.htm")
    with pytest.raises(nbviz.OptionError, match=r"is only for \.html"):
        view.save(tmp_path / "net.csv", part="graph")


def test_the_static_view_is_the_whole_page_in_a_sandboxed_frame(view):
    framed = view.static()._repr_html_()
    assert 'sandbox="allow-scripts allow-downloads' in framed
    inner = html.unescape(framed.split('srcdoc="', 1)[1].rsplit('"', 1)[0])
    assert inner.startswith("<!doctype html>")
    assert "allow-same-origin" not in framed
