"""The modules that are currently running in a trace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nbviz.adapters.torch.lines import package_of
from nbviz.records import CallRecord


class Running:
    """The calls of modules that have begun and not ended, the innermost last.

    Attributes
    ----------
    calls
        Their records.
    modules
        The modules.
    package
        The package of the code of the innermost that is not PyTorch's, ``""`` if there is none.
    """

    def __init__(self) -> None:
        self.calls: list[CallRecord] = []
        self.modules: list[Any] = []
        self.package = ""

    @contextmanager
    def within(self, call: CallRecord, module: Any) -> Iterator[None]:
        """Let what happens be part of a module's call."""
        around, self.package = self.package, package_of(module) or self.package
        self.calls.append(call)
        self.modules.append(module)
        try:
            yield
        finally:
            self.package = around
            del self.calls[-1], self.modules[-1]

    @property
    def call(self) -> CallRecord | None:
        """The innermost call."""
        return self.calls[-1] if self.calls else None

    @property
    def frame(self) -> int | None:
        """Its id."""
        return self.calls[-1].id if self.calls else None
