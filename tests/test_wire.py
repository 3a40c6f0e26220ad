"""The payload, as both languages read it, and the saved model graph."""

import gzip
import json
import math
import os
import struct
import time
from pathlib import Path

import pytest
from hypothesis import given, settings

from nbviz import wire
from nbviz.errors import SchemaError
from nbviz.graph import Layer, ModelGraph
from nbviz.metrics import Metrics
from tests.fixtures.graphs import adam, chain, graph, shared, strategies, tower, tutorial
from tests.payload import Payload, decode

FIXTURES = Path(__file__).parent / "fixtures" / "wire"


def odd() -> ModelGraph:
    """Every kind of setting, names outside ASCII, numbers beyond 32 bits."""
    values = (1, True, 1.0, 0.1, None, "π\n\u2028</script>", (1, (2, ())), math.inf, -math.inf, 2**40)
    layers = [
        Layer("", "naïve", "N", settings=tuple((f"k{i}", value) for i, value in enumerate(values))),
        Layer("~0a~1b", "~a/b", "層", "", "", (("k", 1),)),
        Layer("x", "x", "X", "", "", (("k", True),)),
        Layer("y", "y", "Y", "", "", (("k", 1.0),)),
    ]
    return graph(layers, name="naïve 🙂")


GOLDEN = {
    "tutorial": lambda: tutorial(optimizer=adam(16, 68)),
    "shared": shared,
    "empty": lambda: graph([Layer("", "", "")], name=""),
    "odd": odd,
    "repeated": lambda: chain(24),
}


def of_any_version(data: bytes) -> dict:
    found = decode(data)
    found["meta"]["version"] = ""
    return found


@pytest.mark.parametrize("name", GOLDEN)
def test_payload_is_the_one_that_the_browser_is_tested_on(name):
    # After a change of the format that is meant, NBVIZ_UPDATE=1 writes the files anew; look at the difference.
    binary, expected = FIXTURES / f"{name}.bin", FIXTURES / f"{name}.json"
    data = wire.encode(Metrics(GOLDEN[name]()))
    if os.environ.get("NBVIZ_UPDATE"):
        FIXTURES.mkdir(exist_ok=True)
        binary.write_bytes(data)
        expected.write_text(json.dumps(decode(data), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    assert of_any_version(data) == of_any_version(binary.read_bytes())
    assert decode(binary.read_bytes()) == json.loads(expected.read_text(encoding="utf-8"))


def test_no_fixture_is_left_over():
    assert {path.name for path in FIXTURES.iterdir()} == {
        f"{name}{end}" for name in GOLDEN for end in (".bin", ".json")
    }


def test_payload_holds_the_table():
    metrics = Metrics(shared())
    found = decode(wire.encode(metrics))
    rows = found["rows"]
    assert rows["path"] == metrics.tree.path
    assert rows["params"] == metrics.columns["params"]
    assert rows["macs"] == metrics.columns["macs"]
    assert rows["trainable"] == [-1, -1, -1, -1, 1, 0, -1, -1, 1, -1, 1]
    assert [[found["shapes"][i] for i in cell] for cell in rows["output_shape"]][:4] == [
        [[None, 1], [None, 1]],
        [[None, "time", 4]],
        [[None, 3, 4]],
        [[None, "time", 4]],
    ]
    assert found["settings"][rows["settings"][6]] == [["axis", 1]]  # a bare operation's row has its call's
    assert found["calls"]["parent"][:5] == [-1, 0, 0, 0, 3]
    assert found["calls"]["row"][4] == rows["path"].index("block/up")
    assert [rows["path"][i] for i in found["parameters"]["owners"][0]] == ["block/up", "block/down"]
    assert found["meta"]["totals"] == metrics.totals


def test_equal_settings_of_different_type_stay_apart():
    found = decode(wire.encode(Metrics(odd())))
    kept = [found["settings"][i][0][1] for i in found["rows"]["settings"][1:]]
    assert [(type(value), value) for value in kept] == [(int, 1), (bool, True), (float, 1.0)]


def test_every_text_and_shape_is_sent_once():
    payload = Payload(wire.encode(Metrics(chain(1000))))
    assert len(set(payload.strings)) == len(payload.strings)
    assert payload.header["strings"]["patterns"].count("Dense") == 1
    assert payload.header["shapes"] == [[None, 8], [8, 8]]
    assert payload.header["tables"]["tensors"]["length"] == 1


def test_what_repeats_takes_no_bytes():
    few, many = (len(wire.encode(Metrics(chain(length)))) for length in (100, 10_000))
    assert many - few < 400


def test_header_is_ascii_so_that_no_text_decoder_is_needed():
    data = wire.encode(Metrics(odd()))
    assert data[8 : 8 + struct.unpack_from("<I", data, 4)[0]].isascii()
    assert "</script>" in decode(data)["settings"][0][5][1]


@given(strategies())
def test_numbers_beyond_32_bits_and_unknown_ones_are_exact(net):
    metrics = Metrics(net)
    rows = decode(wire.encode(metrics))["rows"]
    for name in ("params", "share", "macs"):
        assert rows[name] == [None if v is None else float(v) for v in metrics.columns[name]]


def test_packed_payload_is_the_payload_and_always_the_same():
    metrics = Metrics(shared())
    assert gzip.decompress(wire.pack(metrics)) == wire.encode(metrics)
    assert wire.pack(metrics) == wire.pack(Metrics(shared()))


@given(strategies())
def test_every_sound_graph_can_be_sent(net):
    metrics = Metrics(net)
    found = decode(wire.encode(metrics))
    assert found["rows"]["length"] == len(metrics.tree)
    assert found["rows"]["label"] == list(metrics.tree.labels)
    assert found["calls"]["macs"] == metrics.call_macs
    for name in ("own_params", "trainable_params", "bytes", "output_bytes"):
        assert found["rows"][name] == [None if v is None else float(v) for v in metrics.columns[name]]


# The saved graph


@given(strategies())
@settings(max_examples=200)
def test_saved_graph_reads_equal(net):
    text = wire.to_json(net)
    again = wire.from_json(text)
    assert again == net
    assert repr(list(again.layers)) == repr(list(net.layers))  # True is not 1, 1.0 is not 1
    assert wire.to_json(again) == text


@pytest.mark.parametrize("name", GOLDEN)
def test_saved_fixture_reads_equal(name):
    net = GOLDEN[name]()
    assert wire.from_json(wire.to_json(net)) == net


def test_saved_graph_is_json_for_every_reader():
    def refuse(constant):
        raise AssertionError(constant)

    net = graph([Layer("", "n", "N", settings=(("max", math.inf), ("min", -math.inf), ("fill", math.nan)))])
    document = json.loads(wire.to_json(net), parse_constant=refuse)
    assert document["layers"]["settings"] == [
        [["max", {"float": "inf"}], ["min", {"float": "-inf"}], ["fill", {"float": "nan"}]]
    ]
    (_, high), (_, low), (_, fill) = wire.from_json(wire.to_json(net)).layers[0].settings
    assert (high, low) == (math.inf, -math.inf)
    assert math.isnan(fill)


def test_saved_graph_says_what_it_is():
    document = json.loads(wire.to_json(shared()))
    assert list(document)[:2] == ["format", "schema"]
    assert document["schema"] == list(wire.SCHEMA_VERSION)
    assert document["parameters"]["shape"][0] == [4, 8]
    assert document["calls"]["outputs"][9] == [[None, None, ""]]


def test_what_a_later_minor_version_adds_is_ignored():
    document = json.loads(wire.to_json(shared(optimizer=adam(1, 4))))
    document["schema"][1] += 1
    document["later"] = 1
    for name in ("layers", "calls"):
        document[name]["later"] = [None] * len(document[name]["path"])
    for row in (document["optimizer"], *document["diagnostics"]):
        row["later"] = 1
    assert wire.from_json(json.dumps(document)) == shared(optimizer=adam(1, 4))


def test_newer_major_version_is_refused_with_what_to_do():
    document = json.loads(wire.to_json(tutorial())) | {"schema": [2, 0]}
    with pytest.raises(SchemaError, match=r"has format 2, but this version of nbviz reads format 1\. Upgrade nbviz"):
        wire.from_json(json.dumps(document))


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "3", "null", "{}", '{"schema": [1, 0]}', '{"format": "other", "schema": [1, 0]}', "[" * 100_000],
    ids=range(9),
)
def test_other_json_is_refused_with_what_to_do(text):
    with pytest.raises(SchemaError, match="not a model graph saved by nbviz"):
        wire.from_json(text)


def damage(document, path, value):
    *way, last = path
    for key in way:
        document = document[key]
    if value is KeyError:
        del document[last]
    else:
        document[last] = value


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["layers"], KeyError),
        (["layers"], []),
        (["layers", "path"], ["", "a"]),
        (["layers", "parent"], KeyError),
        (["layers", "parent", 1], "unused"),
        (["layers", "path", 0], "x"),
        (["calls", "parent", 3], 6),
        (["calls", "parent", 6], 6),
        (["calls", "outputs", 4], []),
        (["edges", "target", 0], 99),
        (["edges", "source", 0], -1),
        (["parameters", "owners", 0], ["nowhere"]),
        (["parameters", "shape", 0], 5),
        (["groups", "layer", 0], "nowhere"),
        (["diagnostics", 0], {}),
        (["optimizer"], 3),
        (["layers", "settings", 3], {"float": "x"}),
    ],
)
def test_damaged_file_is_refused_before_anyone_walks_it(path, value):
    document = json.loads(wire.to_json(shared()))
    damage(document, path, value)
    with pytest.raises(SchemaError, match=r"This model graph is damaged.*Save it again"):
        wire.from_json(json.dumps(document))


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (["calls", "op", 1], 5, r"calls\.op\[1\] is 5"),
        (["parameters", "bytes", 0], "a", r"parameters\.bytes\[0\] is 'a'"),
        (["parameters", "dtype", 0], None, r"parameters\.dtype\[0\] is None"),
        (["parameters", "kind", 0], "other", r"parameters\.kind\[0\] is 'other'"),
        (["layers", "name", 2], 7, r"layers\.name\[2\] is 7"),
        (["layers", "type", 3], None, r"layers\.type\[3\] is None"),
        (["layers", "trainable", 0], 1, r"layers\.trainable\[0\] is 1"),
        (["layers", "settings", 3], [["units", {}]], r"layers\.settings\[3\] is \[\['units', \{\}\]\]"),
        (["layers", "settings", 3], [["units", 1, 2]], r"layers\.settings\[3\] is \[\['units', 1, 2\]\]"),
        (["calls", "outputs", 4], [[[1.5], "float32", ""]], r"calls\.outputs\[4\] is \[\[\[1\.5\], 'float32', ''\]\]"),
        (["calls", "outputs", 4], [["ab", "float32", ""]], r"calls\.outputs\[4\]"),
        (["calls", "compute", 4], [["matmul", 3]], r"calls\.compute\[4\]"),
        (["edges", "target_port", 0], True, r"edges\.target_port\[0\] is True"),
        (["edges", "target_port"], [0], r"edges\.target_port has 1 rows"),
        (["groups", "members"], {}, r"groups\.members is \{\}"),
        (["groups"], KeyError, "it has no 'groups'"),
        (["name"], None, "name is None"),
        (["batch_axis"], "yes", "batch_axis is 'yes'"),
        (["diagnostics", 0, "level"], "fatal", r"diagnostics\[0\]\.level is 'fatal'"),
        (["diagnostics", 0, "message"], KeyError, r"diagnostics\[0\] has no 'message'"),
        (["optimizer", "size"], "many", r"optimizer\.size is 'many'"),
    ],
)
def test_a_value_of_another_type_than_its_field_is_named(path, value, words):
    document = json.loads(wire.to_json(shared(optimizer=adam(1, 4))))
    damage(document, path, value)
    with pytest.raises(SchemaError, match=rf"This model graph is damaged: .*{words}.*Save it again"):
        wire.from_json(json.dumps(document))


def test_text_that_cannot_be_a_graph_is_not_even_parsed(monkeypatch):
    monkeypatch.setattr(wire.json, "loads", None)
    for text in (f'[[],[],"{wire.FORMAT}"]', '{"format": [[],[],[]]}'):
        with pytest.raises(SchemaError, match="not a model graph saved by nbviz"):
            wire.from_json(text)


# Size


def seconds(function, argument):
    best = math.inf
    for _ in range(3):
        start = time.process_time()
        function(argument)
        best = min(best, time.process_time() - start)
    return best


@pytest.mark.bench
@pytest.mark.parametrize("function", [wire.encode, lambda metrics: wire.from_json(wire.to_json(metrics.graph))])
def test_time_grows_with_the_number_of_layers_and_not_with_its_square(function):
    # quadratic would be 64 times as long
    assert seconds(function, Metrics(chain(8_000))) < 24 * seconds(function, Metrics(chain(1_000)))


@pytest.mark.bench
def test_hundred_thousand_layers_take_about_ten_times_as_long_as_ten_thousand():
    def all_of_it(length):
        wire.from_json(wire.to_json(Metrics(chain(length)).graph))
        return wire.pack(Metrics(chain(length)))

    small = seconds(all_of_it, 10_000)
    start = time.process_time()
    packed = all_of_it(100_000)
    assert time.process_time() - start < 25 * small
    assert len(packed) < 100_000 * 40


def test_deep_nesting_does_not_recurse():
    net = tower(2000)
    assert decode(wire.encode(Metrics(net)))["rows"]["length"] == 2002
    assert wire.from_json(wire.to_json(net)) == net
