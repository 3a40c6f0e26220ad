"""ONNX files of any number of nodes, and a real export, for the rows about reading files and showing them."""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.bench.workshop import ROOT

if TYPE_CHECKING:
    import onnx

CHANNELS, SIDE = 8, 16
WIDTH, TOKENS = 16, 16


@dataclass
class _Graph:
    """Nodes as they are added, each behind what gives its inputs."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    weights: list[onnx.TensorProto] = field(default_factory=list)

    def add(self, op: str, name: str, *inputs: str, **attributes: Any) -> str:
        """Add a node; return the tensor that it gives."""
        from onnx import helper

        output = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [output], name=name, **attributes))
        return output

    def weight(self, name: str, *shape: int) -> str:
        """Add a weight of ones."""
        import numpy as np
        from onnx import numpy_helper

        self.weights.append(numpy_helper.from_array(np.ones(shape, "float32"), name))
        return name

    def write(self, path: Path, shape: tuple[int, ...], last: str) -> None:
        """Write the model whose input ``x`` and whose output have one shape."""
        import onnx
        from onnx import TensorProto, helper

        ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("x", last)]
        made = helper.make_graph(self.nodes, path.stem, ends[:1], ends[1:], self.weights)
        onnx.save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)


def blocks(path: Path, count: int) -> None:
    """Residual blocks of convolutions, one behind the other; all blocks read the same three weights."""
    graph = _Graph()
    kernels = [graph.weight(f"kernel{number}", CHANNELS, CHANNELS, 1, 1) for number in range(2)]
    scale = graph.weight("scale", CHANNELS)
    flow = "x"
    for number in range(count // 5):
        around, enters = f"/block{number}", flow
        flow = graph.add("Conv", f"{around}/conv_0", flow, kernels[0])
        flow = graph.add("BatchNormalization", f"{around}/norm", flow, scale, scale, scale, scale)
        flow = graph.add("Relu", f"{around}/relu", flow)
        flow = graph.add("Conv", f"{around}/conv_1", flow, kernels[1])
        flow = graph.add("Add", f"{around}/add", flow, enters)
    graph.write(path, (1, CHANNELS, SIDE, SIDE), flow)


def transformer(path: Path, count: int) -> None:
    """A transformer with weights of its own in each layer, and names that say in which module a node is."""
    graph = _Graph()
    flow = "x"
    for number in range(count // 21):
        flow = _layer(graph, f"/model/layers.{number}", flow)
    graph.write(path, (1, TOKENS, WIDTH), flow)


def _layer(graph: _Graph, around: str, enters: str) -> str:
    """Add the 21 nodes of one layer."""

    def linear(name: str, flow: str, taken: int, given: int) -> str:
        weight = graph.weight(f"{around}/{name}.weight", taken, given)
        flow = graph.add("MatMul", f"{around}/{name}/MatMul", flow, weight)
        return graph.add("Add", f"{around}/{name}/Add", flow, graph.weight(f"{around}/{name}.bias", given))

    def norm(name: str, flow: str) -> str:
        scale = graph.weight(f"{around}/{name}.weight", WIDTH)
        return graph.add("LayerNormalization", f"{around}/{name}/LayerNormalization", flow, scale)

    attention = f"{around}/attention"
    flow = norm("norm1", enters)
    query, key, value = (linear(f"attention/{name}", flow, WIDTH, WIDTH) for name in "qkv")
    key = graph.add("Transpose", f"{attention}/Transpose", key, perm=[0, 2, 1])
    scores = graph.add("MatMul", f"{attention}/MatMul", query, key)
    scores = graph.add("Softmax", f"{attention}/Softmax", scores)
    mixed = graph.add("MatMul", f"{attention}/MatMul_1", scores, value)
    middle = graph.add("Add", f"{around}/Add", linear("attention/out", mixed, WIDTH, WIDTH), enters)
    flow = linear("mlp/up", norm("norm2", middle), WIDTH, 4 * WIDTH)
    flow = graph.add("Relu", f"{around}/mlp/Relu", flow)
    return graph.add("Add", f"{around}/Add_1", linear("mlp/down", flow, 4 * WIDTH, WIDTH), middle)


def gpt2(path: Path) -> None:
    """GPT-2 small with all its blocks and heads, of a small width, exported with random weights and its modules' names."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    class Logits(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gpt2 = GPT2LMHeadModel(GPT2Config(n_embd=96, use_cache=False))

        def forward(self, input_ids: Any) -> Any:
            return self.gpt2(input_ids=input_ids, use_cache=False).logits

    tokens = (torch.ones(1, 64, dtype=torch.long),)
    names = {"input_names": ["input_ids"], "output_names": ["logits"]}
    torch.onnx.export(Logits().eval(), tokens, path, dynamo=True, external_data=False, verbose=False, **names)


MAKERS: dict[str, Callable[[Path], None]] = {
    "tiny": functools.partial(blocks, count=5),
    **{f"blocks_{count}k": functools.partial(blocks, count=1000 * count) for count in (1, 10, 50)},
    "transformer_10k": functools.partial(transformer, count=10_000),
    "gpt2": gpt2,
}


def onnx_file(folder: Path, name: str) -> Path:
    """The file of this name, made when it is not there by a process whose libraries do not stay in the benchmark."""
    file = folder / f"{name}.onnx"
    if not file.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_suffix(".unfinished")
        command = [sys.executable, "-m", "tests.bench.onnx_files", name, str(unfinished)]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        unfinished.rename(file)
    return file


if __name__ == "__main__":
    MAKERS[sys.argv[1]](Path(sys.argv[2]))
