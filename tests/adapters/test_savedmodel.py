"""TensorFlow SavedModels: their functions, variables and objects; runs wherever TensorFlow is installed."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    pytest.importorskip("tensorflow")
    import tensorflow as tf
from hypothesis import given
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from nbviz.adapters import read
from nbviz.adapters.dataflow import writer
from nbviz.errors import FileReadError, NbvizError
from nbviz.invariants import violations
from nbviz.metrics import Metrics
from nbviz.metrics import macs as counted
from tests.adapters.checkpoint_reading import EDITS, FUZZ, HOSTILE, mutated, refused

pytestmark = pytest.mark.filterwarnings("ignore")

X = tf.TensorSpec((None, 4), tf.float32, name="x")


class Dense(tf.Module):
    """A layer of a module that nobody has named."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.w = tf.Variable(tf.reshape(tf.range(float(inputs * outputs)), (inputs, outputs)), name="w")
        self.b = tf.Variable(tf.zeros(outputs), name="b", trainable=False)

    def __call__(self, x):
        return tf.nn.relu(x @ self.w + self.b)


class Net(tf.Module):
    """Layers, a step counter, and a weight that no function reads."""

    def __init__(self):
        super().__init__()
        self.layers = [Dense(4, 5), Dense(5, 3)]
        self.unused = tf.Variable(tf.zeros((7,)), name="unused")
        self.step = tf.Variable(0, name="step", trainable=False, dtype=tf.int64)

    @tf.function(input_signature=[X])
    def run(self, x):
        for layer in self.layers:
            x = layer(x)
        return {"scores": x}


def save(folder, model, **signatures):
    tf.saved_model.save(model, str(folder), signatures=signatures or None)
    return folder


def of_function(folder, function, *specs):
    model = tf.Module()
    model.run = tf.function(function, input_signature=specs)
    return save(folder, model, serving_default=model.run)


def checked(source):
    reading = read(source)
    assert list(violations(reading.graph)) == []
    Metrics(reading.graph)
    return reading


def notes(graph):
    return " ".join(d.message for d in graph.diagnostics)


def values(reading, name):
    [found] = [p for p in reading.graph.parameters if p.name == name]
    return np.concatenate(list(reading.weights.chunks(found.id)))


def test_operations_stand_in_the_objects_whose_variables_they_read(tmp_path):
    model = Net()
    reading = checked(save(tmp_path / "net", model, serving_default=model.run))
    graph = reading.graph
    assert [c.path for c in graph.calls if c.kind in {"layer", "operation"} and c.op != "Scope"] == [
        "",
        "layers/0/matmul",
        "layers/0/add",
        "Relu#1",
        "layers/1/matmul_1",
        "layers/1/add_1",
        "Relu#2",
    ]
    assert [(c.kind, (c.inputs or c.outputs)[0].name) for c in graph.calls if c.kind in {"input", "output"}] == [
        ("input", "x"),
        ("output", "scores"),
    ]
    totals = Metrics(graph).totals
    assert (totals["params"], totals["trainable_params"], totals["buffers"]) == (50, 42, 1)
    assert totals["macs"] == 4 * 5 + 5 * 3
    assert values(reading, "layers/0/w").tolist() == list(range(20))
    assert values(reading, "unused").tolist() == [0.0] * 7
    assert notes(graph) == ""


def test_totals_are_those_of_tensorflow(tmp_path):
    model = Net()
    path = save(tmp_path / "net", model, serving_default=model.run)
    loaded = tf.saved_model.load(str(path))
    found = [loaded.layers[0].w, loaded.layers[0].b, loaded.layers[1].w, loaded.layers[1].b, loaded.unused]
    assert Metrics(checked(path).graph).totals["params"] == sum(int(np.prod(v.shape)) for v in found)


def test_the_file_itself_and_the_command(tmp_path):
    from click.testing import CliRunner

    from nbviz.cli import main

    model = Net()
    path = save(tmp_path / "net", model, serving_default=model.run)
    assert checked(path / "saved_model.pb").graph == checked(path).graph
    assert checked(path).graph.name == "net"
    result = CliRunner().invoke(main, [str(path)])
    assert result.exit_code == 0, result.output
    assert "50" in result.output


def test_keras_exports_have_the_totals_of_keras(tmp_path):
    keras = pytest.importorskip("keras")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("Keras runs on another backend: KERAS_BACKEND=tensorflow")
    layers = keras.layers
    stack = [layers.Conv2D(4, 3, name="conv"), layers.BatchNormalization(), layers.Dropout(0.1), layers.Flatten()]
    model = keras.Sequential([keras.Input((8, 8, 3)), *stack, layers.Dense(5, name="head")], name="net")
    model.export(tmp_path / "export", verbose=False)
    graph = checked(tmp_path / "export").graph
    totals = Metrics(graph).totals
    assert totals["params"] == model.count_params()
    assert totals["trainable_params"] == sum(int(np.prod(w.shape)) for w in model.trainable_weights)
    assert totals["macs"] == 6 * 6 * 4 * 27 + 144 * 5
    assert "are not counted" in notes(graph)  # Keras saves each variable twice
    model.compile("adam", "mse")
    model.fit(np.zeros((2, 8, 8, 3)), np.zeros((2, 5)), verbose=0)
    reading = checked(save(tmp_path / "saved", model))
    assert Metrics(reading.graph).totals["params"] == model.count_params()
    optimizer = reading.graph.optimizer
    assert (optimizer.name, optimizer.size) == ("adam", sum(int(np.prod(v.shape)) for v in model.optimizer.variables))
    assert np.array_equal(values(reading, "net/head/kernel"), model.get_layer("head").kernel.numpy().reshape(-1))


def test_loops_and_conditions_hold_what_they_run(tmp_path):
    def run(x):
        w = tf.eye(4) + 1.0
        _, y = tf.while_loop(lambda i, _: i < 5, lambda i, y: (i + 1, tf.matmul(y, w) + x), (0, x))
        return tf.cond(tf.reduce_sum(y) > 0, lambda: y * 2.0, lambda: tf.nn.relu(y))

    graph = checked(of_function(tmp_path / "net", run, tf.TensorSpec((2, 4), name="x"))).graph
    assert [layer.path for layer in graph.layers if layer.type == "Graph"] == [
        "while/cond", "while/body", "cond/then", "cond/else",
    ]  # fmt: skip
    assert Metrics(graph).totals["macs"] is None
    assert [c.compute for c in graph.calls if c.op == "MatMul"] == [None]  # one step is not what runs
    assert "'While' are missing" in notes(graph).replace("StatelessWhile", "While")


def test_work_on_a_batch_in_pieces_is_that_of_all_pieces(tmp_path):
    def run(x):
        pieces = tf.space_to_batch(x, [2, 2], [[0, 0], [0, 0]])
        whole = tf.batch_to_space(tf.nn.conv2d(pieces, tf.ones((1, 1, 3, 5)), 1, "SAME"), [2, 2], [[0, 0], [0, 0]])
        return tf.tensordot(whole, tf.ones((5, 2)), 1)  # makes a matrix of as many rows as there are places

    graph = checked(of_function(tmp_path / "net", run, tf.TensorSpec((None, 4, 4, 3), name="x"))).graph
    assert [counted(c.compute) for c in graph.calls if c.compute] == [4 * 4 * 15, 4 * 4 * 10]


def test_what_is_behind_loops_and_branches_is_counted(tmp_path):
    def run(x):
        x = tf.cond(tf.reduce_sum(x) > 0, lambda: x * 2.0, lambda: tf.nn.relu(x))
        _, x = tf.while_loop(lambda i, _: i < 3, lambda i, y: (i + 1, y + 1.0), (0, x))
        return tf.matmul(x, tf.ones((4, 2)))

    graph = checked(of_function(tmp_path / "net", run, X)).graph
    assert Metrics(graph).totals["macs"] == 8


def test_what_makes_more_of_the_batch_leaves_it_unknown(tmp_path):
    def run(x):
        x = tf.cond(tf.reduce_sum(x) > 0, lambda: tf.concat([x, x], 0), lambda: x)
        return tf.matmul(x, tf.ones((4, 2)))

    assert Metrics(checked(of_function(tmp_path / "net", run, X)).graph).totals["macs"] is None


def test_what_is_not_counted_where_the_batch_is_lost_is_told(tmp_path):
    run = lambda x: tf.matmul(tf.tile(x, (2, 1)), tf.ones((4, 2)))  # noqa: E731
    graph = checked(of_function(tmp_path / "net", run, X)).graph
    assert Metrics(graph).totals["macs"] is None
    assert "MACs are missing for 1 operation" in notes(graph)


def test_variables_in_a_loop_are_read_there(tmp_path):
    class Loop(tf.Module):
        def __init__(self):
            super().__init__()
            self.w = tf.Variable(tf.eye(4), name="w")

        @tf.function(input_signature=[X])
        def run(self, x):
            for _ in tf.range(3):
                x = x @ self.w
            return x

    model = Loop()
    graph = checked(save(tmp_path / "net", model, serving_default=model.run)).graph
    assert [p.owners for p in graph.parameters] == [("while/body/matmul",)]
    assert [c for c in graph.calls if c.kind == "constant" and c.parameters] == []


def test_a_table_is_there_though_no_tensor_is_it(tmp_path):
    class Lookup(tf.Module):
        def __init__(self):
            super().__init__()
            pairs = tf.lookup.KeyValueTensorInitializer(["a"], [1])
            self.table = tf.lookup.StaticHashTable(pairs, -1)

        @tf.function(input_signature=[tf.TensorSpec((2,), tf.string, name="words")])
        def run(self, words):
            return self.table.lookup(words)

    model = Lookup()
    graph = checked(save(tmp_path / "net", model, serving_default=model.run)).graph
    assert graph.diagnostics == ()
    assert [c.outputs[0].name for c in graph.calls if c.kind == "input"] == ["words"]


def test_functions_nest_in_what_calls_them(tmp_path):
    @tf.function(autograph=False)
    def twice(x):
        return x * 2.0

    graph = checked(of_function(tmp_path / "net", lambda x: twice(twice(x)) + 1.0, X)).graph
    inner = [c.path for c in graph.calls if c.op == "Mul"]
    assert inner == ["PartitionedCall/Mul#1", "PartitionedCall_1/Mul#1"]
    assert dict(graph.layers[graph.layer_index["PartitionedCall"]].settings)["function"] == "twice"


def test_a_state_that_only_a_list_of_all_variables_holds_has_values(tmp_path):
    """As the states of a recurrent layer of Keras are saved."""
    model = tf.Module()
    model._all_variables = [tf.Variable(tf.range(4.0), name="layer/state")]
    model.run = tf.function(lambda x: x + model._all_variables[0], input_signature=[X])
    reading = checked(save(tmp_path / "net", model, serving_default=model.run))
    assert values(reading, "layer/state").tolist() == [0, 1, 2, 3]


def test_a_variable_of_texts_says_that_it_holds_no_numbers(tmp_path):
    model = tf.Module()
    model.names = tf.Variable(["a", "b"], name="names")
    reading = checked(save(tmp_path / "net", model))
    with pytest.raises(LookupError, match="holds text, not numbers"):
        values(reading, "names")


def test_several_signatures_stand_beside_each_other(tmp_path):
    model = Net()
    model.other = tf.function(lambda x: x + 1.0, input_signature=[X])
    graph = checked(save(tmp_path / "net", model, first=model.run, second=model.other, third=model.run)).graph
    assert [layer.path for layer in graph.layers if layer.type == "Signature"] == ["first", "second"]


@pytest.mark.parametrize(
    ("function", "shapes", "macs"),
    [
        (lambda x: tf.nn.conv2d(x, tf.ones((3, 3, 2, 6)), 1, "VALID"), [(None, 8, 8, 4)], 6 * 6 * 6 * 18),
        (lambda x: tf.nn.depthwise_conv2d(x, tf.ones((3, 3, 4, 2)), [1] * 4, "SAME"), [(None, 8, 8, 4)], 8 * 8 * 8 * 9),
        (
            lambda x: tf.nn.conv2d_transpose(x, tf.ones((3, 3, 2, 4)), (1, 7, 7, 2), 1, "VALID"),
            [(1, 5, 5, 4)],
            5 * 5 * 4 * 18,
        ),
        (lambda x: tf.nn.conv3d(x, tf.ones((3, 3, 3, 2, 4)), [1] * 5, "VALID"), [(1, 5, 5, 5, 2)], 27 * 4 * 54),
        (lambda a, b: tf.matmul(a, b, transpose_a=True, transpose_b=True), [(4, 3), (5, 4)], 60),
        (lambda a, b: tf.matmul(a, b, adjoint_b=True), [(2, 3, 4), (2, 5, 4)], 120),
        (lambda a, b: tf.einsum("bij,bkj->bik", a, b), [(None, 3, 4), (None, 5, 4)], 60),
        (lambda x: tf.matmul(tf.reshape(x, (-1, 4)), tf.ones((4, 2))), [(None, 3, 4)], 24),
        (lambda x: tf.matmul(tf.transpose(x, (1, 0, 2))[1], tf.ones((4, 2))), [(None, 3, 4)], 8),
        (lambda x: tf.matmul(tf.transpose(x, (1, 0, 2))[:, 1], tf.ones((4, 2))), [(None, 3, 4)], 24),
        (tf.nn.softmax, [(None, 3)], 0),
    ],
)
def test_multiply_accumulates(tmp_path, function, shapes, macs):
    specs = [tf.TensorSpec(shape, name=f"x{i}") for i, shape in enumerate(shapes)]
    assert Metrics(checked(of_function(tmp_path / "net", function, *specs)).graph).totals["macs"] == macs


def test_constants_are_settings_unless_they_are_weights(tmp_path):
    w = tf.constant(np.arange(32, dtype="float32").reshape(4, 8))
    reading = checked(of_function(tmp_path / "net", lambda x: tf.transpose(x @ w + 1.0, (1, 0)), X))
    assert [(p.shape, p.size) for p in reading.graph.parameters] == [((4, 8), 32)]
    assert values(reading, reading.graph.parameters[0].name).tolist() == list(range(32))
    [add] = [c for c in reading.graph.calls if c.op == "AddV2"]
    assert dict(add.settings)["y"] == 1.0


def test_models_of_tensorflow_1(tmp_path):
    one = tf.compat.v1
    with tf.Graph().as_default():
        x = one.placeholder(tf.float32, (None, 4), name="x")
        with one.variable_scope("layer1"):
            w = one.get_variable("w", (4, 3))
            y = tf.nn.relu(tf.matmul(x, w, name="mm"))
        one.train.AdamOptimizer().minimize(tf.reduce_sum(y))
        with one.Session() as session:
            session.run(one.global_variables_initializer())
            one.saved_model.simple_save(session, str(tmp_path / "net"), {"x": x}, {"y": y})
            expected = session.run(w).reshape(-1)
    reading = checked(tmp_path / "net")
    graph = reading.graph
    assert [c.path for c in graph.calls if c.op in {"MatMul", "Relu"}] == ["layer1/mm", "layer1/Relu#1"]
    assert Metrics(graph).totals["macs"] == 12
    assert np.array_equal(values(reading, "layer1/w"), expected)
    assert graph.optimizer.size == 24


@pytest.fixture
def old_control_flow():
    tf.compat.v1.disable_control_flow_v2()
    yield tf.compat.v1
    tf.compat.v1.enable_control_flow_v2()


def of_graph(folder, build, shape=(2, 2)):
    """Save what ``build`` makes of a matrix in a graph of TensorFlow 1."""
    one = tf.compat.v1
    with tf.Graph().as_default(), one.Session() as session:
        x = one.placeholder(tf.float32, shape, name="x")
        one.saved_model.simple_save(session, str(folder), {"x": x}, {"y": build(x)})
    return folder


@pytest.mark.usefixtures("old_control_flow")
def test_loops_of_tensorflow_1_are_no_circles(tmp_path):
    loop = lambda x: tf.while_loop(lambda i, _: i < 3, lambda i, y: (i + 1, tf.matmul(y, x)), (0, x))[1]  # noqa: E731
    graph = checked(of_graph(tmp_path / "net", loop)).graph
    assert "cycle" not in notes(graph)
    assert Metrics(graph).totals["macs"] is None


def test_what_is_before_and_behind_loops_and_branches_of_tensorflow_1_is_counted(tmp_path, old_control_flow):
    """As in a detector, whose loops only prepare pictures and choose boxes."""

    def build(x):
        x = tf.matmul(x, x, name="before")
        _, x = tf.while_loop(lambda i, _: i < 3, lambda i, y: (i + 1, y * 2.0), (0, x))
        choose = lambda: tf.matmul(tf.ones((2, 2)), tf.ones((2, 2)), name="inside")  # noqa: E731 - it takes nothing
        x += old_control_flow.cond(tf.reduce_sum(x) > 0, choose, lambda: tf.zeros((2, 2)))
        return tf.matmul(x, x, name="behind")

    graph = checked(of_graph(tmp_path / "net", build)).graph
    found = {
        dict(c.settings).get("name", c.path): c.compute and counted(c.compute) for c in graph.calls if c.op == "MatMul"
    }
    assert found == {"before": 8, "cond/inside": None, "behind": 8}


@pytest.mark.parametrize(("times", "macs"), [(1, 8), (2, None)])
def test_the_batch_goes_on_behind_branches_of_tensorflow_1_that_agree(tmp_path, old_control_flow, times, macs):
    """As Keras wrote each layer that works otherwise in training."""

    def build(x):
        x = old_control_flow.cond(tf.reduce_sum(x) > 0, lambda: tf.concat([x] * times, 0) * 2.0, lambda: x)
        return tf.matmul(x, tf.ones((4, 2)))

    graph = checked(of_graph(tmp_path / "net", build, (None, 4))).graph
    assert Metrics(graph).totals["macs"] == macs


# Damage


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    model = Net()
    return save(tmp_path_factory.mktemp("good") / "net", model, serving_default=model.run)


@pytest.mark.parametrize(
    ("data", "words"), [(b"", "empty"), (b"\x08\x01", "no graph"), (b"\xff" * 50, "damaged"), (b"<html>", "damaged")]
)
def test_files_that_are_no_models(tmp_path, data, words):
    (tmp_path / "saved_model.pb").write_bytes(data)
    refused(tmp_path / "saved_model.pb", words)
    with pytest.raises(FileReadError, match="saved_model"):
        read(tmp_path)


def test_values_that_are_missing_are_told_when_they_are_wanted(tmp_path, good):
    path = tmp_path / "saved_model.pb"
    path.write_bytes((good / "saved_model.pb").read_bytes())
    reading = checked(path)
    assert Metrics(reading.graph).totals["params"] == 50
    with pytest.raises(LookupError, match="missing"):
        values(reading, "layers/0/w")
    (tmp_path / "variables").symlink_to(good / "variables")
    with pytest.raises(LookupError, match="outside"):
        values(reading, "layers/0/w")


def changed(good, tmp_path, change):
    model = SavedModel.FromString((good / "saved_model.pb").read_bytes())
    change(model.meta_graphs[0])
    (tmp_path / "saved_model.pb").write_bytes(model.SerializeToString())
    return tmp_path / "saved_model.pb"


def function(graph, name):
    return next(f for f in graph.graph_def.library.function if name in f.signature.name)


def test_functions_inside_themselves_and_missing_ones(tmp_path, good):
    def inside(graph):
        run = function(graph, "inference_run")
        node = run.node_def.add(name="again", op="StatefulPartitionedCall", input=["x"])
        node.attr["f"].func.name = run.signature.name
        node.attr["Tout"].list.type.append(1)

    assert "shown closed" in notes(checked(changed(good, tmp_path, inside)).graph)

    def missing(graph):
        node = function(graph, "inference_run").node_def.add(name="gone", op="PartitionedCall", input=["x"])
        node.attr["f"].func.name = "nowhere"

    refused(changed(good, tmp_path, missing), "'nowhere', which does not exist")


def test_functions_that_double_stay_closed(tmp_path, good, monkeypatch):
    monkeypatch.setattr(writer, "_MOST_CALLS", 2000)

    def doubling(graph):
        library = graph.graph_def.library
        template = function(graph, "inference_run")
        for i in range(30):
            made = library.function.add()
            made.signature.name = f"f{i}"
            made.signature.input_arg.add(name="x", type=1)
            for j in range(2):
                node = made.node_def.add(name=f"c{j}", op="PartitionedCall", input=["x"])
                node.attr["f"].func.name = f"f{min(i + 1, 29)}" if i < 29 else "end"
        end = library.function.add()
        end.signature.name = "end"
        node = template.node_def.add(name="first", op="PartitionedCall", input=["x"])
        node.attr["f"].func.name = "f0"

    assert "shown closed" in notes(checked(changed(good, tmp_path, doubling)).graph)


def test_circles_and_unknown_operations_are_told(tmp_path, good):
    def circle(graph):
        nodes = function(graph, "inference_run").node_def
        nodes.add(name="a", op="Neg", input=["b:y:0"])
        nodes.add(name="b", op="Neg", input=["a:y:0"])
        nodes.add(name="mine", op="NobodyKnowsThis", input=["x", "nothing:0"])
        nodes.add(name="twice", op="Neg", input=["x"])
        nodes.add(name="twice", op="Abs", input=["x"])
        nodes.add(name="i1", op="Identity", input=["i2:output:0"])
        nodes.add(name="i2", op="Identity", input=["i1:output:0"])

    graph = checked(changed(good, tmp_path, circle)).graph
    assert "dependency cycle" in notes(graph)
    assert "More than one node produces 'twice'" in notes(graph)
    assert "'NobodyKnowsThis'" in notes(graph)
    assert "Nothing produces" in notes(graph)


def test_hostile_names_are_short_plain_text(tmp_path, good):
    for name in HOSTILE:

        def rename(graph, name=name):
            run = function(graph, "inference_run")
            node = run.node_def.add(name=f"{name}/{name}", op=name or "Neg", input=["x"])
            node.attr[f"a{name}"].s = name.encode()
            for at in graph.object_graph_def.nodes:
                at.variable.name = name if at.HasField("variable") else ""
                for child in at.children:
                    child.local_name = name if child.local_name == "layers" else child.local_name

        graph = checked(changed(good, tmp_path, rename)).graph
        texts = repr(graph.layers[:]) + repr(graph.calls[:]) + repr(graph.parameters[:])
        assert "\\x1b" not in texts
        assert max(map(len, texts.split("'"))) < 2000


def test_shapes_that_lie_make_no_numbers(tmp_path, good):
    def huge(graph):
        for at in graph.object_graph_def.nodes:
            if at.WhichOneof("kind") == "variable":
                at.variable.shape.dim.add(size=1 << 60)
        node = function(graph, "inference_run").node_def.add(name="c", op="Const")
        node.attr["value"].tensor.dtype = 1
        node.attr["value"].tensor.float_val.append(1.0)
        node.attr["value"].tensor.tensor_shape.dim.add(size=1 << 40)

    reading = checked(changed(good, tmp_path, huge))
    with pytest.raises(LookupError):
        values(reading, "c")


def test_readings_that_read_each_other_are_a_circle_that_is_told(tmp_path):
    model = Net()
    folder = save(tmp_path / "net", model, run=model.run)
    saved = SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    for function in saved.meta_graphs[0].graph_def.library.function:
        for node in function.node_def:
            if node.op == "ReadVariableOp":
                node.input[0] = f"{node.name}:value:0"
    (folder / "saved_model.pb").write_bytes(saved.SerializeToString())
    assert "dependency cycle" in notes(checked(folder).graph)


@FUZZ
@given(**EDITS)
def test_damaged_bytes_end_in_our_own_errors(tmp_path_factory, good, edits, keep):
    path = tmp_path_factory.mktemp("fuzz") / "saved_model.pb"
    path.write_bytes(mutated((good / "saved_model.pb").read_bytes(), edits, keep))
    try:
        checked(path)
        told = str(path)
    except NbvizError as error:
        told = str(error)
    assert str(path) in told
