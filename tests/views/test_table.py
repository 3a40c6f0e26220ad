"""The summary as a DataFrame, and what pandas does with it."""

import itertools

import pandas as pd
import pytest
from hypothesis import given, settings

from nbviz.graph import Call, Layer, Parameter
from nbviz.metrics import COLUMNS, Metrics
from nbviz.shape import Shape
from nbviz.views.table import frame, shows_operations
from tests.fixtures.graphs import graph, shared, strategies, tutorial


def test_index_columns_and_totals_are_the_documented_ones():
    table = frame(Metrics(tutorial()))
    assert table.index.name == "path"
    assert table.index.tolist() == ["", "dense", "dense_1"]
    assert table.columns.tolist() == [
        "kind",
        "type",
        "input_shape",
        "output_shape",
        "dtype",
        "param_shape",
        "param_dtype",
        "params",
        "trainable_params",
        "own_params",
        "share",
        "bytes",
        "macs",
        "output_bytes",
        "calls",
        "order",
        "connected_to",
    ]
    assert list(table.attrs["totals"]) == [
        "params",
        "trainable_params",
        "non_trainable_params",
        "buffers",
        "bytes",
        "macs",
    ]
    assert table.attrs["macs_basis"] == "per example"
    assert table.loc["dense", "params"] == 4
    assert table.loc["dense_1", "output_shape"] == (None, 1)


@given(strategies())
@settings(max_examples=50)
def test_counts_have_integer_dtypes_and_unknown_is_missing(net):
    metrics = Metrics(net)
    table = frame(metrics)
    for column in COLUMNS:
        if column.dtype == "count":
            assert table[column.name].dtype == "Int64"
        values = metrics.columns[column.name]
        missing = [value is None for value in values]
        assert table[column.name].isna().tolist() == missing
        assert [v for v in table[column.name].tolist() if not_missing(v)] == [v for v in values if v is not None]
    assert table["share"].dtype == "Float64"
    assert (
        table["own_params"].sum(skipna=False) is pd.NA or table["own_params"].sum() == table.attrs["totals"]["params"]
    )


def not_missing(value):
    return isinstance(value, tuple) or not pd.api.types.is_scalar(value) or not pd.isna(value)


def test_a_count_that_no_column_holds_is_missing():
    net = graph(
        [Layer("", "n", "N", parameters=(0,))],
        parameters=[Parameter(0, "w", "weight", Shape((2**70,)), "int8", True, 2**70, 2**70, ("",))],
    )
    table = frame(Metrics(net))
    assert table["params"].dtype == "Int64"
    assert table["params"].isna().all()
    assert table.attrs["totals"]["params"] == 2**70


def test_sorts_by_every_column():
    table = frame(Metrics(shared()))
    for column in table.columns:
        found = table.sort_values(column)
        assert sorted(found.index) == sorted(table.index)
    assert table.sort_values("params", ascending=False).index[:2].tolist() == ["", "unused"]
    shapes = table.sort_values("output_shape")["output_shape"].dropna().tolist()
    assert shapes == sorted(shapes)


def test_groups_by_type_and_by_shape():
    table = frame(Metrics(shared()))
    assert table.groupby("type")["own_params"].sum()["Dense"] == 1044
    assert table.groupby("output_shape").size()[Shape((None, "time", 4))] == 3
    assert table.groupby("connected_to").size()[("a", "b")] == 2


def test_prints_and_exports_as_any_frame():
    table = frame(Metrics(shared()))
    assert "(None, time, 4)" in table.to_string()
    assert "(None, time, 4)" in table.to_html()
    assert '"(None, time, 4)"' in table.to_csv()
    assert table[table["type"] == "Dense"].shape[0] == 4
    assert table.query("params > 100").index.tolist() == ["", "unused"]


def test_operations_and_groups_can_be_left_out():
    metrics = Metrics(shared())
    kinds = {
        (operations, groups): set(frame(metrics, operations=operations, groups=groups)["kind"])
        for operations in (True, False)
        for groups in (True, False)
    }
    assert kinds == {
        (True, True): {"layer", "operation", "group"},
        (True, False): {"layer", "operation"},
        (False, True): {"layer", "group"},
        (False, False): {"layer"},
    }
    assert frame(metrics, operations=False).attrs["totals"]["params"] == 1044


def test_a_models_own_text_is_escaped_in_html():
    net = graph([Layer("", "net", "<script>alert(1)</script>"), Layer("<b>", "<b>", "X", "", "")])
    text = frame(Metrics(net)).to_html()
    assert "<script>" not in text
    assert "<b>" not in text


@pytest.mark.parametrize(
    ("layers", "called", "operations", "shown"),
    [(0, 0, 5, True), (2, 1, 3, True), (2, 1, 4, False), (2, 0, 4, True), (5, 5, 0, True)],
)
def test_operations_are_rows_unless_they_outnumber_the_layers_of_which_one_is_called(layers, called, operations, shown):
    ids = itertools.count(1)
    net = graph(
        [Layer("", "net", "Net"), *(Layer(f"l{i}", f"l{i}", "Dense", "", "") for i in range(layers))],
        [
            Call(0, "layer", "", "Net", None, ""),
            Call(next(ids), "input", "l0", "InputLayer", 0, "l0")
            if layers
            else Call(next(ids), "input", "in", "in", 0),
            *(Call(next(ids), "layer", f"l{i}", "Dense", 0, f"l{i}") for i in range(called)),
            *(Call(next(ids), "operation", f"add#{i}", "add", 0) for i in range(operations)),
        ],
    )
    metrics = Metrics(net)
    assert shows_operations(metrics, ops="auto") is shown
    assert shows_operations(metrics, ops=True)
    assert not shows_operations(metrics, ops=False)
