"""The table as a view shows it, in every text format, with model text that tries to be more than text."""

import csv
import io
import re
from html.parser import HTMLParser

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbviz.errors import OptionError
from nbviz.graph import Call, Layer
from nbviz.metrics import Metrics
from nbviz.views.box import clean
from nbviz.views.export import LONG, write_table
from nbviz.views.present import present
from nbviz.views.table import frame
from tests.fixtures.graphs import graph, shared, tensor


@pytest.fixture
def metrics():
    return Metrics(shared())


@pytest.fixture
def table(metrics):
    return frame(metrics)


def layers_named(*names, type_="Dense"):
    """One layer of each name; the path is the name, as nobody escapes it here."""
    return Metrics(graph([Layer("", "net", "Net"), *(Layer(name, name, type_, "", "") for name in names)]))


def named(*names, type_="Dense"):
    """A table with one layer of each name."""
    return frame(layers_named(*names, type_=type_))


def paths(frame):
    return frame.index.tolist()


# What a view shows


def test_nothing_asked_is_the_whole_table(table, metrics):
    pd.testing.assert_frame_equal(present(table, metrics), table)
    assert present(table, metrics).attrs == table.attrs


def test_sorts_by_one_column_unknown_last_in_both_directions(table, metrics):
    for descending in (False, True):
        found = present(table, metrics, sort=[{"id": "macs", "desc": descending}])["macs"]
        known = found.dropna().tolist()
        assert known == sorted(known, reverse=descending)
        assert found.isna().tolist() == sorted(found.isna().tolist())


def test_sorts_by_several_columns_and_keeps_the_order_of_equals(table, metrics):
    found = present(table, metrics, sort=[{"id": "type", "desc": False}, {"id": "params", "desc": True}])
    assert paths(found) == [
        "block", "concat#1", "unused", "block/down", "block/up", "head", "~end", "a", "b", "tail"
    ]  # fmt: skip
    equal = present(table, metrics, sort=[{"id": "calls", "desc": True}])
    assert paths(equal)[:3] == ["block", "block/up", "block/down"]


def test_the_models_own_row_stands_only_in_the_tree(table, metrics):
    assert "" in paths(present(table, metrics))
    assert "" not in paths(present(table, metrics, sort=[{"id": "params", "desc": True}]))
    assert "" not in paths(present(table, metrics, filter={"text": "e", "types": []}))


def test_names_sort_as_people_count():
    metrics = layers_named("conv10", "Conv2", "conv_1", "conv1", "cönv3", "b", "conv02b", "9")
    found = paths(present(frame(metrics), metrics, sort=[{"id": "path", "desc": False}]))
    assert found == ["9", "b", "conv_1", "conv1", "Conv2", "conv02b", "cönv3", "conv10"]


def test_shapes_sort_by_their_dimensions_and_not_by_their_text():
    shapes = [(None, 10), (None, 9), (None,), ("n", 1), ()]
    net = graph(
        [Layer("", "net", "Net"), *(Layer(f"l{i}", "l", "L", "", "") for i in range(5))],
        [
            Call(0, "layer", "", "Net", None, ""),
            *(Call(i + 1, "layer", f"l{i}", "L", 0, f"l{i}", (), (tensor(*s),)) for i, s in enumerate(shapes)),
        ],
    )
    metrics = Metrics(net)
    found = present(frame(metrics), metrics, sort=[{"id": "output_shape", "desc": False}])
    assert [tuple(shape) for shape in found["output_shape"]] == [(), (None,), (None, 9), (None, 10), ("n", 1)]


def test_filters_by_text_with_whatever_rows_there_are(table, metrics):
    assert paths(present(table, metrics, filter={"text": "dense block/"})) == ["block/up", "block/down"]
    assert paths(present(table, metrics, filter={"text": "  "})) == paths(table)
    bare = frame(metrics, operations=False)
    assert paths(present(bare, metrics, filter={"text": "concat"})) == []


def test_filters_by_exact_types(table, metrics):
    assert paths(present(table, metrics, filter={"text": "", "types": ["Dense", "group"]})) == [
        "block/up", "block/down", "~end", "head", "unused"
    ]  # fmt: skip
    assert paths(present(table, metrics, filter={"text": "block", "types": ["Dense"]})) == ["block/up", "block/down"]
    assert paths(present(table, metrics, filter={"text": "", "types": ["Den"]})) == []


def test_columns_are_those_asked_for_in_their_order_behind_the_path(table, metrics):
    assert present(table, metrics, columns=["params", "path", "type"]).columns.tolist() == ["params", "type"]
    assert present(table, metrics, columns=[]).columns.tolist() == []
    filtered = present(table, metrics, columns=["params"], filter={"text": "dense", "types": []}, sort=[{"id": "type"}])
    assert paths(filtered) == ["block/up", "block/down", "head", "unused"]


def test_users_own_columns_sort_whatever_they_hold(table, metrics):
    mixed = table.assign(mine=[3, "x", None, 1.5, "a10", "a9", True, float("nan"), -2, pd.NaT, 7])
    found = present(mixed, metrics, sort=[{"id": "mine", "desc": False}])["mine"].tolist()
    assert found[:7] == [-2, True, 1.5, 7, "a9", "a10", "x"]


@pytest.mark.parametrize("where", [{"columns": ["parms"]}, {"sort": [{"id": "parms", "desc": True}]}])
def test_unknown_column_is_named_with_the_nearest(table, metrics, where):
    with pytest.raises(OptionError, match=r"no column 'parms'\. Did you mean 'params'\?"):
        present(table, metrics, **where)


def test_frame_is_left_as_it_was(table, metrics):
    before = table.copy()
    present(
        table, metrics, sort=[{"id": "params", "desc": True}], columns=["params"], filter={"text": "d", "types": []}
    )
    for suffix in (".csv", ".md", ".tex", ".html"):
        write_table(table, suffix)
    pd.testing.assert_frame_equal(table, before)


# CSV


def read_csv(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_csv_has_plain_numbers_and_empty_cells(table):
    rows = {row["path"]: row for row in read_csv(write_table(table, ".csv"))}
    assert rows["unused"] | {"share": ""} == {
        "path": "unused",
        "kind": "layer",
        "type": "Dense",
        "input_shape": "",
        "output_shape": "",
        "dtype": "",
        "param_shape": "(1000,), (2,)",
        "param_dtype": "int4, uint32",
        "params": "1000",
        "trainable_params": "1000",
        "own_params": "1000",
        "share": "",
        "bytes": "500",
        "macs": "",
        "output_bytes": "",
        "calls": "0",
        "order": "",
        "connected_to": "",
    }
    assert float(rows["unused"]["share"]) == table.loc["unused", "share"]
    assert rows["block"]["connected_to"] == "a, b"
    assert rows[""]["input_shape"] == "(None, time, 4), (None, 3, 4)"


def test_csv_reads_back_with_pandas(table):
    again = pd.read_csv(io.StringIO(write_table(table, ".csv")), keep_default_na=False)
    assert again["path"].tolist() == paths(table)
    assert again["params"].tolist() == table["params"].tolist()


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6))
def test_csv_keeps_every_name_or_makes_it_harmless(name):
    (_, row) = read_csv(write_table(named(name), ".csv"))
    assert row["path"] in {clean(name), f"'{clean(name)}"}
    assert not row["path"].startswith(("=", "+", "-", "@", "\t", "\r"))


def test_csv_leaves_negative_numbers_alone(table):
    text = write_table(table.assign(mine=-1.5)[["mine"]], ".csv")
    assert text.splitlines()[1] == ",-1.5"


# For readers


def test_markdown_is_a_table_with_numbers_to_the_right(table, metrics):
    shown = present(table, metrics, columns=["type", "params", "share", "bytes", "output_shape"]).loc[
        ["unused", "block"]
    ]
    assert write_table(shown, ".md").splitlines() == [
        "| path | type | params | share | bytes | output_shape |",
        "| --- | --- | ---: | ---: | ---: | --- |",
        "| unused | Dense | 1,000 | 95.8% | 500.00 B |  |",
        "| block | Block | 36 | 3.4% | 132.00 B | (None, time, 4) |",
    ]


def test_a_small_share_is_not_written_as_none(table):
    shown = table.assign(share=0.0004)[["share"]]
    assert "| &lt;0.1% |" in write_table(shown, ".md")
    assert r"\textless{}0.1\%" in write_table(shown, ".tex")
    assert "&lt;0.1%" in write_table(shown, ".html")


@pytest.mark.parametrize(
    ("name", "escaped"),
    [
        ("conv4_block1_2_conv", "conv4_block1_2_conv"),
        ("_private_", r"\_private\_"),
        ("a|b", r"a\|b"),
        ("a\\|b", r"a\\\|b"),
        ("**x** `y` [z](w)", r"\*\*x\*\* \`y\` \[z\](w)"),
        ("<script>&", "&lt;script&gt;&amp;"),
        ("$x$ ~~y~~", r"\$x\$ \~\~y\~\~"),
        ("two\nlines", "two lines"),
        ("https://evil www.evil", r"https\://evil www\.evil"),
        ("\x1b[31mred", "\ufffd\\[31mred"),
    ],
)
def test_markdown_shows_names_as_they_are(name, escaped):
    assert write_table(named(name)[[]], ".md").splitlines()[3] == f"| {escaped} |"


@given(st.text(min_size=1, max_size=8))
def test_markdown_row_has_as_many_cells_as_the_head(name):
    head, *rest = write_table(named(name)[["type", "params"]], ".md").split("\n")[:-1]
    assert len(rest) == 3
    for line in (head, *rest):
        assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) == 4
        assert "<" not in line


def test_latex_is_a_booktabs_table(table, metrics):
    shown = present(table, metrics, columns=["type", "params", "share"]).loc[["concat#1", "unused"]]
    assert write_table(shown, ".tex").splitlines() == [
        r"\begin{tabular}{llrr}",
        r"\toprule",
        r"path & type & params & share \\",
        r"\midrule",
        r"concat\#1 & concat & 0 & 0.0\% \\",
        r"unused & Dense & 1,000 & 95.8\% \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]


def test_latex_table_of_many_rows_breaks_across_pages():
    names = [f"l{i}" for i in range(LONG)]
    assert r"\begin{longtable}" in write_table(named(*names), ".tex")
    assert r"\begin{tabular}" in write_table(named(*names[1:]), ".tex")


@pytest.mark.parametrize(
    ("name", "escaped"),
    [
        ("a_b", r"a\_b"),
        ("50% & $x$ #1 {y}", r"50\% \& \$x\$ \#1 \{y\}"),
        ("\\input{/etc/passwd}", r"\textbackslash{}input\{/etc/passwd\}"),
        ("~x^2", r"\textasciitilde{}x\textasciicircum{}2"),
        ("[0]", r"{[}0]"),  # behind \\ a bracket would be an argument
        ("*x", r"{*}x"),
        ("a--b---c", r"a-{}-b-{}-{}-c"),
        ("<a|b>", r"\textless{}a\textbar{}b\textgreater{}"),
        ("%", r"\%"),
        ("層", "層"),
    ],
)
def test_latex_escapes_what_is_special(name, escaped):
    assert write_table(named(name)[[]], ".tex").splitlines()[5] == rf"{escaped} \\"


class Cells(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.texts = set(), []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag in {"td", "th"}:
            self.texts.append("")

    def handle_data(self, data):
        if self.texts and data.strip("\n"):
            self.texts[-1] += data


@given(st.text("<>&\"'/ab=-![]", min_size=1, max_size=12))
def test_html_never_becomes_markup(name):
    found = Cells()
    found.feed(write_table(named(name, type_=name)[["type"]], ".html"))
    assert found.tags == {"table", "thead", "tbody", "tr", "th", "td"}
    assert found.texts == ["path", "type", "", "Net", name, name]


def test_unknown_suffix_is_refused_with_the_known_ones(table):
    with pytest.raises(OptionError, match=r"saved as \.csv, \.md, \.tex, \.html; found '\.cvs'\. Did you mean '\.csv'"):
        write_table(table, ".cvs")


def test_table_without_rows_is_written(table):
    for suffix in (".csv", ".md", ".tex", ".html"):
        assert "params" in write_table(table.iloc[:0], suffix)
