"""Says what of a forward pass cannot be seen, though it did not fail."""

from __future__ import annotations

import inspect
from typing import Any

from nbviz.builder import GraphBuilder
from nbviz.errors import with_article
from nbviz.records import CallRecord

ELSEWHERE = (
    "Other threads call modules of this model during its forward pass. Only what the thread does that reads is followed: calls, "
    "edges and multiply-accumulates of the others are missing. For these, give a model that does its work in one thread."
)


def without_tensors(outputs: Any) -> str:
    """Return why no output is shown of a model that gives this, in which there are no tensors."""
    if inspect.isgenerator(outputs):
        return (
            "forward gives a generator, whose code runs when somebody takes from it: it is not followed. For the graph, give a "
            "module whose forward returns list(model(...))."
        )
    if inspect.iscoroutine(outputs) or inspect.isasyncgen(outputs):
        if inspect.iscoroutine(outputs):
            outputs.close()  # Python warns of one that nobody has awaited
        return (
            "forward is asynchronous: its code runs when somebody awaits it, and is not followed. For the graph, give a module "
            "whose forward is not."
        )
    if outputs is None:
        return "forward gives None, so that the graph has no outputs. Perhaps its return is missing."
    return f"forward gives {with_article(type(outputs).__name__)}, in which no tensors are found: the graph has no outputs."


def about_none(error: Exception, silent: CallRecord | None, omitted: list[str]) -> str:
    """Return where a None may come from that a model failed on, ``""`` if it did not.

    ``silent`` is the last call of a module that gave None, ``omitted`` are the arguments of the model that are None.
    """
    if "NoneType" not in str(error):
        return ""
    if silent is not None:
        return f"{silent.path} ({silent.op}), which was called before, gives None. Perhaps the return is missing in its forward."
    if omitted:
        return f"Of the arguments of the model, these were not given and are None: {', '.join(omitted)}."
    return ""


def note_uncounted(builder: GraphBuilder) -> None:
    """Say which operations contract nobody knows how much."""
    found = [call for call in builder.calls if call.compute is None and not call.has_children]
    names = list(dict.fromkeys(call.op for call in found))
    if names:
        where = f" (at {found[0].source})" if found[0].source else ""
        others = f" and {len(names) - 1} other operations" if len(names) > 1 else ""
        builder.note(
            f"The multiply-accumulates of {names[0]}{where}{others} are not known, nor totals with them. For a custom operation, "
            "torch.utils.flop_counter.register_flop_formula tells them.",
            found[0].path,
        )
