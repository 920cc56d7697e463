"""The command's words: help, scenarios, wrong calls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import riskloom
from riskloom.bundle import PARTS
from riskloom.scenario.load import load_scenario
from support.scenarios import SMALL


def test_the_version_and_help_are_printed(run: Any) -> None:
    assert run("--version").out.strip() == riskloom.__version__
    helped = run("--help")
    assert helped.code == 0
    for name in ("scenario", "features", "simulate", "train", "score", "serve", "ingest", "demo", "bench"):
        assert name in helped.out
        assert run(name, "--help").code == 0


@pytest.mark.parametrize(
    "arguments",
    [["nonsense"], ["score"], ["scenario", "shw"], ["train", "--data"], ["simulate", "--events", "many"]],
)
def test_a_wrong_call_is_exit_code_2_with_a_word_about_it(run: Any, arguments: list[str]) -> None:
    ran = run(*arguments)
    assert ran.code == 2
    assert "Error" in ran.err
    assert "Traceback" not in ran.err


def test_a_scenario_is_shown_to_people_and_machines(run: Any) -> None:
    shown = run("scenario", "show")
    assert shown.code == 0
    assert "merchant_id" in shown.out
    assert "IMPOSSIBLE_TRAVEL" in shown.out
    parts = run("scenario", "show", "card_payments", "--json").json
    assert sorted(parts) == sorted([*PARTS, "alerts", "cases", "links"])
    listed = run("features", "list", "--json").json
    assert [feature["name"] for feature in listed] == list(load_scenario("card_payments").feature_names)
    assert "user_tx_count_5m" in run("features", "list").out


def test_a_scenario_is_checked_with_every_fault_and_its_line(run: Any, tmp_path: Path) -> None:
    assert run("scenario", "check", "card_payments").code == 0
    path = tmp_path / "scenario.yaml"
    path.write_text(SMALL.replace("type: time", "type: tim").replace("of: amount", "of: amont"))
    ran = run("scenario", "check", tmp_path)
    assert ran.code == 2
    assert "scenario.yaml:5: event.fields.timestamp.type" in ran.err
    expected = "features[0].of: expected a declared field, got 'amont'. Hint: did you mean 'amount'?"
    assert f"scenario.yaml:10: {expected}" in ran.err
    assert run("scenario", "check", "card_paymets").code == 2


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("my-shop", "my_shop"),
        ("Läden 2", "l_den_2"),
        ("2nd", "card_payments"),
        ("class", "card_payments"),
        ("ö", "card_payments"),
    ],
)
def test_a_new_scenario_is_sound_and_called_like_its_folder(
    run: Any, tmp_path: Path, folder: str, name: str
) -> None:
    assert run("scenario", "new", folder).code == 0
    assert load_scenario(tmp_path / folder).name == name
    again = run("scenario", "new", folder)
    assert again.code == 2
    assert "empty folder" in again.err


def test_a_new_scenario_does_not_overwrite_a_file(run: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    assert run("scenario", "new", "file").code == 2
    assert (tmp_path / "file").read_text() == "mine"
    assert run("scenario", "new", "x", "--like", "sensors").code == 2
