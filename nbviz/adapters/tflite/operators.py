"""The operators of TFLite: names of their inputs, how they treat the batch, and the subgraphs that they contain."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from nbviz.adapters.dataflow.batches import (
    behind_first,
    constant,
    cut,
    gathered,
    joined,
    multiplied,
    permuted,
    rank,
    sliced,
    stacked,
    unstacked,
)
from nbviz.adapters.dataflow.program import KEPT, RESHAPED, UNKNOWN, Batch, Tensor
from nbviz.adapters.text import decoded, label, short
from nbviz.adapters.tflite.flat import Table
from nbviz.adapters.tflite.tensors import SHOWN
from nbviz.graph import Setting

_INPUTS: Mapping[str, str] = {
    "ARG_MAX": "input axis",
    "ARG_MIN": "input axis",
    "BATCH_MATMUL": "x y",
    "BATCH_TO_SPACE_ND": "input block_shape crops",
    "BROADCAST_TO": "input shape",
    "CONV_2D": "input filter bias",
    "CONV_3D": "input filter bias",
    "CONV_3D_TRANSPOSE": "output_shape filter input bias",
    "CUMSUM": "input axis",
    "DEPTHWISE_CONV_2D": "input filter bias",
    "DYNAMIC_UPDATE_SLICE": "operand update start_indices",
    "EMBEDDING_LOOKUP": "ids params",
    "EXPAND_DIMS": "input axis",
    "FILL": "dims value",
    "FULLY_CONNECTED": "input weights bias",
    "GATHER": "params indices",
    "GATHER_ND": "params indices",
    "IF": "condition",
    "L2_NORMALIZATION": "input",
    "MAXIMUM": "x y",
    "MEAN": "input axis",
    "MINIMUM": "x y",
    "MIRROR_PAD": "input paddings",
    "NON_MAX_SUPPRESSION_V4": "boxes scores max_output_size iou_threshold score_threshold",
    "NON_MAX_SUPPRESSION_V5": "boxes scores max_output_size iou_threshold score_threshold soft_nms_sigma",
    "ONE_HOT": "indices depth on_value off_value",
    "PAD": "input paddings",
    "PADV2": "input paddings constant_values",
    "POW": "x y",
    "PRELU": "input alpha",
    "RANGE": "start limit delta",
    "REDUCE_ALL": "input axis",
    "REDUCE_ANY": "input axis",
    "REDUCE_MAX": "input axis",
    "REDUCE_MIN": "input axis",
    "REDUCE_PROD": "input axis",
    "RESHAPE": "input shape",
    "RESIZE_BILINEAR": "input size",
    "RESIZE_NEAREST_NEIGHBOR": "input size",
    "REVERSE_V2": "input axis",
    "SCATTER_ND": "indices updates shape",
    "SELECT": "condition x y",
    "SELECT_V2": "condition x y",
    "SLICE": "input begin size",
    "SPACE_TO_BATCH_ND": "input block_shape paddings",
    "SPLIT": "axis input",
    "SPLIT_V": "input size_splits axis",
    "STRIDED_SLICE": "input begin end strides",
    "SUM": "input axis",
    "SVDF": "input weights_feature weights_time bias state",
    "TILE": "input multiples",
    "TOPK_V2": "input k",
    "TRANSPOSE": "input perm",
    "TRANSPOSE_CONV": "output_shape weights input bias",
    **dict.fromkeys(
        ("ADD", "DIV", "EQUAL", "FLOOR_DIV", "FLOOR_MOD", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL", "MUL",
         "NOT_EQUAL", "SQUARED_DIFFERENCE", "SUB"),
        "x y",
    ),
    **dict.fromkeys(
        ("LSTM", "UNIDIRECTIONAL_SEQUENCE_LSTM"),
        "input input_to_input_weights input_to_forget_weights input_to_cell_weights input_to_output_weights "
        "recurrent_to_input_weights recurrent_to_forget_weights recurrent_to_cell_weights recurrent_to_output_weights "
        "cell_to_input_weights cell_to_forget_weights cell_to_output_weights input_gate_bias forget_gate_bias cell_bias "
        "output_gate_bias projection_weights projection_bias output_state cell_state input_layer_norm_weights "
        "forget_layer_norm_weights cell_layer_norm_weights output_layer_norm_weights",
    ),
    **dict.fromkeys(("RNN", "UNIDIRECTIONAL_SEQUENCE_RNN"), "input weights recurrent_weights bias hidden_state"),
}  # fmt: skip

_ARGUMENTS: Mapping[str, Sequence[int]] = {
    "FILL": (0, 1),
    "NON_MAX_SUPPRESSION_V4": (2, 3, 4),
    "NON_MAX_SUPPRESSION_V5": (2, 3, 4, 5),
    "ONE_HOT": (1, 2, 3),
    "PADV2": (2,),
    "RANGE": (0, 1, 2),
}
"""Inputs that say how an operator works, and are no weights whatever their type."""

_COMPUTES = frozenset({
    "BATCH_MATMUL", "CONV_2D", "CONV_3D", "CONV_3D_TRANSPOSE", "DEPTHWISE_CONV_2D", "DEQUANTIZE", "EMBEDDING_LOOKUP",
    "FULLY_CONNECTED", "STABLEHLO_CONVOLUTION", "STABLEHLO_DOT_GENERAL", "TRANSPOSE_CONV",
})  # fmt: skip
"""Operators whose constants are weights also where they are whole numbers, but for an output's shape."""

_KEEPING = frozenset({
    "ABS", "ADD", "ADD_N", "ATAN2", "AVERAGE_POOL_2D", "BATCH_MATMUL", "BITCAST", "CAST", "CEIL", "CONV_2D", "CONV_3D",
    "COS", "DEPTHWISE_CONV_2D", "DEPTH_TO_SPACE", "DEQUANTIZE", "DIV", "ELU", "EQUAL", "EXP", "FAKE_QUANT", "FLOOR",
    "EMBEDDING_LOOKUP", "FLOOR_DIV", "FLOOR_MOD", "GELU", "GREATER", "GREATER_EQUAL", "HARD_SWISH", "L2_NORMALIZATION",
    "L2_POOL_2D", "LEAKY_RELU", "LESS", "LESS_EQUAL", "LOCAL_RESPONSE_NORMALIZATION", "LOG", "LOGICAL_AND", "LOGICAL_NOT",
    "LOGICAL_OR", "LOGISTIC", "LOG_SOFTMAX", "LSTM", "MAXIMUM", "MAX_POOL_2D", "MINIMUM", "MIRROR_PAD", "MUL", "NEG",
    "NOT_EQUAL", "PAD", "PADV2", "POW", "PRELU", "QUANTIZE", "RELU", "RELU6", "RELU_0_TO_1", "RELU_N1_TO_1",
    "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "RNN", "ROUND", "RSQRT", "SELECT", "SELECT_V2", "SIGN", "SIN", "SOFTMAX",
    "SPACE_TO_DEPTH", "SQRT", "SQUARE", "SQUARED_DIFFERENCE", "SUB", "SVDF", "TANH", "TRANSPOSE_CONV", "CONV_3D_TRANSPOSE", "ZEROS_LIKE",
})  # fmt: skip
"""Operators of which each example in a batch makes one example, at the same place."""

BODIES: Mapping[str, tuple[int, Mapping[str, str]]] = {
    "CALL": (0, {"subgraph": "subgraph"}),
    "CALL_ONCE": (0, {"init_subgraph_index": "init"}),
    "IF": (1, {"then_subgraph_index": "then", "else_subgraph_index": "else"}),
    "STABLEHLO_CASE": (1, {"branch_subgraph_indices": "branch"}),
    "STABLEHLO_COMPOSITE": (0, {"decomposition_subgraph_index": "decomposition"}),
    "STABLEHLO_WHILE": (0, {"cond_subgraph_index": "cond", "body_subgraph_index": "body"}),
    "WHILE": (0, {"cond_subgraph_index": "cond", "body_subgraph_index": "body"}),
}
"""Operators with subgraphs inside: the first input that these are given, and the options that name them."""

CALLS = frozenset({"CALL", "STABLEHLO_COMPOSITE"})
"""Operators that do exactly what their subgraph does."""

LOOPS = frozenset({"STABLEHLO_WHILE", "WHILE"})
"""Operators that run their last subgraph on what it gives."""

UNPACKS = frozenset({"DENSIFY", "DEQUANTIZE"})
"""Operators that only unpack what they take, where that is a weight."""


def input_names(op: str) -> tuple[str, ...]:
    """Return what the inputs of an operator are called, as far as that is known."""
    return tuple(_INPUTS.get(op, "").split())


def is_argument(op: str, at: int) -> bool:
    """Tell whether an input only says how an operator works."""
    return at in _ARGUMENTS.get(op, ())


def computes(op: str, at: int) -> bool:
    """Tell whether an operator computes with an input, also with whole numbers."""
    return op in _COMPUTES and not (at == 0 and op.endswith(("TRANSPOSE_CONV", "3D_TRANSPOSE")))


Options = Mapping[str, Setting]
Given = Sequence[Tensor | None]


def batch_of(op: str, options: Options, given: Given) -> Batch:
    """Return what an operator makes of each example in a batch.

    Parameters
    ----------
    op
        The operator.
    options
        Its options.
    given
        Its inputs.
    """
    if op in _KEEPING:
        return KEPT
    return _BATCHES[op](options, given) if op in _BATCHES else UNKNOWN


def _dense(options: Options, given: Given) -> Batch:
    """Return what happens to rows: of more than two axes a matrix is made, unless they are to be kept."""
    found = multiplied(given[1] if len(given) > 1 else None, turned=True)
    keeps = options.get("keep_num_dims") or (given and rank(given[0]) == 2)
    return found if keeps else Batch(elements=found.elements)


_BATCHES: Mapping[str, Callable[[Options, Given], Batch]] = {
    **dict.fromkeys(("EXPAND_DIMS", "RESHAPE", "SQUEEZE"), lambda _, __: RESHAPED),
    **dict.fromkeys(
        ("ARG_MAX", "ARG_MIN", "CUMSUM", "MEAN", "REDUCE_ALL", "REDUCE_ANY", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD",
         "REVERSE_V2", "SUM"),
        lambda _, given: behind_first(constant(given, 1), given),
    ),
    "BATCH_TO_SPACE_ND": lambda _, given: joined(constant(given, 1)),
    "CONCATENATION": lambda options, given: behind_first(options.get("axis"), given),
    "FULLY_CONNECTED": _dense,
    "GATHER": lambda options, given: gathered(options.get("axis"), given),
    "PACK": lambda options, given: stacked(options.get("axis"), given),
    "SPACE_TO_BATCH_ND": lambda _, given: cut(constant(given, 1)),
    "SPLIT": lambda _, given: behind_first(constant(given, 0), given, 1),
    "SPLIT_V": lambda _, given: behind_first(constant(given, 2), given),
    "STRIDED_SLICE": sliced,
    "TRANSPOSE": lambda _, given: permuted(constant(given, 1)),
    "UNPACK": lambda options, given: unstacked(options.get("axis"), given),
}  # fmt: skip
"""What operators do with the first axis that do not always keep it."""


def options_of(operator: Table) -> dict[str, Setting]:
    """Return the options of a built-in operator."""
    given = (operator.table(union) for union in ("builtin_options", "builtin_options2"))
    found = ((name, option(table, name)) for table in given if table is not None for name in table)
    return dict(pair for pair in found if pair not in _SAYING_NOTHING)


_SAYING_NOTHING = {
    ("fused_activation_function", "NONE"),
    ("quantized_bias_type", "FLOAT32"),
    ("asymmetric_quantize_inputs", False),
    ("quant_spec", ()),
}


def option(table: Table, name: str) -> Setting:
    """Return one option as a plain value."""
    field = table.field(name)
    if field.type == "str":
        return short(decoded(table.text(name)))
    if field.several:
        _, count = table.extent(name)
        named = not field.type[-1].isdigit() and field.type != "bool"
        first = tuple(table.names(name, SHOWN)) if named else tuple(map(_plain, table.numbers(name, SHOWN)))
        return first if count <= SHOWN else (*first, f"… {count:,} values")
    if field.type[-1].isdigit() or field.type == "bool":
        return _plain(table.number(name))
    return label(table.name(name))


def _plain(value: Setting) -> Setting:
    return float(f"{value:.7g}") if isinstance(value, float) else value
