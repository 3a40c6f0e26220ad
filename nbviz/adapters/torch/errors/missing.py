"""Reports parts of a successful forward pass that nbviz cannot see."""

from __future__ import annotations

import inspect
from typing import Any

from nbviz.builder import GraphBuilder
from nbviz.errors import with_article
from nbviz.records import CallRecord

ELSEWHERE = (
    "Other threads call modules of this model during its forward pass. nbviz follows only the thread that reads "
    "the model: calls, edges and MACs of the others are missing. To see them, pass a model that works in one "
    "thread."
)


def without_tensors(outputs: Any) -> str:
    """Return why no output is shown of a model that gives this, in which there are no tensors."""
    if inspect.isgenerator(outputs):
        return (
            "forward returns a generator, whose code runs only when its values are used, so nbviz cannot follow "
            "it. For the graph, pass a module whose forward returns list(model(...))."
        )
    if inspect.iscoroutine(outputs) or inspect.isasyncgen(outputs):
        if inspect.iscoroutine(outputs):
            outputs.close()  # Python warns of one that nobody has awaited
        return (
            "forward is async: its code runs only when it is awaited, so nbviz cannot follow it. For the graph, "
            "pass a module whose forward is not async."
        )
    if outputs is None:
        return "forward returns None, so the graph has no outputs. Perhaps its return statement is missing."
    return (
        f"forward returns {with_article(type(outputs).__name__)}, in which nbviz finds no tensors, so the graph has "
        "no outputs."
    )


def about_none(error: Exception, silent: CallRecord | None, omitted: list[str]) -> str:
    """Return where a None may come from that a model failed on, ``""`` if it did not.

    ``silent`` is the last call of a module that gave None, ``omitted`` are the arguments of the model that are None.
    """
    if "NoneType" not in str(error):
        return ""
    if silent is not None:
        return (
            f"{silent.path} ({silent.op}), which was called before, returned None. Perhaps the return statement is "
            "missing in its forward."
        )
    if omitted:
        return f"Not given, so None: {', '.join(omitted)}."
    return ""


def note_uncounted(builder: GraphBuilder) -> None:
    """Say which operations contract nobody knows how much."""
    found = [call for call in builder.calls if call.compute is None and not call.has_children]
    names = list(dict.fromkeys(call.op for call in found))
    if names:
        where = f" (at {found[0].source})" if found[0].source else ""
        others = f" and {len(names) - 1} other operations" if len(names) > 1 else ""
        builder.note(
            (
                f"The MACs of {names[0]}{where}{others} are unknown, and so are the totals that include them. For a "
                "custom operation, register a formula with torch.utils.flop_counter.register_flop_formula."
            ),
            found[0].path,
        )
