"""Tells which tensors of a checkpoint are buffers instead of parameters, by their names and their neighbors."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nbviz.graph import ParameterKind

if TYPE_CHECKING:
    from nbviz.adapters.checkpoints.tree import Entry

_STATISTICS = frozenset({"running_mean", "running_var", "num_batches_tracked"})
_COLLECTIONS = frozenset({"batch_stats", "cache", "intermediates", "perturbations"})
"""What Flax keeps beside the collection ``params``, under names of its own."""
_RANDOM = re.compile(r"(?:^|[^a-z])(?:rngs?|rngstates?|random_?states?)(?:$|[^a-z])", re.IGNORECASE)
"""Names of what random numbers are drawn from, as training saves it: ``rng``, ``cuda_rng_state_all``, ``random_states``."""
_ABOUT = {
    "weight_shape": "weight_packed",
    **dict.fromkeys(("shape", "axis", "nbits", "group_size"), "W_q"),
    "quantized_weight_metadata": "quantized_weight_values",
    "codebook_id": "Qidxs",
    **dict.fromkeys(("rcp", "tp_rank", "mcg", "mul1"), "trellis"),
    **dict.fromkeys(("scale", "zero_point"), "zero_point"),
}
"""What quantization leaves about values, by the name of the whole numbers that are in the same row then.

compressed-tensors, HQQ and Four Over Six say how a weight is packed, QuIP#, QTIP and EXL3 how it is looked up. PyTorch says in
what range a module has its outputs: where that is learned, the zero point is no whole number.
"""
_WHOLE = frozenset(_ABOUT.values())
_MODELS = frozenset({"model", "module", "params"})
"""What the model is called beside its optimizer. A layer may be called so too, but then no optimizer is beside it."""
_OF_TRAINING = frozenset({
    *("callbacks", "loops", "lr_scheduler", "lr_schedulers", "scheduler", "schedulers", "scaler", "grad_scaler"),
    *("hyper_parameters", "datamodule_hyper_parameters"),
})  # fmt: skip
"""What training keeps beside the model, in Lightning and elsewhere: scores so far, and settings that are tensors."""


def kinds_of(entries: Sequence[Entry], title: str, *, with_optimizer: bool) -> list[ParameterKind]:
    """Return the kind of each tensor of a checkpoint, of which the title may tell, and in which the state of an optimizer may be."""
    heads = {entry.path[0] for entry in entries if len(entry.path) > 1}
    training = any(head.endswith("state_dict") for head in heads) or (with_optimizer and not heads.isdisjoint(_MODELS))
    aside = _COLLECTIONS if "params" in heads else frozenset()
    aside |= _OF_TRAINING if training else frozenset()
    whole = {entry.path for entry in entries if entry.path[-1] in _WHOLE and _is_whole(entry)}

    def is_about_values(entry: Entry) -> bool:
        of = _ABOUT.get(entry.path[-1])
        return of is not None and (*entry.path[:-1], of) in whole

    def is_buffer(entry: Entry) -> bool:
        # a number beside the model, such as the epoch or the best score so far
        counts = training and len(entry.path) == 1 and entry.size == 1
        known = entry.buffer or counts or entry.path[0] in aside or entry.path[-1] in _STATISTICS
        return known or is_about_values(entry) or _is_random(entry, title) or _is_text(entry)

    return ["buffer" if is_buffer(entry) else "weight" for entry in entries]


def _is_random(entry: Entry, title: str) -> bool:
    """Tell whether a tensor is the state of random numbers: whole numbers in a row, as every generator's are, of such a name.

    Trainers of Hugging Face write a file of such a name, ``rng_state.pth``, in which the names are those of the generators.
    """
    is_row = len(entry.shape) == 1 and _is_whole(entry)
    return is_row and any(map(_RANDOM.search, (title, *entry.path)))


def _is_whole(entry: Entry) -> bool:
    return entry.dtype.startswith(("uint", "int"))


def _is_text(entry: Entry) -> bool:
    """Tell whether a tensor is the JSON that bitsandbytes writes beside a weight: ``weight.quant_state.bitsandbytes__nf4``."""
    return entry.path[-2:-1] == ("quant_state",) and entry.path[-1].startswith("bitsandbytes__")
