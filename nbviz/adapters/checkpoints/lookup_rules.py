"""How libraries keep weights that are looked up: as places in tables, of which one may stand for several values."""

from __future__ import annotations

import math

from nbviz.adapters.checkpoints.packed_tensor import Rules, Tensor


def _codes(packed: Tensor) -> int | None:
    """Return the values of AQLM's ``codes`` with ``codebooks``: all codes of a place together are one block of weights."""
    books = packed.beside("codebooks") if packed.name == "codes" else None
    if books is None or len(books.shape) != 4 or len(packed.shape) != 3 or packed.shape[2] != books.shape[0]:
        return None
    return math.prod(packed.shape[:2]) * math.prod(books.shape[2:]) or None


def _looked_up(packed: Tensor) -> int | None:
    """Return the values of HIGGS's ``weight`` with ``scales`` for each output, whose table has one entry for each of them."""
    scales, table = packed.beside("scales"), packed.beside("tables")
    if packed.name != "weight" or scales is None or table is None or not len(packed.shape) == len(scales.shape) == 2:
        return None
    size = scales.shape[0] * packed.shape[1]
    return size if 16 * packed.size == size * (table.size.bit_length() - 1) else None


RULES: Rules = {
    "int8": (_codes,),
    "int16": (_codes, _looked_up),
    "int32": (_codes,),
}
