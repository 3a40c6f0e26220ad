"""Reads Keras ``.weights.h5`` files: the tree of groups and datasets, without their values.

Links out of the file, and datasets whose values are in other files, are never followed. Attributes are not read, though Keras
keeps the names of layers there: the HDF5 library never comes back from some damaged ones.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from nbviz.adapters.checkpoints.tree import MAX_TENSORS, Checkpoint, Entry, reading_of
from nbviz.adapters.files.opening import damaged, opened
from nbviz.adapters.files.values import decoder, values_of
from nbviz.adapters.text import plain, short
from nbviz.adapters.weights import CHUNK
from nbviz.errors import MissingExtraError
from nbviz.reading import Reading

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

KIND = "an HDF5 weights file"
_DEPTH = 64
_NOTED = 20
_BAD = (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError)
"""What h5py may raise for a damaged file."""


def read_file(path: Path) -> Reading:
    """Read a ``.weights.h5`` file.

    Raises
    ------
    FileReadError
        If it is damaged, or no such file.
    MissingExtraError
        If h5py is not installed.
    """
    return reading_of(path, KIND, read_checkpoint(path))


def read_checkpoint(path: Path) -> Checkpoint:
    """Return what is in a ``.weights.h5`` file, which may be one of several.

    Raises
    ------
    FileReadError
        If it is damaged, or no such file.
    MissingExtraError
        If h5py is not installed.
    """
    try:
        import h5py
    except ImportError as error:
        raise MissingExtraError(f"Reading {str(path)!r} needs h5py: pip install h5py.") from error
    with opened(path):
        walk = _Walk(path, Checkpoint(path.name[: -len(".weights.h5")], "Keras"))
    try:
        with h5py.File(path, "r", locking=False) as file:
            walk.visit(file)
    except _BAD as error:
        raise damaged(path, KIND, error) from error
    walk.finish()
    return walk.checkpoint


@final
@dataclass(slots=True)
class _Walk:
    """Collects the datasets of a file."""

    path: Path
    checkpoint: Checkpoint
    _groups: set[Any] = field(default_factory=set)
    _steps: int = 0

    def visit(self, group: Any, path: tuple[str, ...] = ()) -> None:
        """Visit what is in a group; one that was visited before, through another link, is left out."""
        import h5py

        if len(path) > _DEPTH:
            raise ValueError("its groups are nested too deeply")
        address = h5py.h5o.get_info(group.id).addr
        if address in self._groups:
            return
        self._groups.add(address)
        for name in group:
            self._steps += 1
            if self._steps > MAX_TENSORS:
                raise ValueError(f"it holds more than {MAX_TENSORS:,} objects")
            here = (*path, name)
            link = group.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                self._note(here, "is a link, which nbviz does not follow", missing=isinstance(link, h5py.ExternalLink))
                continue
            found = group[name]
            if isinstance(found, h5py.Group):
                self.visit(found, here)
            elif isinstance(found, h5py.Dataset):
                self._dataset(found, here)

    def _note(self, path: tuple[str, ...], what: str, *, missing: bool) -> None:
        said = self.checkpoint.missing if missing else self.checkpoint.notes
        if len(said) < _NOTED:
            said.append(f"{short('/'.join(path), 200)} {what}.")

    def _dataset(self, dataset: Any, path: tuple[str, ...]) -> None:
        entry = _entry(dataset, self.path, path)
        if isinstance(entry, str):
            # text is no tensor, and nothing none; in what has parts there may be some
            self._note(path, f"holds {entry}, so it is not read", missing=dataset.dtype.kind == "V")
        elif path[0] == "optimizer":
            self.checkpoint.optimizers.setdefault(path[0], []).append(entry)
        else:
            self.checkpoint.entries.append(entry)

    def finish(self) -> None:
        """Add what is known when all was seen."""
        self.checkpoint.notes.append(
            "The file holds only weights. To see the model, build it in Python, call model.load_weights(path) "
            "and pass the model, or save the whole model with model.save('model.keras')."
        )


def _entry(dataset: Any, file: Path, path: tuple[str, ...]) -> Entry | str:
    """Return a dataset as a tensor, or what it holds instead."""
    import h5py

    shape, dtype = dataset.shape, dataset.dtype
    name = dtype.name
    if dtype.kind == "V" and dtype.names is None and dtype.itemsize == 2:
        name = "bfloat16"  # which HDF5 has no name for; Keras keeps no other type of two bytes
    elif dtype.kind not in "biufc":
        return values_of(dtype)
    if shape is None:
        return "nothing"
    size = math.prod(shape)
    values: H5Values | str = H5Values(file, dataset.name, name)
    if dataset.external or dataset.is_virtual:
        values = "they are in other files, which nbviz does not open"
    row = path[:-2] if path[-2:-1] == ("vars",) else path[:-1]  # the variables of a layer belong to its row
    address = h5py.h5o.get_info(dataset.id).addr
    summed = path[0] == "metrics"  # which Keras 2 writes beside the layers
    return Entry((*row, path[-1]), shape, name, size * dtype.itemsize, size, address, values=values, buffer=summed)


@final
@dataclass(frozen=True, slots=True)
class H5Values:
    """The values of one dataset.

    Attributes
    ----------
    path
        The file.
    name
        Of the dataset in it.
    dtype
        By the name in the graph.
    """

    path: Path
    name: str
    dtype: str

    def pieces(self) -> Iterator[npt.NDArray[np.generic]]:
        """Yield the values as flat pieces."""
        import h5py

        stored, decode = decoder(self.dtype)
        try:
            with h5py.File(self.path, "r", locking=False) as file:
                dataset = file[self.name]
                for place in _places(dataset.shape):
                    found = dataset[place].reshape(-1)
                    yield decode(found.view(stored) if found.dtype.kind == "V" else found)
        except (KeyError, TypeError, AttributeError) as error:  # another thing has the name now
            raise ValueError(plain(error)) from error


def _places(shape: tuple[int, ...], before: tuple[int, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield where in a dataset there are pieces of a size that can be read at once."""
    rest = math.prod(shape[1:])
    if len(shape) > 1 and rest > CHUNK:
        for row in range(shape[0]):
            yield from _places(shape[1:], (*before, row))
    elif not shape:
        yield ()
    else:
        rows = max(1, CHUNK // max(rest, 1))
        for start in range(0, shape[0], rows):
            yield (*before, slice(start, start + rows))
