"""Imports packages of the extra ``image`` when a picture is requested."""

from __future__ import annotations

import importlib.util
from typing import Any

from nbviz.errors import MissingExtraError


def need(module: str) -> Any:
    """Return a module of the extra.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        msg = (
            f"Pictures need {module}, which is not installed: pip install 'nbviz[image]'. Without it, the Save menu of a "
            "view writes the graph as SVG and PNG."
        )
        raise MissingExtraError(msg) from error


def has(*modules: str) -> bool:
    """Tell whether all of these modules are there."""
    return all(importlib.util.find_spec(module) is not None for module in modules)
