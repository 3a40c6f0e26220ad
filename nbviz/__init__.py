"""Show a deep-learning model as a linked summary table and graph in the notebook.

In the examples, ``model`` is a small Keras model: two inputs through one shared layer.

Examples
--------
>>> nbviz.view(model)
<nbviz.ModelView of 'matcher': 6 layers, 45 parameters>
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbviz.api import plot_model, print_summary, read, summary, to_dot, view
    from nbviz.errors import (
        AdapterWarning,
        FileReadError,
        InputsError,
        MissingExtraError,
        NbvizError,
        OptionError,
        PartialReadWarning,
        PictureWarning,
        SchemaError,
        UnknownOptionError,
        UnknownPathError,
        UnsupportedModelError,
    )
    from nbviz.graph import ModelGraph
    from nbviz.shape import Shape, Shapes
    from nbviz.views.picture import Picture
    from nbviz.views.widget import ModelView

_HOMES = {
    "nbviz.api": ("plot_model", "view", "summary", "print_summary", "read", "to_dot"),
    "nbviz.graph": ("ModelGraph",),
    "nbviz.views.picture": ("Picture",),
    "nbviz.shape": ("Shape", "Shapes"),
    "nbviz.views.widget": ("ModelView",),
    "nbviz.errors": (
        "NbvizError",
        "UnsupportedModelError",
        "FileReadError",
        "InputsError",
        "MissingExtraError",
        "OptionError",
        "UnknownOptionError",
        "UnknownPathError",
        "SchemaError",
        "AdapterWarning",
        "PartialReadWarning",
        "PictureWarning",
    ),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "AdapterWarning",
    "FileReadError",
    "InputsError",
    "MissingExtraError",
    "ModelGraph",
    "ModelView",
    "NbvizError",
    "OptionError",
    "PartialReadWarning",
    "Picture",
    "PictureWarning",
    "SchemaError",
    "Shape",
    "Shapes",
    "UnknownOptionError",
    "UnknownPathError",
    "UnsupportedModelError",
    "plot_model",
    "print_summary",
    "read",
    "summary",
    "to_dot",
    "view",
]


def __getattr__(name: str) -> Any:
    # Loaded on first use, so that `import nbviz` costs nothing and loads no framework, no pandas, no widgets.
    if name == "__version__":
        from importlib.metadata import version

        return version("nbviz")
    if name not in _HOME_OF:
        msg = f"module 'nbviz' has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(importlib.import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
