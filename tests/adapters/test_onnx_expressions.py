"""Sizes that are expressions of others, as PyTorch's exporter writes them."""

from __future__ import annotations

import pytest

from nbviz.adapters.onnx.shapes.expressions import size_of

KNOWN = {"h": 16, "s": 7, "unk__3": 5, "batch.size": 2, "Max": 3}


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("2*h", 32),
        ("48*Min(6*(((h - 1)//2)) + 6, (((((h - 1)//2)) + 1)//8))", 48),
        ("Min(512, s)", 7),
        ("Max(1, s - 9, unk__3)", 5),
        ("h/2 - s", 1),
        ("h - s - 2", 7),
        ("100//s//2", 7),
        ("2*-(-h)", 32),
        ("floor(s/2) + ceiling(s/2)", 7),
        ("Mod(h, s) + h % s", 4),
        ("batch.size*3 + Max", 9),
        (" ( h ) ", 16),
        ("12", 12),
    ],
)
def test_expressions_of_known_sizes_have_a_size(text, size):
    assert size_of(text, KNOWN) == size


@pytest.mark.parametrize(
    "text",
    [
        "",
        "other",
        "2*other",
        "h/3",
        "s - h",
        "h//0",
        "h % 0",
        "Mod(h, 0)",
        "h +",
        "(h",
        "h)",
        "h, s",
        "(h, s)",
        "2 h",
        "floor()",
        "floor(h, s)",
        "Min(h",
        "h(2)",
        "h.__class__",
        "__import__('os')",
        "h**s",
        "h;s",
        "½",
        "²",
        "٣",
        "9" * 40,
    ],
)
def test_other_text_has_none(text):
    assert size_of(text, KNOWN) is None


@pytest.mark.parametrize(
    "text",
    [
        "(" * 400 + "h" + ")" * 400,
        "-" * 900 + "h",
        "h*" * 400 + "h",
        "h+" * 100_000 + "h",
        "/".join(["1"] + ["7"] * 300),
    ],
)
def test_text_without_end_is_left_alone(text):
    assert size_of(text, KNOWN) is None
