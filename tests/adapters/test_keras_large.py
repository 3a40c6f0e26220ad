"""The models of ``tests/models/keras_large.py`` have the structure that they are there for."""

from __future__ import annotations

import pytest

pytest.importorskip("keras")

from nbviz.adapters import read
from tests.models import keras_large as models


def test_gpt2_is_blocks_of_attention_and_feed_forward():
    graph = read(models.gpt2(blocks=2, heads=2, width=4, vocabulary=8, context=4)).graph
    assert {"h_0/attn", "h_1/mlp_proj", "ln_f", "lm_head"} <= set(graph.layer_index)


def test_unet_reads_each_level_down_again_on_its_way_up():
    graph = read(models.unet(levels=2, width=2, size=8)).graph
    calls = graph.calls_of
    ends = set(zip(graph.edges.column("source"), graph.edges.column("target"), strict=True))
    for level in range(2):
        skip = calls[f"down_{level}_relu2"][0], calls[f"up_{level}_concat"][0]
        assert skip in ends


def test_experts_are_weighed_by_the_router_and_mixed():
    graph = read(models.experts(count=3, width=4, context=2)).graph
    mix = graph.calls_of["moe/mix"][0]
    weighed = {graph.calls_of[f"moe/weigh_{i}"][0] for i in range(3)}
    ends = zip(graph.edges.column("source"), graph.edges.column("target"), strict=True)
    assert {source for source, target in ends if target == mix} == weighed
