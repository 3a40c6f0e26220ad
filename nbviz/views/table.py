"""The summary as a pandas DataFrame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbviz.metrics import COLUMNS, Metrics

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

_DTYPES = {"str": "str", "count": "Int64", "ratio": "Float64"}

_TOO_LARGE = 1 << 63
"""What no ``Int64`` holds."""


def frame(metrics: Metrics, *, operations: bool = True, groups: bool = True) -> pd.DataFrame:
    """Return one row per layer, operation and group, in tree order, indexed by path.

    Parameters
    ----------
    metrics
        The measured graph.
    operations, groups
        Whether bare operations and inferred groups are rows.
    """
    import pandas as pd

    table = pd.DataFrame(
        {column.name: _series(metrics.columns[column.name], column.dtype) for column in COLUMNS},
    )
    table.index = pd.Index(metrics.tree.path, name="path", dtype="str")
    hidden = {"operation": not operations, "group": not groups}
    keep = [not hidden.get(kind, False) for kind in metrics.tree.kind]
    if not all(keep):
        table = table[keep]
    table.attrs["totals"] = dict(metrics.totals)
    table.attrs["macs_basis"] = metrics.macs_basis
    return table


def _series(values: Sequence[Any], dtype: str) -> pd.Series[Any]:
    import pandas as pd

    try:
        # Shapes and tuples stay objects, which pandas would otherwise take apart.
        return pd.Series(list(values), dtype=_DTYPES.get(dtype, "object"))
    except OverflowError:  # absurd, and so not known rather than a reason to show no table
        return pd.Series([value if abs(value or 0) < _TOO_LARGE else None for value in values], dtype=_DTYPES[dtype])


def shows_operations(metrics: Metrics, *, ops: str | bool) -> bool:
    """Tell whether bare operations are rows: with ``"auto"``, unless they outnumber the layers of the model.

    Where no layer is called but the model itself, as in a function of a tree of parameters, they are all that there is to see.
    """
    if isinstance(ops, bool):
        return ops
    counts = {kind: metrics.tree.kind.count(kind) for kind in ("layer", "operation")}
    calls = metrics.graph.calls
    of_layers = zip(calls.column("kind"), calls.column("layer"), strict=True)
    called = {layer for kind, layer in of_layers if kind == "layer"} - {""}  # inputs have layers in Keras, too
    return not called or counts["operation"] <= counts["layer"]
