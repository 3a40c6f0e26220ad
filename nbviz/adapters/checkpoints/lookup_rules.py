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


def _vectors(packed: Tensor) -> int | None:
    """Return the values of VPTQ's ``indices`` with ``centroids``, in which the places of a group are packed one after the other.

    The folder says how many outputs are a vector.
    """
    if packed.name != "indices" or packed.beside("centroids", "weight") is None or packed.quantization is None:
        return None
    said = packed.quantization.vectors(packed.row)
    if said is None:
        return None
    shape = (said.groups, _parts(said.outputs, said.length), _parts(said.group * said.bits, 32))
    return said.outputs * said.groups * said.group if packed.shape == shape else None


def _outliers(packed: Tensor) -> int | None:
    """Return the values of VPTQ's ``outlier_indices``, one place each, of the inputs that have a table of their own."""
    if packed.name != "outlier_indices" or packed.quantization is None:
        return None
    said = packed.quantization.vectors(packed.row)
    if said is None or said.outliers == 0 or said.length_of_outliers <= 0:
        return None
    shape = (1, _parts(said.outputs, said.length_of_outliers), said.outliers)
    return said.outputs * said.outliers if packed.shape == shape else None


def _parts(size: int, each: int) -> int:
    """Return how many parts hold a size that a file claims, which may be too large for a float."""
    return -(-size // each)


def _of_a_lattice(packed: Tensor) -> int | None:
    """Return the values of QuIP#'s ``Qidxs``, places in lattices: ``SU`` has one number for each input, ``SV`` one for each output.

    Its tables take two, three or four bits for a value. Where channels of outliers are there twice, the inputs are not those of
    the model.
    """
    if packed.name != "Qidxs" or len(packed.shape) != 2 or packed.beside("ocs_dupe_inds") is not None:
        return None
    size = _between(packed, "SU", "SV")
    return size if size and packed.bits % size == 0 and packed.bits // size in {2, 3, 4} else None


def _of_trellises(packed: Tensor) -> int | None:
    """Return the values of QTIP's ``trellis``, of which each row is a tile of the weight: ``SU`` and ``SV`` are as those of QuIP#."""
    if packed.name != "trellis" or len(packed.shape) != 2 or not packed.size:
        return None
    size = _between(packed, "SU", "SV")
    fits = size and size % packed.shape[0] == packed.bits % size == 0 and packed.bits // size in range(1, 9)
    return size if fits else None


def _of_square_trellises(packed: Tensor) -> int | None:
    """Return the values of EXL3's ``trellis``, which has tiles of 16 inputs and 16 outputs, with up to eight bits for each value.

    ``suh`` has one number for each input, ``svh`` one for each output. Older files have ``su`` and ``sv`` with a bit for each.
    """
    if packed.name != "trellis" or len(packed.shape) != 3 or packed.shape[2] not in range(8, 8 * 16 + 1, 8):
        return None
    size = 16 * 16 * packed.shape[0] * packed.shape[1]
    between = _between(packed, "suh", "svh") or 16 * 16 * _between(packed, "su", "sv")
    return size if size and size == between else None


def _between(packed: Tensor, inputs: str, outputs: str) -> int:
    """Return the size of a weight whose inputs and outputs have one number each in tensors beside it, 0 where they are not there."""
    found = [packed.beside(inputs), packed.beside(outputs)]
    return math.prod(0 if one is None or len(one.shape) != 1 else one.size for one in found)


RULES: Rules = {
    "uint8": (_of_a_lattice,),
    "int8": (_codes,),
    "int16": (_codes, _looked_up, _outliers, _of_a_lattice, _of_trellises, _of_square_trellises),
    "uint16": (_outliers,),
    "int32": (_codes, _vectors, _of_a_lattice),
    "int64": (_of_a_lattice,),
}
