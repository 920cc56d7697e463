"""Figures are held against their floors the right way round, and both ways of showing them say so."""

from __future__ import annotations

import pytest

from riskloom.bench.report import Figure, Part, show, spell
from riskloom.bench.run import PARTS, run
from riskloom.bench.sizes import QUICK, with_sizes
from riskloom.errors import ParameterInvalid


@pytest.mark.parametrize(
    ("value", "floor", "at_most", "met"),
    [
        (5.0, 5.0, True, True),
        (5.1, 5.0, True, False),
        (5.0, 5.0, False, True),
        (4.9, 5.0, False, False),
        (None, 5.0, True, None),
        (5.0, None, True, None),
    ],
)
def test_a_floor_is_a_bound_from_the_side_it_says(
    value: float | None, floor: float | None, at_most: bool, met: bool | None
) -> None:
    assert Figure("x", value, "ms", floor, at_most=at_most).met is met


def test_a_part_says_the_same_to_machines() -> None:
    part = Part("http", [Figure("median", 0.9, "ms", 0.8)], "stages", ("stage", "µs"), [("look", 5.0)])
    said = part.as_dict()
    assert said["table"] == [{"stage": "look", "µs": 5.0}]
    assert said["figures"] == [
        {"what": "median", "value": 0.9, "unit": "ms", "floor": {"at_most": 0.8}, "met": False, "note": ""}
    ]


def test_the_table_names_what_is_not_met_and_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    figures = [Figure("median", 0.9, "ms", 0.8), Figure("duckdb: not installed", None, "events/s")]
    show([Part("http", figures)], {"cpu": "none"})
    said = capsys.readouterr().out
    assert "NO" in said
    assert "duckdb: not" in said
    assert "cpu none" in said


def test_numbers_are_short() -> None:
    assert [spell(n) for n in (0.0, 1.1e-16, 9.171, 227_123.4)] == ["0", "1.1e-16", "9.17", "227,123"]


def test_an_unknown_part_is_refused_with_the_nearest_before_anything_runs() -> None:
    with pytest.raises(ParameterInvalid, match="kernel"):
        run(["kernel", "kernal"], QUICK, lambda _text: pytest.fail("something ran"))


def test_every_part_is_a_module_with_a_measure() -> None:
    import importlib

    for name in PARTS:
        assert callable(importlib.import_module(f"riskloom.bench.{name}").measure)


def test_sizes_are_replaced_by_name_and_all_faults_are_told() -> None:
    assert with_sizes(QUICK, ["log=7"]).log == 7
    with pytest.raises(ParameterInvalid) as caught:
        with_sizes(QUICK, ["logg=7", "rows=0", "rows=x"])
    assert len(caught.value.faults) == 3
