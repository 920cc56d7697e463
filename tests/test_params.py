"""What a user may set is checked against constraints that are data."""

from __future__ import annotations

import numpy as np
import pytest

from riskloom.errors import ParameterInvalid
from riskloom.params import Constraint, defaults, validate

TREES = Constraint("trees", "integer", 200, "How many trees.", minimum=1, maximum=2_000)
RATE = Constraint("rate", "number", 0.1, "Learning rate.", above=0, maximum=1)
BOOTSTRAP = Constraint("bootstrap", "boolean", False, "Draw with replacement.")
LOSS = Constraint("loss", "text", "log", "The loss.", choices=("log", "square"))
NAME = Constraint("name", "text", "", "Any name.")
ALL = (TREES, RATE, BOOTSTRAP, LOSS, NAME)


def test_what_is_not_given_has_its_default_in_the_declared_order() -> None:
    values = validate({"rate": 0.5}, ALL)

    assert list(values.items()) == [
        ("trees", 200),
        ("rate", 0.5),
        ("bootstrap", False),
        ("loss", "log"),
        ("name", ""),
    ]
    assert defaults(ALL) == validate(None, ALL) == validate({}, ALL)


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("trees", 1, 1),
        ("trees", 2_000, 2_000),
        ("trees", np.int64(7), 7),
        ("rate", 1, 1.0),
        ("rate", 5e-324, 5e-324),
        ("rate", np.float32(0.5), 0.5),
        ("bootstrap", True, True),
        ("loss", "square", "square"),
        ("name", "Ünï", "Ünï"),
    ],
)
def test_an_allowed_value_comes_back_in_the_parameters_own_type(
    name: str, value: object, read: object
) -> None:
    got = validate({name: value}, ALL)[name]

    assert got == read
    assert type(got) is type(read)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("trees", 0, "trees: expected an integer from 1 to 2000, got 0"),
        ("trees", 2_001, "from 1 to 2000, got 2001"),
        ("trees", True, "got True"),
        ("trees", 2.5, "got 2.5"),
        ("trees", 20.0, "got 20.0. Hint: write 20"),
        ("trees", "20", "got '20'. Hint: remove the quotes"),
        ("trees", "many", "got 'many'"),
        ("trees", None, "got None"),
        ("rate", 0, "rate: expected a finite number above 0 up to 1, got 0"),
        ("rate", 1.0000001, "got 1.0000001"),
        ("rate", float("nan"), "got nan"),
        ("rate", float("inf"), "got inf"),
        ("rate", 10**400, "got 1000"),
        ("rate", False, "got False"),
        ("rate", 1j, "got 1j"),
        ("bootstrap", 1, "bootstrap: expected true or false, got 1"),
        ("bootstrap", "true", "got 'true'"),
        ("loss", "lgo", "loss: expected one of 'log', 'square', got 'lgo'. Hint: did you mean 'log'?"),
        ("loss", 3, "got 3"),
        ("name", 3, "name: expected a text, got 3"),
    ],
)
def test_a_value_that_is_not_allowed_is_named_with_what_was_expected(
    name: str, value: object, words: str
) -> None:
    with pytest.raises(ParameterInvalid) as caught:
        validate({name: value}, ALL)

    assert words in str(caught.value)


def test_all_faults_come_at_once_with_their_place_and_the_nearest_name() -> None:
    with pytest.raises(ParameterInvalid) as caught:
        validate({"tres": 5, "rate": -1, 3: 4}, ALL, where="detectors[0].parameters")

    faults = {fault.where: fault for fault in caught.value.faults}
    assert list(faults) == [
        "detectors[0].parameters.tres",
        "detectors[0].parameters.rate",
        "detectors[0].parameters.3",
    ]
    assert faults["detectors[0].parameters.tres"].hint == "did you mean 'trees'?"


def test_a_parameter_of_something_without_parameters_is_refused() -> None:
    with pytest.raises(ParameterInvalid, match="no parameter at all"):
        validate({"trees": 5}, ())


@pytest.mark.parametrize("given", [[], "trees", 5, [("trees", 5)]])
def test_what_is_no_mapping_is_refused(given: object) -> None:
    with pytest.raises(ParameterInvalid, match="names and values"):
        validate(given, ALL)


def test_a_lower_bound_alone_and_an_upper_bound_alone_are_worded() -> None:
    assert str(Constraint("a", "integer", 1, "", minimum=1)) == "an integer from 1"
    assert str(Constraint("a", "number", 1, "", maximum=1)) == "a finite number up to 1"
