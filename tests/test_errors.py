"""The errors: kinds that a caller can catch, and text that a person can read."""

import inspect
import pickle

import pytest

from nbviz import errors


def kinds():
    found = [value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, Exception)]
    return [kind for kind in found if not issubclass(kind, Warning)]


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_every_error_is_an_nbviz_error_that_prints_its_sentence(kind):
    error = kind("No layer has the path 'it\\'s'.")
    assert isinstance(error, errors.NbvizError)
    assert str(error) == "No layer has the path 'it\\'s'."
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301
    assert kind.__doc__.partition("\n")[0].endswith(".")


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (errors.UnsupportedModelError, TypeError),
        (errors.FileReadError, ValueError),
        (errors.InputsError, ValueError),
        (errors.MissingExtraError, ImportError),
        (errors.OptionError, ValueError),
        (errors.UnknownOptionError, TypeError),
        (errors.UnknownPathError, KeyError),
        (errors.SchemaError, ValueError),
    ],
)
def test_code_that_catches_the_builtin_kind_catches_ours(kind, builtin):
    assert issubclass(kind, builtin)


def test_partial_read_is_a_warning_that_can_be_made_an_error():
    assert issubclass(errors.PartialReadWarning, UserWarning)
    assert not issubclass(errors.PartialReadWarning, errors.NbvizError)


@pytest.mark.parametrize(
    ("word", "known", "hint"),
    [
        ("dwon", ["down", "right"], " Did you mean 'down'?"),
        ("encoder/block_1", ["encoder/block1", "decoder"], " Did you mean 'encoder/block1'?"),
        ("zzz", ["down", "right"], ""),
        ("x", [], ""),
        ("", ["down"], ""),
    ],
)
def test_nearest_names_the_closest_word_or_nothing(word, known, hint):
    assert errors.nearest(word, iter(known)) == hint


def test_empty_unknown_path_error_prints_nothing():
    assert not str(errors.UnknownPathError())
