"""Modules that a model's code imports while it is traced; what they create on import is not part of the model."""

from __future__ import annotations

import sys
from types import CodeType, FrameType
from typing import final

_IMPORTS = "<frozen importlib._bootstrap>"


@final
class Imports:
    """Tells whether an import is running that began during a trace.

    Parameters
    ----------
    code
        Of the function in which the trace begins: what imports something around it is not looked at.
    """

    def __init__(self, code: CodeType) -> None:
        self._code = code
        self._known = len(sys.modules)

    @property
    def running(self) -> bool:
        """Whether one is; only where modules have come is it looked for."""
        if len(sys.modules) == self._known:
            return False
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and frame.f_code is not self._code:
            if frame.f_code.co_filename == _IMPORTS:
                return True
            frame = frame.f_back
        self._known = len(sys.modules)
        return False
