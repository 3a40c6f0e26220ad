"""The summary as text: against what Keras prints, and where it says more than Keras."""

import math
import re
from dataclasses import replace

import pytest

from nbviz.errors import OptionError
from nbviz.graph import Call, Diagnostic, Layer
from nbviz.metrics import Metrics
from nbviz.views.box import clean, text_width, wrap
from nbviz.views.text import size_text, summary_text
from tests.fixtures.graphs import adam, chain, graph, matmul, shared, tensor, tower, tutorial, weight

BORDERS = tuple("┏┃┡│├└")
HEADINGS = ("Layer (type)", "Output Shape", "Param #", "Connected to", "Trainable")


def parse(text):
    """Read a printed summary, Keras' or ours: the title, the table's rows as dicts, and the lines below it."""
    title, *lines = text.splitlines()
    rows, cells = [], None
    for line in lines:
        if line.startswith(("┃", "│")):
            parts = [cell.strip() for cell in re.split("[┃│]", line)[1:-1]]
            cells = (
                parts if cells is None else ["\n".join(filter(None, pair)) for pair in zip(cells, parts, strict=True)]
            )
        elif cells is not None:
            rows.append(cells)
            cells = None
    heading, *body = rows
    below = [line.strip() for line in lines[[line[:1] for line in lines].index("└") + 1 :] if line.strip()]
    return title, [dict(zip(heading, row, strict=True)) for row in body], below


def printed(net, **options):
    return parse(summary_text(Metrics(net), **{"line_length": 160} | options))


def layers_of(rows):
    return [row["Layer (type)"].removeprefix("└ ").split("\n")[0] for row in rows]


# The layout


def test_tutorial_model_prints_as_in_every_tutorial():
    assert summary_text(Metrics(tutorial(optimizer=adam(16, 68))), line_length=60) == (
        'Model: "sequential"\n'
        "┏━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━┓\n"
        "┃ Layer (type)             ┃ Output Shape       ┃  Param # ┃\n"
        "┡━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━┩\n"
        "│ dense (Dense)            │ (None, 2)          │        4 │\n"
        "├──────────────────────────┼────────────────────┼──────────┤\n"
        "│ dense_1 (Dense)          │ (None, 1)          │        3 │\n"
        "└──────────────────────────┴────────────────────┴──────────┘\n"
        " Total params: 7 (28.00 B)\n"
        " Trainable params: 7 (28.00 B)\n"
        " Non-trainable params: 0 (0.00 B)\n"
        " Optimizer params: 16 (68.00 B), not in the total"
    )


@pytest.mark.parametrize("length", [40, 61, 88, 108, 200])
@pytest.mark.parametrize("net", [tutorial(), shared(), tower(30)], ids=["tutorial", "shared", "tower"])
def test_every_line_of_the_table_is_as_long_as_asked(net, length):
    for options in ({}, {"expand_nested": True}, {"show_trainable": True}):
        if length == 40 and options.get("show_trainable"):
            continue
        lines = summary_text(Metrics(net), line_length=length, **options).splitlines()
        assert {text_width(line) for line in lines if line.startswith(BORDERS)} == {length}
        assert all(text_width(line) <= length for line in lines)


@pytest.mark.parametrize(("columns", "length"), [(200, 88), (80, 76), (60, 56), (40, 36), (10, 76)])
def test_width_follows_the_terminal_and_is_sensible_without_one(monkeypatch, columns, length):
    monkeypatch.setenv("COLUMNS", str(columns))
    assert len(summary_text(Metrics(tutorial())).splitlines()[1]) == length


def test_connections_and_trainable_make_it_wider(monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")
    metrics = Metrics(shared())
    assert len(summary_text(metrics).splitlines()[1]) == 108
    assert len(summary_text(metrics, show_trainable=True).splitlines()[1]) == 120
    assert "Trainable" in summary_text(metrics, show_trainable=True, line_length=80)


@pytest.mark.parametrize("positions", [[0.5, 0.75, 1.0], [30, 45, 60], (0.5, 0.75, 1)])
def test_positions_are_shares_or_characters(positions):
    line = summary_text(Metrics(tutorial()), line_length=60, positions=positions).splitlines()[1]
    assert [at for at, mark in enumerate(line) if mark in "┏┳┓"] == [0, 30, 45, 59]


def test_positions_in_characters_set_the_width():
    assert len(summary_text(Metrics(tutorial()), positions=[30, 45, 70]).splitlines()[1]) == 70


def test_three_positions_leave_the_connections_out():
    _, rows, _ = printed(shared(), positions=[0.4, 0.8, 1.0])
    assert list(rows[0]) == list(HEADINGS[:3])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"line_length": 12}, "too narrow for 3 columns"),
        ({"positions": [0.01, 0.8, 1.0]}, "too narrow for 3 columns"),
        (
            {"positions": [0.5, 1.0]},
            "3 increasing numbers, the ends of the columns Layer (type), Output Shape, Param #",
        ),
        ({"positions": [0.8, 0.5, 1.0]}, "3 increasing numbers"),
        ({"layer_range": ["dense"]}, "layer_range must be two names"),
        ({"layer_range": "dense"}, "layer_range must be two names"),
        ({"layer_range": ["dense", 1]}, "layer_range must be two names"),
        ({"layer_range": ["dnse", "dense_1"]}, "'dnse', which matches no top-level layer"),
        ({"layer_range": ["dnse", "dense_1"]}, "Did you mean 'dense'?"),
        ({"layer_range": ["dense", "("]}, "neither a layer name nor a valid pattern"),
    ],
)
def test_arguments_that_do_not_fit_are_named(options, message):
    with pytest.raises(OptionError, match=re.escape(message)):
        summary_text(Metrics(tutorial()), **{"line_length": 100} | options)


@pytest.mark.parametrize(
    ("layer_range", "names"),
    [
        (["a", "b"], ["a", "b"]),  # a name means itself, though "b" as a pattern matches "block"
        (["block", "block"], ["block"]),
        (("concat#1", "head"), ["concat#1", "head"]),
        (("head", "concat#1"), ["concat#1", "head"]),
        ([".*b", "t.*"], ["b", "block", "concat#1", "head", "tail"]),
        (["b.", "h"], ["block", "concat#1", "head"]),
        (["unused", "unused"], ["unused"]),
    ],
)
def test_layer_range_takes_names_and_patterns(layer_range, names):
    _, rows, below = printed(shared(), layer_range=layer_range)
    assert [name.split(" ")[0] for name in layers_of(rows)] == names
    assert below[0] == "Total params: 1,044 (664.00 B)"


def test_depth_opens_so_many_levels():
    assert layers_of(printed(shared(), depth=1)[1]) == layers_of(printed(shared())[1])
    assert layers_of(printed(shared(), depth=2)[1]) == layers_of(printed(shared(), expand_nested=True)[1])


def test_rows_however_deep_are_indented_each_in_the_one_around():
    paths = ["/".join("abcdefghijkl"[:depth]) for depth in range(1, 13)]
    net = graph([Layer("", "net", "Net"), *(Layer(path, path[-1], "Layer", "", path[:-2]) for path in paths)])
    text = summary_text(Metrics(net), depth=12, line_length=88)
    starts = [line.index("└") for line in text.splitlines() if line.startswith("│") and "└" in line]
    assert len(starts) == 11
    assert starts == sorted(set(starts))


def test_a_single_layer_is_a_row():
    net = graph([Layer("", "net", "Linear", "", None, (), (0,))], parameters=[weight(0, "kernel", (3, 4), "")])
    assert layers_of(printed(net)[1]) == [f"{net.name} (Linear)"]
    assert layers_of(printed(net, depth=1)[1]) == [f"{net.name} (Linear)"]


def test_a_row_that_holds_all_others_is_opened():
    layers = [Layer("", "net", "Net"), Layer("all", "all", "Wrapper", "", "")]
    layers += [Layer(path, path, "Layer", "", path.rpartition("/")[0]) for path in ("all/in", "all/in/a", "all/in/b")]
    calls = [
        Call(i, "layer", path, "Layer", None, path)
        for i, path in enumerate(["", "all", "all/in", "all/in/a", "all/in/b"])
    ]
    calls = [replace(call, parent=parent) for call, parent in zip(calls, [None, 0, 1, 2, 2], strict=True)]
    net = graph(layers, calls)
    assert [name.split(" ")[0] for name in layers_of(printed(net)[1])] == ["all", "in", "a", "b"]
    assert [name.split(" ")[0] for name in layers_of(printed(net, depth=1)[1])] == ["all"]


@pytest.mark.parametrize(
    ("blocks", "shown"), [(3, ["blocks", "0", "fc", "1", "fc", "2", "fc"]), (20, ["blocks", *map(str, range(20))])]
)
def test_without_a_graph_the_tree_is_open_as_far_as_a_screen_goes(blocks, shown):
    layers = [Layer("", "net", "Net"), Layer("blocks", "blocks", "Blocks", "", "")]
    for block in (f"blocks/{i}" for i in range(blocks)):
        layers += [Layer(block, block, "Block", "", "blocks"), Layer(f"{block}/fc", "fc", "Linear", "", block)]
    _, rows, _ = printed(graph(layers))
    assert [name.split(" ")[0] for name in layers_of(rows)] == shown


def test_layer_range_keeps_what_is_nested_in_it():
    _, rows, _ = printed(shared(), layer_range=["block", "block"], expand_nested=True)
    assert layers_of(rows) == ["block (Block)", "up (Dense)", "down (Dense)"]


def test_name_with_the_marks_of_a_pattern_is_found():
    net = graph([Layer("", "n", "N"), Layer("a+b", "a+b", "A", "", ""), Layer("c(", "c(", "C", "", "")])
    _, rows, _ = printed(net, layer_range=["a+b", "c("])
    assert layers_of(rows) == ["a+b (A)", "c( (C)"]


# What it says


def test_shared_layer_shows_its_calls_each_with_its_shape_and_source():
    _, rows, _ = printed(shared())
    assert rows[2] == {
        "Layer (type)": "block (Block)\n2 calls",
        "Output Shape": "(None, time, 4)\n(None, 3, 4)",
        "Param #": "36",
        "Connected to": "a[0][0]\nb[0][0]",
    }
    assert rows[3]["Connected to"] == "block[0][0], block[1][0]"
    assert rows[3]["Output Shape"] == "?"  # its rank is unknown
    assert rows[5]["Output Shape"] == "(None, 1), (None, 1)"


def test_nested_layers_show_where_their_tensors_come_from():
    _, rows, _ = printed(shared(), expand_nested=True)
    assert layers_of(rows)[2:5] == ["block (Block)", "up (Dense)", "down (Dense)"]
    assert rows[3]["Connected to"] == "a[0][0]\nb[0][0]"
    assert rows[4]["Connected to"] == "up[0][0]\nup[1][0]"


def test_layer_that_is_never_called_says_so():
    _, rows, _ = printed(shared())
    assert rows[-1]["Output Shape"] == "not called"
    assert rows[-1]["Param #"] == "1,000"


def test_trainable_follows_the_layers_switch_and_else_its_parameters():
    _, rows, _ = printed(shared(), show_trainable=True, expand_nested=True)
    assert [row["Trainable"] for row in rows] == ["-", "-", "part", "Y", "N", "-", "Y", "-", "Y"]


def unbuilt(**changes):
    layers = [
        Layer("", "net", "Net"),
        Layer("a", "a", "Dense", "", "", (), None, trainable=True),
        Layer("b", "b", "Dense", "", "", (), (0,)),
    ]
    return graph(layers, parameters=[weight(0, "kernel", (3,), "b")], **changes)


def test_what_is_not_built_is_a_question_mark_and_not_zero():
    text = summary_text(Metrics(unbuilt()), line_length=80, show_trainable=True)
    _, rows, below = parse(text)
    assert [list(row.values()) for row in rows] == [["a (Dense)", "?", "?", "Y"], ["b (Dense)", "(3,)", "3", "Y"]]
    assert below == ["Total params: unknown", "Trainable params: unknown", "Non-trainable params: unknown"]


def test_failed_forward_pass_is_marked_where_it_stopped():
    spec = (tensor(None, 8),)
    net = graph(
        [Layer("", "net", "Net"), *(Layer(name, name, "Dense", "", "") for name in "abc")],
        [
            Call(0, "layer", "", "Net", None, ""),
            Call(1, "layer", "a", "Dense", 0, "a", (), spec),
            Call(2, "layer", "b", "Dense", 0, "b", spec, failed=True),
        ],
        [(1, 0, 2, 0)],
        diagnostics=(Diagnostic("error", "b got 8 features,\nneeds 9.", "b", 2),),
    )
    _, rows, below = printed(net)
    assert [row["Output Shape"] for row in rows] == ["(None, 8)", "failed here", "not reached"]
    assert below[-1] == "Error at b: b got 8 features, needs 9."


def test_list_of_blocks_that_is_never_called_itself_is_opened():
    spec = (tensor(None, 8),)
    names = ["stem", "blocks/0", "blocks/1", "head"]
    net = graph(
        [
            Layer("", "net", "Net"),
            Layer("stem", "stem", "Dense", "", ""),
            Layer("blocks", "blocks", "ModuleList", "", ""),
            Layer("blocks/0", "0", "Dense", "", "blocks"),
            Layer("blocks/1", "1", "Dense", "", "blocks"),
            Layer("head", "head", "Dense", "", ""),
        ],
        [
            Call(0, "layer", "", "Net", None, ""),
            *(Call(i, "layer", name, "Dense", 0, name, spec, spec) for i, name in enumerate(names, 1)),
        ],
        [(1, 0, 2, 0), (2, 0, 3, 0), (3, 0, 4, 0)],
    )
    _, rows, _ = printed(net)
    assert layers_of(rows) == ["stem (Dense)", "blocks (ModuleList)", "0 (Dense)", "1 (Dense)", "head (Dense)"]
    assert rows[1]["Output Shape"] == "-"
    assert list(rows[0]) == list(HEADINGS[:3])  # a chain needs no arrows


def residual(operations):
    """A layer whose output skips another, the two joined by a chain of operations."""
    spec = (tensor(None, 8),)
    last = 2 + operations
    return graph(
        [Layer("", "net", "Net"), *(Layer(name, name, "Dense", "", "") for name in "abc")],
        [
            Call(0, "layer", "", "Net", None, ""),
            Call(1, "layer", "a", "Dense", 0, "a", (), spec),
            Call(2, "layer", "b", "Dense", 0, "b", spec, spec),
            Call(3, "operation", "add#1", "add", 0, None, spec * 2, spec),
            *(Call(2 + i, "operation", f"neg#{i}", "neg", 0, None, spec, spec) for i in range(2, operations + 1)),
            Call(last + 1, "layer", "c", "Dense", 0, "c", spec, spec),
        ],
        [(1, 0, 2, 0), (1, 0, 3, 0), (2, 0, 3, 1), *((i, 0, i + 1, 0) for i in range(3, last + 1))],
    )


def test_operations_are_rows_and_connections_go_through_them_when_they_are_too_many():
    _, rows, _ = printed(residual(1))
    assert [row["Connected to"] for row in rows] == ["-", "a[0][0]", "a[0][0], b[0][0]", "add#1[0][0]"]
    _, rows, below = printed(residual(10))
    assert [row["Connected to"] for row in rows] == ["-", "a[0][0]", "a[0][0], b[0][0]"]
    said = " ".join(" ".join(below).split())
    assert said.endswith(
        "Note: 10 operations are not shown; connections pass through them. In Python, ops=True shows them."
    )
    _, rows, below = printed(residual(10), ops=True)
    assert [row["Connected to"] for row in rows][2:4] == ["a[0][0], b[0][0]", "add#1[0][0]"]
    assert not any("not shown" in line for line in below)


def box_with_two_outputs(first, second):
    """A box whose second output is used."""
    return graph(
        [
            Layer("", "n", "N"),
            Layer("box", "box", "B", "", ""),
            Layer("box/x", "x", "X", "", "box"),
            Layer("y", "y", "Y", "", ""),
        ],
        [
            Call(0, "layer", "", "N", None, ""),
            Call(1, "layer", "box", "B", 0, "box", (), (first, second)),
            Call(2, "layer", "box/x", "X", 1, "box/x", (), (first, second)),
            Call(3, "layer", "y", "Y", 0, "y", (second,), (second,)),
            Call(4, "operation", "mul#1", "mul", 0, None, (second, second), (second,)),
        ],
        [(2, 1, 3, 0), (3, 0, 4, 0), (3, 0, 4, 1)],
    )


def test_output_of_a_box_is_told_by_its_shape_and_not_guessed():
    _, rows, _ = printed(box_with_two_outputs(tensor(2), tensor(3)))
    assert [row["Connected to"] for row in rows] == ["-", "box[0][1]", "y[0][0], y[0][0]"]
    _, rows, _ = printed(box_with_two_outputs(tensor(3), tensor(3)))
    assert rows[1]["Connected to"] == "box[0][?]"


def test_layer_called_a_thousand_times_stays_readable():
    spec = (tensor(None, 8),)
    net = graph(
        [Layer("", "net", "Net"), Layer("cell", "cell", "Cell", "", "")],
        [
            Call(0, "layer", "", "Net", None, ""),
            *(Call(i, "layer", "cell", "Cell", 0, "cell", spec, (tensor(None, i),)) for i in range(1, 1001)),
        ],
        [(i, 0, i + 1, 0) for i in range(1, 1000)],
    )
    _, (row,), _ = printed(net)
    assert row["Output Shape"].splitlines()[-2:] == ["(None, 8)", "and 992 more shapes"]
    assert row["Connected to"].splitlines()[:2] == ["-", "cell[0][0]"]
    assert row["Connected to"].splitlines()[-1] == "and 992 more calls"


def test_diagnostics_stand_at_the_end_wrapped_and_counted():
    notes = tuple(Diagnostic("note", f"number {i} " + "x" * 30) for i in range(50))
    text = summary_text(Metrics(tutorial(diagnostics=notes)), line_length=40)
    assert text.endswith("\n and 30 more notes")
    assert max(map(len, text.splitlines())) == 40


# Names


def test_long_names_are_wrapped_and_never_cut():
    name = "encoder_block_17_multi_head_self_attention_output_projection"
    net = graph([Layer("", name, "N"), Layer(name, name, "VeryLongLayerClassNameThatGoesOnAndOn", "", "")])
    text = summary_text(Metrics(net), line_length=50)
    column = "".join(line.split("│")[1].strip() for line in text.splitlines() if line.startswith("│"))
    assert column == f"{name}(VeryLongLayerClassNameThatGoesOnAndOn)"
    assert "…" not in text


def test_wide_characters_take_two_cells():
    net = graph(
        [Layer("", "模型", "N"), *(Layer(name, name, "層", "", "") for name in ("注意力機構" * 5, "é" * 9, "e\u0301"))]
    )
    lines = summary_text(Metrics(net), line_length=44).splitlines()
    assert {text_width(line) for line in lines if line.startswith(BORDERS)} == {44}
    assert text_width("層e\u0301") == 3


def test_control_characters_in_names_do_not_reach_the_terminal():
    evil = "\x1b[2Jgone\r\n\u202etxt\u2028x\u200b\x00"
    net = graph(
        [Layer("", evil, "N"), Layer("a", evil, evil, "", ""), Layer(evil, evil, "T", "", "")],
        diagnostics=(Diagnostic("note", evil, evil),),
    )
    text = summary_text(Metrics(net), line_length=100)
    assert all(character.isprintable() or character == "\n" for character in text)
    assert clean("a\u00a0b\tc") == "a b\ufffdc"


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("dense (Dense)", 20, ["dense (Dense)"]),
        ("dense (Dense)", 8, ["dense", "(Dense)"]),
        ("conv4_block1_2_conv", 10, ["conv4_", "block1_2_", "conv"]),
        ("abcdefgh", 3, ["abc", "def", "gh"]),
        ("", 5, [""]),
        ("a\nb", 5, ["a", "b"]),
        ("   └ name (Type)", 9, ["   └ name", "   (Type)"]),
        ("layer_name[12][3]", 12, ["layer_name", "[12][3]"]),
        ("層層", 1, ["層", "層"]),
        ("25,636,712", 8, ["25,636,", "712"]),
    ],
)
def test_wraps_at_blanks_then_inside_names_then_anywhere(text, width, lines):
    assert wrap(text, width) == lines


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0.00 B"), (28, "28.00 B"), (1023, "1023.00 B"), (1024, "1.00 KB"), (102_549_584, "97.80 MB"), (3 * 2**60, "3072.00 PB"), (None, "?")],
)  # fmt: skip
def test_sizes_print_in_units_of_1024(size, text):
    assert size_text(size) == text


def test_deep_nesting_does_not_recurse():
    text = summary_text(Metrics(tower(2000)), line_length=80, expand_nested=True)
    assert text.count("│ ") > 2000
    assert max(map(len, text.splitlines())) == 80


def test_long_models_print_fast_enough_to_be_tested():
    assert len(printed(chain(5000))[1]) == 5000
    assert math.isclose(len(summary_text(Metrics(chain(5000)), line_length=80)), 5000 * 2 * 81, rel_tol=0.01)


def test_unknown_macs_do_not_matter_here():
    net = graph([Layer("", "n", "N")], [Call(0, "layer", "", "N", None, "", compute=matmul((None, None, 2), 3))])
    assert "Total params: 0" in summary_text(Metrics(net))


# Beside Keras


@pytest.fixture(scope="module")
def keras():
    return pytest.importorskip("keras")


@pytest.fixture(autouse=True)
def wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")  # Keras cuts what does not fit into the terminal


def both(model, **options):
    """The summary as Keras and as nbviz print it, parsed."""
    import nbviz

    texts = []
    model.summary(print_fn=texts.append, line_length=300, **options)
    nbviz.print_summary(model, print_fn=texts.append, line_length=300, **options)
    assert len(texts) == 2
    return parse(texts[0]), parse(texts[1])


def comparable(rows):
    """Rows without what differs on purpose: how operations are named, how often a layer is called."""
    found = []
    for row in rows:
        name, kind = re.fullmatch(r"(?:└ )?(\S+)\s+\((\w+)\)(?:\n\d+ calls)?", row["Layer (type)"]).groups()
        connected = row.get("Connected to", "").replace("\n", ", ").replace(",,", ",")
        found.append({**row, "Layer (type)": (name.lower(), kind), "Connected to": connected})
    return found


def sequential(keras):
    layers = keras.layers
    return keras.Sequential([keras.Input((1,)), layers.Dense(2, "relu"), layers.Dense(1, "sigmoid")])


def siamese(keras):
    layers = keras.layers
    left, right = layers.Input((8,), name="left"), layers.Input((8,), name="right")
    encoder = layers.Dense(4, name="encoder")
    joined = layers.Concatenate(name="joined")([encoder(left), encoder(right)])
    outputs = {"score": layers.Dense(1, name="score")(joined), "side": layers.Dense(3, name="side")(joined)}
    return keras.Model([left, right], outputs, name="siamese")


def nested(keras):
    layers = keras.layers
    inner = keras.Sequential(
        [keras.Input((4,)), layers.Dense(4, name="one"), layers.BatchNormalization(name="two")], name="inner"
    )
    value = layers.Input((4,), name="value")
    middle = keras.Model(value, layers.Add(name="plus")([value, inner(value)]), name="middle")
    entry = layers.Input((4,), name="entry")
    return keras.Model(entry, layers.Dense(2, name="head")(middle(entry)), name="outer")


def frozen(keras):
    model = nested(keras)
    model.get_layer("middle").get_layer("inner").trainable = False
    model.get_layer("head").trainable = False
    return model


MODELS = [sequential, siamese, nested, frozen]


@pytest.mark.parametrize("make", MODELS)
@pytest.mark.parametrize("show_trainable", [False, True])
def test_prints_the_rows_that_keras_prints(keras, make, show_trainable):
    (title, theirs, totals), (our_title, ours, our_totals) = both(make(keras), show_trainable=show_trainable)
    assert our_title == title
    assert comparable(ours) == comparable(theirs)
    assert our_totals == totals


@pytest.mark.parametrize("make", [sequential, nested, frozen])
def test_prints_the_nested_rows_that_keras_prints(keras, make):
    (_, theirs, totals), (_, ours, our_totals) = both(make(keras), expand_nested=True, show_trainable=True)
    # Keras knows no connections inside nested models
    strip = [{**row, "Connected to": ""} for row in comparable(theirs)]
    assert [{**row, "Connected to": ""} for row in comparable(ours)] == strip
    assert our_totals == totals


@pytest.mark.parametrize(
    "layer_range", [("left", "joined"), ("joined", "left"), ("enc", "s.*"), (".*t", "score"), ("side", "side")]
)
def test_takes_the_layer_range_that_keras_takes(keras, layer_range):
    (_, theirs, _), (_, ours, _) = both(siamese(keras), layer_range=layer_range)
    assert comparable(ours) == comparable(theirs)


def test_bare_operations_are_rows_as_in_keras(keras):
    value = keras.Input((4,), name="value")
    model = keras.Model(value, keras.layers.Dense(2, name="head")(value + value))
    (_, theirs, _), (_, ours, _) = both(model)
    for column in ("Output Shape", "Param #"):
        assert [row[column] for row in ours] == [row[column] for row in theirs]
    assert ours[1]["Connected to"] == theirs[1]["Connected to"] == "value[0][0], value[0][0]"


def test_optimizer_is_a_line_of_its_own_outside_the_total(keras):
    import numpy as np

    model = sequential(keras)
    model.compile("adam", "mse")
    model.fit(np.zeros((4, 1)), np.zeros((4, 1)), verbose=0)
    (_, theirs, totals), (_, ours, our_totals) = both(model)
    assert comparable(ours) == comparable(theirs)
    assert our_totals[:3] == ["Total params: 7 (28.00 B)", *totals[1:3]]
    assert our_totals[3] == f"{totals[3]}, not in the total"
    count = int(re.search(r"\d+", totals[3])[0])
    assert totals[0].startswith(f"Total params: {7 + count} ")  # Keras adds it


def test_resnet50_prints_as_in_keras(keras):
    model = keras.applications.ResNet50(weights=None)
    (title, theirs, totals), (our_title, ours, our_totals) = both(model, show_trainable=True)
    assert our_title == title
    assert our_totals == totals
    assert our_totals[0] == "Total params: 25,636,712 (97.80 MB)"
    assert comparable(ours) == comparable(theirs)


def test_subclassed_model_shows_shapes_where_keras_shows_question_marks(keras):
    layers = keras.layers

    class Residual(keras.Model):
        def __init__(self):
            super().__init__(name="residual")
            self.first = layers.Dense(8, name="first")
            self.second = layers.Dense(8, name="second")

        def call(self, x):
            y = self.first(x)
            return y + self.second(y)

    import nbviz

    texts = []
    nbviz.print_summary(Residual(), (None, 4), print_fn=texts.append, line_length=160)
    _, rows, below = parse(texts[0])
    assert [list(row.values()) for row in rows] == [
        ["first (Dense)", "(None, 8)", "40", "-"],
        ["second (Dense)", "(None, 8)", "72", "first[0][0]"],
        ["add#1 (add)", "(None, 8)", "0", "first[0][0], second[0][0]"],
    ]
    assert below[0] == "Total params: 112 (448.00 B)"
