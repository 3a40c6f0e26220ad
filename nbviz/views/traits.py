"""Traits of a view that take what users pass in more than one form, and say what they take."""

from __future__ import annotations

from typing import Any, final

import traitlets

from nbviz.errors import OptionError
from nbviz.options import names
from nbviz.views import extra
from nbviz.views.looks import COLOR_BY


@final
class Paths(traitlets.Tuple):
    """A tuple of paths; one path alone is taken as a tuple of one."""

    def validate(self, obj: Any, value: Any) -> Any:
        """Return it as a tuple."""
        return super().validate(obj, names("selection", value, "paths, which are the index of view.table, or ()"))


@final
class Columns(traitlets.List[str]):
    """A list of column names, None for the usual ones; one name alone is taken as a list of one."""

    def validate(self, obj: Any, value: Any) -> Any:
        """Return it as a list."""
        return value if value is None else super().validate(obj, names("columns", value, "column names, or None"))


@final
class ColorBy(traitlets.Unicode[str, Any]):
    """A name of the color menu; a series becomes a column of the view, whose name is chosen."""

    def set(self, obj: Any, value: Any) -> None:
        """Set it to a name."""
        if extra.is_series(value):
            obj.add_column(value)
            value = str(value.name)
        elif not isinstance(value, str):
            listed = ", ".join(map(repr, COLOR_BY))
            msg = (
                f"color_by must be one of {listed}, the label of an added column, or a pandas Series of numbers indexed by "
                f"path; found {type(value).__name__}."
            )
            raise OptionError(msg)
        super().set(obj, value)
