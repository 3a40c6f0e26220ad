"""A sequence of frozen rows, stored as one column per field."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, Generic, TypeVar, final, overload

Row = TypeVar("Row")


@final
class Columns(Sequence[Row], Generic[Row]):
    """Rows of one frozen dataclass, stored as columns to save memory for large models.

    Indexing creates a row object on demand. To read one field of every row, use ``column(name)``, which returns a plain
    tuple.

    Parameters
    ----------
    row_type
        The dataclass of the rows.
    rows
        The rows, in order.

    Examples
    --------
    >>> graph.layers
    <6 x Layer>
    >>> graph.layers[3].type, len(graph.layers)
    ('Dense', 6)
    """

    __slots__ = ("_columns", "_length", "_row_type")

    def __init__(self, row_type: type[Row], rows: Iterable[Row] = ()) -> None:
        names = [field.name for field in dataclasses.fields(row_type)]  # type: ignore[arg-type]
        kept = list(rows)
        self._row_type = row_type
        self._length = len(kept)
        self._columns: dict[str, tuple[Any, ...]] = {name: tuple(map(attrgetter(name), kept)) for name in names}

    @classmethod
    def of(cls, row_type: type[Row], columns: Mapping[str, Iterable[Any]]) -> Columns[Row]:
        """Create rows from one column per field, without creating row objects.

        Examples
        --------
        >>> rows, first = graph.edges, graph.edges[0]
        >>> names = list(first.__dataclass_fields__)
        >>> type(rows).of(type(first), {name: rows.column(name) for name in names}) == rows
        True
        """
        made = cls(row_type)
        made._columns = {name: tuple(columns[name]) for name in made._columns}
        made._length = len(next(iter(made._columns.values())))
        return made

    def column(self, name: str) -> tuple[Any, ...]:
        """Return one field of every row, in row order.

        Examples
        --------
        >>> graph.layers.column("type")
        ('Functional', 'InputLayer', 'InputLayer', 'Dense', 'Concatenate', 'Dense')
        """
        return self._columns[name]

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | Sequence[Row]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(self._length))]
        return self._row_type(**{name: values[index] for name, values in self._columns.items()})

    def __iter__(self) -> Iterator[Row]:
        names = tuple(self._columns)
        for values in zip(*self._columns.values(), strict=True):
            yield self._row_type(**dict(zip(names, values, strict=True)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Columns):
            return NotImplemented
        return self._row_type is other._row_type and self._columns == other._columns

    def __hash__(self) -> int:
        return hash((self._row_type, self._length))

    def __repr__(self) -> str:
        return f"<{self._length} x {self._row_type.__name__}>"
