"""Single cells of a table: whether they hold a value, and that as plain text."""

from __future__ import annotations

from typing import Any


def is_missing(value: Any) -> bool:
    """Tell whether a cell holds no value."""
    import pandas as pd

    if isinstance(value, tuple):
        return not value
    return value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value)))


def plain_text(value: Any) -> str:
    """Return a cell that is no number as text."""
    if is_missing(value):
        return ""
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
