"""Groups of siblings that belong together by the prefixes of their names (``conv4_block1_2_conv``)."""

from __future__ import annotations

from nbviz.builder import GraphBuilder


def add_groups(builder: GraphBuilder) -> None:
    """Infer groups and add them to a recorded model."""
