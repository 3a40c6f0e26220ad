"""The tensor types of GGUF files: how many values form a block, and how many bytes a block takes.

From the structs of ``ggml-common.h``, which the file format's numbers stand for.
"""

from __future__ import annotations

from typing import NamedTuple


class Kind(NamedTuple):
    """A type of tensors.

    Attributes
    ----------
    name
        As in a graph (``"float16"``, ``"q4_k"``).
    block
        How many values are stored together.
    bytes
        How many bytes they take.
    """

    name: str
    block: int
    bytes: int


KINDS = {
    0: Kind("float32", 1, 4),
    1: Kind("float16", 1, 2),
    2: Kind("q4_0", 32, 18),
    3: Kind("q4_1", 32, 20),
    6: Kind("q5_0", 32, 22),
    7: Kind("q5_1", 32, 24),
    8: Kind("q8_0", 32, 34),
    9: Kind("q8_1", 32, 36),
    10: Kind("q2_k", 256, 84),
    11: Kind("q3_k", 256, 110),
    12: Kind("q4_k", 256, 144),
    13: Kind("q5_k", 256, 176),
    14: Kind("q6_k", 256, 210),
    15: Kind("q8_k", 256, 292),
    16: Kind("iq2_xxs", 256, 66),
    17: Kind("iq2_xs", 256, 74),
    18: Kind("iq3_xxs", 256, 98),
    19: Kind("iq1_s", 256, 50),
    20: Kind("iq4_nl", 32, 18),
    21: Kind("iq3_s", 256, 110),
    22: Kind("iq2_s", 256, 82),
    23: Kind("iq4_xs", 256, 136),
    24: Kind("int8", 1, 1),
    25: Kind("int16", 1, 2),
    26: Kind("int32", 1, 4),
    27: Kind("int64", 1, 8),
    28: Kind("float64", 1, 8),
    29: Kind("iq1_m", 256, 56),
    30: Kind("bfloat16", 1, 2),
    34: Kind("tq1_0", 256, 54),
    35: Kind("tq2_0", 256, 66),
    39: Kind("mxfp4", 32, 17),
    40: Kind("nvfp4", 64, 36),
    41: Kind("q1_0", 128, 18),
}
"""By the number in the file."""

FILE_TYPES = {
    0: "F32",
    1: "F16",
    2: "Q4_0",
    3: "Q4_1",
    7: "Q8_0",
    8: "Q5_0",
    9: "Q5_1",
    10: "Q2_K",
    11: "Q3_K_S",
    12: "Q3_K_M",
    13: "Q3_K_L",
    14: "Q4_K_S",
    15: "Q4_K_M",
    16: "Q5_K_S",
    17: "Q5_K_M",
    18: "Q6_K",
    19: "IQ2_XXS",
    20: "IQ2_XS",
    21: "Q2_K_S",
    22: "IQ3_XS",
    23: "IQ3_XXS",
    24: "IQ1_S",
    25: "IQ4_NL",
    26: "IQ3_S",
    27: "IQ3_M",
    28: "IQ2_S",
    29: "IQ2_M",
    30: "IQ4_XS",
    31: "IQ1_M",
    32: "BF16",
    36: "TQ1_0",
    37: "TQ2_0",
    38: "MXFP4_MOE",
    39: "NVFP4",
    40: "Q1_0",
}
"""What a whole file was quantized to, by the number in ``general.file_type``."""
