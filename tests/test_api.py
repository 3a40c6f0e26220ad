"""The public functions on real models, and their errors."""

import gc
import subprocess
import sys
import weakref

import numpy as np
import pytest

import nbviz
from nbviz.errors import OptionError, UnknownOptionError, UnknownPathError

keras = pytest.importorskip("keras")


@pytest.fixture
def tutorial():
    return keras.Sequential(
        [keras.Input((1,)), keras.layers.Dense(2, activation="relu"), keras.layers.Dense(1, activation="sigmoid")]
    )


@pytest.fixture
def shared():
    layers = keras.layers
    left, right = layers.Input((8,), name="left"), layers.Input((8,), name="right")
    encoder = layers.Dense(4, name="encoder")
    joined = layers.Concatenate(name="joined")([encoder(left), encoder(right)])
    return keras.Model([left, right], layers.Dense(1, name="score")(joined), name="siamese")


def test_importing_nbviz_loads_no_framework_and_no_pandas():
    code = "import sys, nbviz; print([m for m in ('keras', 'torch', 'jax', 'pandas', 'anywidget') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_every_public_name_exists():
    assert all(getattr(nbviz, name) is not None for name in nbviz.__all__)
    assert set(nbviz.__all__) <= set(dir(nbviz))
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        _ = nbviz.nope


def test_the_tutorial_model_has_keras_own_numbers(tutorial):
    table = nbviz.summary(tutorial)
    layers = table[table["type"] == "Dense"]
    assert [str(shape) for shape in layers["output_shape"]] == ["(None, 2)", "(None, 1)"]
    assert layers["params"].tolist() == [4, 3]
    totals = table.attrs["totals"]
    assert (totals["params"], totals["trainable_params"], totals["non_trainable_params"]) == (7, 7, 0)
    assert (totals["bytes"], totals["macs"]) == (28, 4)
    assert table.attrs["macs_basis"] == "per example"


def test_a_shared_layer_is_one_row_with_two_calls(shared):
    view = nbviz.view(shared)
    assert view.table.loc["encoder", "calls"] == 2
    assert view.table.loc["encoder", "connected_to"] == ("left", "right")
    assert view.table.loc["joined", "connected_to"] == ("encoder",)


def test_the_summary_behaves_like_any_frame(shared):
    table = nbviz.summary(shared)
    assert table.sort_values("output_shape").index[-1] in table.index
    assert table.groupby("type")["own_params"].sum()["Dense"] == shared.count_params()
    assert "encoder" in table.to_html()
    assert "encoder" in table.to_csv()
    assert table.sort_values("params", ascending=False).index[0] == ""
    assert table["params"].dtype == "Int64"


def test_selection_takes_paths_and_names_the_nearest_for_an_unknown_one(shared):
    view = nbviz.view(shared)
    seen = []
    view.observe(lambda change: seen.append(change["new"]), "selection")
    view.selection = ("encoder",)
    assert list(view.selected.index) == ["encoder"]
    assert seen == [("encoder",)]
    with pytest.raises(UnknownPathError, match="Did you mean 'encoder'"):
        view.selection = ("encoderr",)
    assert view.selection == ("encoder",)


def test_a_new_selection_lets_go_of_a_focus_outside_it(shared):
    view = nbviz.view(shared)
    second = view.graph.calls_of["encoder"][1]
    view.selection = ("encoder",)
    view.focus = second
    view.selection = ("encoder", "score")
    assert view.focus == second
    view.selection = ("score",)
    assert view.focus is None


def test_a_users_column_is_in_the_table_and_the_color_menu(shared):
    view = nbviz.view(shared)
    view.add_column(view.table["params"].rename("latency") * 0.5, unit="ms")
    assert view.table.loc["encoder", "latency"] == 18.0
    view.color_by = "latency"
    values = dict(zip(view.table.index, view.extra_columns[0]["values"], strict=True))
    assert values["encoder"] == 18.0
    with pytest.raises(OptionError, match="built-in column"):
        view.add_column(view.table["params"])


def test_a_series_is_added_as_a_column_and_chosen_as_the_color(shared):
    latency = nbviz.summary(shared)["macs"].rename("latency") * 2
    view = nbviz.view(shared, color_by=latency)
    assert view.color_by == "latency"
    assert view.table.loc["score", "latency"] == latency["score"]
    view.color_by = latency * 3
    assert [column["label"] for column in view.extra_columns] == ["latency"], "one of the same name is replaced"
    assert view.table.loc["score", "latency"] == latency["score"] * 3
    view.color_by = "macs"
    with pytest.raises(OptionError, match=r"another name with series.rename"):
        view.color_by = view.table["macs"]
    with pytest.raises(OptionError, match=r"has no name, .* series.rename"):
        view.color_by = latency.rename(None)
    for wrong in ([1, 2], {"score": 2.0}, None):
        with pytest.raises(
            OptionError, match=rf"a pandas Series of numbers indexed by path; found {type(wrong).__name__}"
        ):
            view.color_by = wrong
        with pytest.raises(OptionError, match=rf"A column is a pandas Series .* found {type(wrong).__name__}"):
            view.add_column(wrong)
    with pytest.raises(UnknownPathError, match="Did you mean 'score'"):
        view.color_by = latency.rename({"score": "scores"})
    assert view.color_by == "macs"


def test_an_unknown_number_of_a_users_column_stays_unknown(shared):
    view = nbviz.view(shared)
    view.add_column(view.table["params"].rename("mine").replace(0, None).astype(object))  # 36 and pandas.NA
    values = dict(zip(view.table.index, view.extra_columns[0]["values"], strict=True))
    assert (values["encoder"], values["joined"]) == (36.0, None)


def test_numbers_of_numpy_are_numbers(tutorial, tmp_path):
    view = nbviz.view(tutorial, depth=np.int64(2), height=np.int32(300))
    assert (type(view.depth), view.depth, type(view.height)) == (int, 2, int)
    file = view.save(tmp_path / "net.png", dpi=np.float32(100), max_pixels=np.int64(10**6))
    assert file.stat().st_size > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"direction": "left"}, "direction must be one of 'down', 'right'; found 'left'"),
        ({"color_by": "parms"}, "Did you mean 'params'"),
        ({"depth": 0}, "depth must be a whole number from 1, or 'auto'"),
        ({"height": 10}, "height must be a whole number from 200"),
        ({"columns": ["parameters"]}, "Did you mean 'params'"),
        ({"ops": "some"}, "ops must be one of"),
        ({"depth": True}, "depth must be a whole number from 1, or 'auto'; found True"),
        ({"columns": 3}, "columns must be one or several column names, or None; found an int"),
        ({"columns": ["params", 3]}, "found an int in it"),
        ({"groups": "no"}, "groups must be one of True, False"),
        ({"ops": "true"}, r"found 'true'\. Did you mean True\?"),
        ({"strict": "yes"}, "strict must be one of True, False"),
        ({"title": 3}, "title must be text; found 3"),
    ],
)
def test_a_wrong_value_of_an_option_names_what_is_allowed(tutorial, options, message):
    with pytest.raises(OptionError, match=message):
        nbviz.view(tutorial, **options)


def test_one_column_may_be_named_without_a_list(tutorial):
    view = nbviz.view(tutorial, columns="macs")
    assert view.columns == ["macs"]
    view.columns = "params"
    assert view.columns == ["params"]


@pytest.mark.parametrize(
    ("wrong", "found"),
    [
        (None, "None"),
        (3, "an int"),
        ((None,), "None in it"),
        ("layer", "a Dense in it"),
        ("table", "a DataFrame"),
        (np.array("dense"), "a ndarray"),
        ("tensor", "a KerasTensor"),
    ],
)
def test_a_selection_that_is_no_path_says_where_paths_are(tutorial, wrong, found):
    view = nbviz.view(tutorial)
    if isinstance(wrong, str):
        wrong = {"layer": (tutorial.layers[0],), "table": view.table, "tensor": tutorial.inputs[0]}[wrong]
    with pytest.raises(
        OptionError, match=rf"selection must be one or several paths, .* index of view.table.* found {found}\."
    ):
        view.selection = wrong
    view.selection = view.table.index[1:]
    assert view.selection == tuple(view.table.index[1:])


def test_the_last_part_of_a_path_suggests_the_whole_path():
    inner = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(4, name="dense"), keras.layers.Dense(4, name="deep")]
    )
    names = {"first": inner, "second": keras.models.clone_model(inner)}
    for name, model in names.items():
        model.name = name
    noise = keras.Input((4,), name="dens")
    view = nbviz.view(keras.Model(noise, names["second"](names["first"](noise))))
    with pytest.raises(UnknownPathError, match=r"2 paths end in it\. Did you mean 'first/dense'"):
        view.selection = "dense"


def test_a_wrong_option_name_suggests_the_nearest(tutorial):
    with pytest.raises(UnknownOptionError, match=r"has no option 'colour_by'\. Did you mean 'color_by'"):
        nbviz.view(tutorial, colour_by="params")


@pytest.mark.parametrize(
    ("function", "option"), [(nbviz.read, "run"), (nbviz.summary, "depth"), (nbviz.to_dot, "shapes")]
)
def test_an_option_that_another_function_has_is_refused_by_name(tutorial, function, option):
    with pytest.raises(UnknownOptionError, match=f"nbviz.{function.__name__} has no option '{option}'"):
        function(tutorial, **{option: 1})


def test_a_view_is_sorted_by_columns_that_it_has(tutorial):
    view = nbviz.view(tutorial)
    view.add_column(view.table["params"].rename("mine"))
    view.sort = [{"id": "mine", "desc": True}, {"id": "path"}]
    for wrong in ([{"id": "parms"}], [{"desc": True}]):
        with pytest.raises(OptionError, match="sort must be one of 'path', "):
            view.sort = wrong
    assert [key["id"] for key in view.sort] == ["mine", "path"]


def test_an_object_that_is_no_model_is_refused_clearly():
    with pytest.raises(nbviz.UnsupportedModelError, match="dict"):
        nbviz.view({"not": "a model"})


def test_a_displayed_view_does_not_keep_the_model_alive(tutorial):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    alive = weakref.ref(model)
    view = nbviz.view(model)
    del model
    gc.collect()
    assert alive() is None
    with pytest.raises(nbviz.NbvizError, match="no longer exists"):
        view.refresh()


def test_refresh_reads_the_model_again_and_keeps_the_selection(shared):
    view = nbviz.view(shared)
    view.selection = ("encoder",)
    view.expanded = [""]
    shared.get_layer("encoder").trainable = False
    view.refresh()
    assert view.table.loc["encoder", "trainable_params"] == 0
    assert view.selection == ("encoder",)


def test_a_saved_graph_opens_again(shared, tmp_path):
    view = nbviz.view(shared)
    assert nbviz.read(str(view.save(tmp_path / "net.json"))) == view.graph


def test_a_failed_forward_pass_is_shown_warned_of_and_raised_when_strict(tmp_path):
    @keras.saving.register_keras_serializable("nbviz-tests")
    class Broken(keras.Model):
        def __init__(self):
            super().__init__()
            self.first = keras.layers.Dense(4, name="first")
            self.second = keras.layers.Dense(3, name="second")

        def call(self, x):
            keras.ops.matmul(self.first(x), keras.ops.zeros((9, 9)))
            return self.second(x)

    view = nbviz.view(Broken(), inputs=(None, 8))
    assert view.error is not None
    assert any(diagnostic.level == "error" for diagnostic in view.graph.diagnostics)
    with pytest.warns(nbviz.PartialReadWarning, match="only in part") as caught:
        nbviz.summary(Broken(), inputs=(None, 8))
    assert [warning.filename for warning in caught] == [__file__]
    with pytest.warns(nbviz.PartialReadWarning, match="only in part") as caught:
        view.save(tmp_path / "net.json")
    assert [warning.filename for warning in caught] == [__file__]
    with pytest.raises(type(view.error)):
        nbviz.view(Broken(), inputs=(None, 8), strict=True)


def test_print_summary_prints_once_with_the_totals(tutorial, capsys):
    nbviz.print_summary(tutorial)
    assert "Total params: 7" in capsys.readouterr().out
    lines = []
    nbviz.print_summary(tutorial, print_fn=lines.append)
    assert len(lines) == 1
    with pytest.raises(OptionError, match="line_length must be a whole number from 1, or None; found 'wide'"):
        nbviz.print_summary(tutorial, line_length="wide")


def test_operations_that_outnumber_the_layers_are_rows_where_asked_for():
    x = keras.Input((4,), name="x")
    model = keras.Model(x, keras.ops.mean(keras.ops.exp(keras.ops.abs(keras.layers.Dense(3, name="dense")(x)))))
    assert list(nbviz.summary(model, ops=False).index) == ["", "x", "dense"]
    assert list(nbviz.summary(model, ops=True).index) == ["", "x", "dense", "absolute#1", "exp#1", "mean#1"]
    for function in (nbviz.summary, nbviz.print_summary):
        with pytest.raises(OptionError, match="ops must be one of 'auto', True, False; found 'all'"):
            function(model, ops="all")
