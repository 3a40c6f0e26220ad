"""Formats that only the libraries that write them read: what a file or folder is, and what to do with it."""

from __future__ import annotations

from collections.abc import Iterable

_FLAX = "a file of Flax: read it with flax.serialization.msgpack_restore(open(path, 'rb').read()) and pass the dict that it returns"
_ORBAX = "a checkpoint of Orbax: read it with orbax.checkpoint.StandardCheckpointer().restore(path) and pass what that returns"
_DISTRIBUTED = (
    "a distributed checkpoint of PyTorch: dcp_to_torch_save(folder, 'model.pt') of torch.distributed.checkpoint.format_utils writes "
    "a file that nbviz reads"
)
_TENSORFLOW = "a checkpoint of TensorFlow: tf.train.load_checkpoint(path) reads it, and a dict of its get_tensor(name) can be passed"

_NAMES = {"_METADATA": _ORBAX, "_CHECKPOINT_METADATA": _ORBAX, "manifest.ocdbt": _ORBAX}
_SUFFIXES = {".msgpack": _FLAX, ".distcp": _DISTRIBUTED, ".data-00000-of-00001": _TENSORFLOW}


def written_by_others(names: Iterable[str]) -> str:
    """Say what a file, or a folder of files with these names, looks like; ``""`` if nothing is known."""
    for name in names:
        suffixes = (what for suffix, what in _SUFFIXES.items() if name.endswith(suffix))
        found = _NAMES.get(name) or next(suffixes, None)
        if found is not None:
            return f" It looks like {found}."
    return ""
