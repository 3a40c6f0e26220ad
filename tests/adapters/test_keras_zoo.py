"""Every model of keras.applications: counts and shapes equal Keras's own; built without storage."""

from __future__ import annotations

import math

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from nbviz.adapters import read  # noqa: E402
from nbviz.metrics import Metrics  # noqa: E402

ALL = sorted(n for n in dir(keras.applications) if n[0].isupper() and callable(getattr(keras.applications, n)))
ALWAYS = ("ConvNeXtTiny", "EfficientNetV2B0", "MobileNet", "ResNet50", "VGG16")
CASES = [n if n in ALWAYS else pytest.param(n, marks=pytest.mark.zoo) for n in ALL]


def build(name):
    """Build an application whose variables have shapes and no storage."""
    from keras.src.backend.common import global_state

    with keras.StatelessScope():
        model = getattr(keras.applications, name)(weights=None)
        waiting = global_state.get_global_attribute("uninitialized_variables")
        waiting[:] = []
    return model


def count(weights):
    return sum(math.prod(w.shape) for w in weights)


def params_by_path(graph):
    weights = {p.id: p.size for p in graph.parameters if p.kind == "weight"}
    found = {}
    for layer in graph.layers:
        path = layer.path
        while True:
            found.setdefault(path, set()).update(i for i in layer.parameters if i in weights)
            if not path:
                break
            path = path.rpartition("/")[0]
    return {path: sum(weights[i] for i in ids) for path, ids in found.items()}


@pytest.mark.parametrize("name", CASES)
def test_an_application_is_read_as_keras_sees_it(name):
    if name == "NASNetMobile" and keras.backend.backend() == "torch":
        pytest.skip("Keras cannot build NASNetMobile on torch")
    model = build(name)
    reading = read(model)
    graph = reading.graph
    assert reading.error is None
    assert graph.diagnostics == ()
    assert [layer.name for layer in graph.layers if layer.parent == ""] == [layer.name for layer in model.layers]
    totals = Metrics(graph).totals
    assert totals["params"] == model.count_params()
    assert totals["trainable_params"] == count(model.trainable_weights)
    assert totals["non_trainable_params"] == count(model.non_trainable_weights)
    sizes = (math.prod(w.shape) * np.dtype(w.dtype).itemsize for w in model.weights)
    assert totals["bytes"] == sum(sizes)
    assert totals["macs"] is None or totals["macs"] > 0
    params = params_by_path(graph)
    outputs = {call.layer: call.outputs for call in graph.calls if call.layer}
    for layer in model.layers:
        assert params[layer.name] == layer.count_params(), layer.name
        shapes = [tuple(t.shape) for t in keras.tree.flatten(layer.output)]
        assert [spec.shape for spec in outputs[layer.name]] == shapes, layer.name


def test_resnet50_is_grouped_by_stage_and_block():
    graph = read(build("ResNet50")).graph
    ids = list(graph.groups.column("id"))
    assert ids[:6] == ["~conv1", "~pool1", "~conv2", "~conv2/block1", "~conv2/block2", "~conv2/block3"]
    assert ids[-1] == "~conv5/block3"
    assert len(ids) == 22
    block = next(g for g in graph.groups if g.id == "~conv4/block6")
    assert block.parent == "~conv4"
    assert block.label == "block6"
    assert block.members[0] == "conv4_block6_1_conv"
    assert block.members[-1] == "conv4_block6_out"
