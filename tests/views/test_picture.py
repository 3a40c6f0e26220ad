"""Pictures of the graph: written without a browser, as sharp as asked for, never too large without a word."""

from __future__ import annotations

import base64
import io
import re
import subprocess
import sys
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pypdf
import pytest
from PIL import Image

import nbviz
from nbviz.graph import Diagnostic, Layer
from nbviz.views import raster, svg
from nbviz.views.picture import Picture, check_drawable
from tests.fixtures.graphs import chain, graph, shared, tutorial

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def view():
    return nbviz.view(tutorial())


def texts(drawn):
    return [element.text for element in ElementTree.fromstring(drawn).iter(f"{SVG}text")]


def strip(width, height):
    """A picture of this size with a line of text at each end."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
        f'<rect width="100%" height="100%" fill="#ffffff"/><rect x="0" y="{height - 40}" width="{width}" height="40"/></svg>'
    )


def pixels(file):
    with Image.open(file) as opened:
        return np.asarray(opened.convert("L"))


def test_an_svg_shows_what_the_view_shows(view, tmp_path):
    everything = texts(view.save(tmp_path / "net.svg").read_text())
    assert view.graph.name not in everything  # it is the document's label, not a part of the drawing
    layers = [path.rpartition("/")[2] for path in view.table.index[1:]]
    assert set(layers) <= set(everything)


def test_half_a_surrogate_pair_is_left_out(view, tmp_path):
    view.title = "caf\udce9"
    assert 'aria-label="caf"' in view.save(tmp_path / "net.svg").read_text("utf-8")


def test_selection_colors_direction_and_search_are_in_the_picture(view, tmp_path):
    plain = view.save(tmp_path / "net.svg").read_text()
    for name, value in {"selection": (view.table.index[2],), "color_by": "type", "direction": "right"}.items():
        view.set_trait(name, value)
        changed = view.save(tmp_path / "net.svg").read_text()
        assert changed != plain, name
        plain = changed
    view.search = "nothing is called like this"
    assert 'opacity="0.25"' in view.save(tmp_path / "net.svg").read_text()


def test_what_is_selected_shows_even_if_nobody_has_opened_it(tmp_path):
    view = nbviz.view(shared(), depth=1)
    inner = next(path for path in view.table.index if "/" in path)
    name = inner.rpartition("/")[2]
    assert name not in texts(view.save(tmp_path / "net.svg").read_text())
    view.selection = (inner,)
    assert name in texts(view.save(tmp_path / "net.svg").read_text())


def test_the_themes_differ_in_their_ground(view, tmp_path):
    light, dark = (pixels(view.save(tmp_path / f"{t}.png", theme=t))[0, 0] for t in ("light", "dark"))
    assert light > 240
    assert dark < 40


def test_a_png_has_the_pixels_that_dpi_asks_for(view, tmp_path):
    width, height = svg.size_of(view.save(tmp_path / "net.svg").read_text())
    found = pixels(view.save(tmp_path / "net.png", dpi=192))
    assert found.shape == (2 * height, 2 * width)
    assert pixels(view.save(tmp_path / "net.jpg", dpi=192)).shape == found.shape


def test_texts_keep_to_their_boxes(view, tmp_path):
    """The fonts of pictures are no wider than the table by which boxes are sized."""
    from PIL import ImageFont

    from nbviz.views.fonts import font_folder

    drawn = ElementTree.fromstring(view.save(tmp_path / "net.svg").read_text())
    box = None
    with font_folder() as folder:
        faces = {"regular": "figo", "bold": "figbo", "mono": "fimo"}
        fonts = {face: ImageFont.truetype(folder / f"{name}.ttf", 1000) for face, name in faces.items()}
        checked = 0
        for group in drawn.iter(f"{SVG}g"):
            box = group.find(f"{SVG}rect")
            for text in group.findall(f"{SVG}text"):
                if box is None or text.get("text-anchor") != "start" or group.find(f"{SVG}path") is not None:
                    continue
                face = "mono" if "Mono" in text.get("font-family") else "bold" if text.get("font-weight") else "regular"
                width = fonts[face].getlength(text.text) / 1000 * float(text.get("font-size"))
                assert float(text.get("x")) + width <= float(box.get("x")) + float(box.get("width")), text.text
                checked += 1
    assert checked > 5


def test_a_pdf_is_one_page_of_the_drawings_size_with_real_text(view, tmp_path):
    file = pypdf.PdfReader(view.save(tmp_path / "net.pdf"))
    [page] = file.pages
    drawn = view.save(tmp_path / "net.svg").read_text()
    assert [page.mediabox.width, page.mediabox.height] == pytest.approx([0.75 * side for side in svg.size_of(drawn)])
    assert {"dense", "dense_1", "sequential"} <= {*page.extract_text().split(), file.metadata.title}


def test_names_are_no_markup(tmp_path):
    hostile = tutorial(name="<script>&\x00")
    drawn = nbviz.view(hostile).save(tmp_path / "odd.svg").read_text()
    allowed = {f"{SVG}{tag}" for tag in ("svg", "g", "rect", "path", "text", "title")}
    assert {element.tag for element in ElementTree.fromstring(drawn).iter()} <= allowed
    assert pixels(nbviz.view(hostile).save(tmp_path / "odd.png")).size > 0


def test_a_picture_that_is_scaled_too_far_says_so(view, tmp_path):
    with pytest.warns(
        nbviz.PictureWarning, match=r"net.png is limited to 43 dots per inch.*too small to read"
    ) as caught:
        view.save(tmp_path / "net.png", max_pixels=20_000)
    assert caught[0].filename == __file__
    with pytest.warns(nbviz.PictureWarning, match=r"is limited to \d+ dots per inch \(.* pixels\)"):
        view.save(tmp_path / "net.png", dpi=1000, max_pixels=1_000_000)


def test_what_is_too_long_for_one_file_comes_in_tiles(tmp_path):
    from nbviz.views.picture import save_picture

    saved = save_picture(strip(60, 20_000), tmp_path / "net.png", title="net", dpi=192, max_pixels=None)
    assert [path.name for path in saved.paths] == [f"net-{i}.png" for i in range(1, len(saved.paths) + 1)]
    assert "net-1.png to net-7.png, row by row" in saved.note
    together = np.vstack([pixels(path) for path in saved.paths])
    assert together.shape[1] == 120
    assert together.shape[0] == pytest.approx(40_000, abs=len(saved.paths))
    assert together[:1000].min() == 255
    assert together[-40:].max() == 0


@pytest.mark.parametrize(("width", "height"), [(60, 40_000), (40_000, 60), (3000, 3000)])
def test_bounded_pictures_keep_their_proportions_and_every_programs_limit(width, height):
    size = raster.fitting(strip(width, height), 200, 8_000_000)
    assert size.width * size.height <= 8_000_000 * 1.001  # whole pixels
    assert max(size.width, size.height) <= raster.LONGEST
    assert size.width / size.height == pytest.approx(width / height, rel=0.02)


@pytest.mark.parametrize("wish", [{"theme": "pink"}, {"dpi": 0}, {"dpi": "200"}, {"max_pixels": -1}])
def test_wrong_wishes_are_refused_by_name(view, tmp_path, wish):
    [(name, value)] = wish.items()
    with pytest.raises(nbviz.OptionError, match=rf"{name} must be .*{value}"):
        view.save(tmp_path / "net.png", **wish)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("missing", ["py_mini_racer", "resvg_py", "pymupdf_fonts"])
def test_without_the_extra_the_message_names_it(view, tmp_path, monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(nbviz.MissingExtraError, match=rf"{missing}.*pip install 'nbviz\[image\]'.*Save menu"):
        view.save(tmp_path / "net.png")
    assert list(tmp_path.iterdir()) == []


def test_a_notebook_gets_the_drawing_and_a_small_png(view, tmp_path):
    drawn = view.save(tmp_path / "net.svg").read_text()
    data, metadata = Picture(drawn, "net")._repr_mimebundle_()
    assert data["image/svg+xml"] == drawn
    with Image.open(io.BytesIO(data["image/png"])) as opened:
        assert opened.size == svg.size_of(drawn)
    assert metadata["image/png"] == dict(zip(("width", "height"), svg.size_of(drawn), strict=True))
    assert "net" in data["text/plain"]


def test_the_process_ends_after_a_picture(tmp_path):
    code = f"""
import nbviz
from tests.fixtures.graphs import chain, shared, tutorial
nbviz.view(tutorial()).save({str(tmp_path / "net.png")!r})
"""
    done = subprocess.run([sys.executable, "-c", code], timeout=60, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "net.png").is_file()


def heard(view, message):
    """What the view sends when the browser sends this, with the bytes."""
    sent = []
    view.send = lambda content, buffers=None: sent.append((content, buffers))
    view._answer(view, message, [])
    return sent


def test_the_save_menu_gets_a_pdf_of_what_is_shown(view):
    [(answer, [data])] = heard(view, {"type": "pdf", "request": 7, "theme": "dark"})
    assert answer == {"type": "pdf", "request": 7, "result": True}
    [page] = pypdf.PdfReader(io.BytesIO(data)).pages
    assert "dense" in page.extract_text()


def test_the_save_menu_hears_which_extra_is_missing(view, monkeypatch):
    monkeypatch.setitem(sys.modules, "typst", None)
    [(answer, buffers)] = heard(view, {"type": "pdf", "request": 7, "theme": "light"})
    assert re.search(r"typst.*pip install 'nbviz\[image\]'", answer["error"])
    assert buffers == []


def shown(view):
    data, _ = view._repr_mimebundle_()
    return data["text/html"]


def image_in(text):
    [(kind, data)] = re.findall(r'<img src="data:image/([a-z+]+);base64,([^"]+)"', text)
    return kind, base64.b64decode(data)


def test_a_notebook_that_is_only_read_shows_the_graph_beside_the_table(view, tmp_path):
    kind, data = image_in(shown(view))
    assert kind == "svg+xml"
    assert data.decode() == view.save(tmp_path / "net.svg").read_text()
    assert "<table" in shown(view)
    assert image_in(view.static()._repr_html_())[1] == data


def test_a_long_drawing_is_kept_small(monkeypatch):
    from nbviz.views import preview

    monkeypatch.setattr(preview, "_MOST_BYTES", 120_000)
    view = nbviz.view(chain(120))
    view.expanded = ["≡l0"]
    kind, data = image_in(shown(view))
    assert kind == "png"
    assert len(data) <= 120_000
    monkeypatch.setattr(preview, "_MOST_BYTES", 300)
    assert "<img" not in shown(view)


def test_without_the_extra_or_in_a_huge_model_the_table_is_alone(view, monkeypatch):
    from nbviz.views import preview

    with monkeypatch.context() as patch:
        patch.setattr(preview, "MOST_CALLS", 2)
        assert "<img" not in shown(view)
    monkeypatch.setattr(preview, "has", lambda *modules: False)
    assert "<img" not in shown(view)
    assert "<table" in shown(view)


@pytest.mark.zoo
@pytest.mark.parametrize(("name", "most"), [("ResNet50", 150_000), ("DenseNet201", 300_000), ("NASNetLarge", 300_000)])
def test_previews_of_real_models_are_small(name, most):
    keras = pytest.importorskip("keras")
    assert len(shown(nbviz.view(getattr(keras.applications, name)(weights=None)))) < most


@pytest.mark.parametrize("suffix", ["svg", "png", "pdf", "jpg"])
def test_a_checkpoint_has_no_picture_and_says_why(suffix, tmp_path):
    arrays = {"layer/kernel": np.zeros((3, 4))}
    for draw in (nbviz.view(arrays).save, lambda file: nbviz.plot_model(arrays, file)):
        with pytest.raises(
            nbviz.InputsError, match=r"no graph of .* to draw\. A checkpoint has tensors but no graph"
        ) as error:
            draw(tmp_path / f"net.{suffix}")
        assert "inputs=" not in str(error.value)
    assert not list(tmp_path.iterdir())
    assert nbviz.view(arrays).save(tmp_path / "net.csv").is_file()


def test_all_notes_tell_why_there_is_no_picture():
    notes = [Diagnostic("note", "Lazy layers create their weights."), Diagnostic("note", "Pass inputs.")]
    alone = replace(graph([Layer("", "net", "Net")], []), diagnostics=tuple(notes))
    with pytest.raises(nbviz.InputsError, match=r"create their weights\. Pass inputs\. Its table"):
        check_drawable(alone)
