"""The cases section: an amount, in minor units of the base currency; a part of the bundle of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from riskloom.bundle import make_bundle, read_bundle, write_bundle
from riskloom.errors import ScenarioInvalid
from riskloom.scenario.load import load_scenario, scenario_from_parts
from riskloom.scenario.scenario import Scenario
from support.scenarios import SMALL


def small(folder: Path, cases: str | None) -> Scenario:
    """The small scenario, with cases in a file beside it."""
    text = SMALL
    if cases is not None:
        (folder / "cases.yaml").write_text(cases)
        text += "cases: cases.yaml\n"
    (folder / "scenario.yaml").write_text(text)
    return load_scenario(folder)


@pytest.mark.parametrize(
    ("cases", "minor"),
    [
        (None, None),
        ("", None),
        ("four_eyes_above: 5000", 500_000),
        ("four_eyes_above: 0.29", 29),
        ("four_eyes_above: 0", 0),
    ],
)
def test_the_amount_is_exact(tmp_path: Path, cases: str | None, minor: int | None) -> None:
    assert small(tmp_path, cases).cases.four_eyes_above_minor == minor


@pytest.mark.parametrize("amount", ["-1", "many", "true", ".inf", ".nan", "[5]", "1.0e+40"])
def test_what_is_no_amount_is_named(tmp_path: Path, amount: str) -> None:
    with pytest.raises(ScenarioInvalid) as refused:
        small(tmp_path, f"four_eyes_above: {amount}")
    assert [fault.where for fault in refused.value.faults] == ["four_eyes_above"]


def test_an_unknown_key_is_named_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ScenarioInvalid) as refused:
        small(tmp_path, "four_eyes_abov: 5")
    (fault,) = refused.value.faults
    assert "four_eyes_above" in f"{fault.hint} {fault.expected}"


def test_it_is_a_part_of_the_bundle_that_touches_no_other(tmp_path: Path) -> None:
    without, with_it = (make_bundle(small(tmp_path, cases), None) for cases in (None, "four_eyes_above: 7"))
    assert "cases" not in without.scenario.parts
    for part in ("features", "rules", "policy"):
        assert without.scenario.fingerprint(part) == with_it.scenario.fingerprint(part)
    assert without.fingerprint != with_it.fingerprint
    again = read_bundle(write_bundle(with_it, tmp_path / "bundle")).scenario
    assert again.cases == with_it.scenario.cases
    assert scenario_from_parts(dict(again.parts)).cases.four_eyes_above_minor == 700
