"""`riskloom explain`: the parts of a score that decisions carry, for any event of a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import riskloom
from riskloom.bundle import Bundle, write_bundle
from support.events import history
from support.tables import write_csv


@pytest.fixture
def folder(trained: Bundle, tmp_path: Path) -> Path:
    """A written bundle with a forest."""
    return write_bundle(trained, tmp_path / "bundle")


def test_the_parts_of_a_flagged_event_are_those_of_its_decision(run: Any, folder: Path, data: Path) -> None:
    flagged = [one for one in riskloom.load(folder).score(history(300)) if one["contributions"]]
    told = run(
        "explain", "--bundle", folder, "--data", data, "--event", flagged[0]["event_id"], "--json"
    ).json
    (event,) = told["events"]
    parts = dict(zip(told["features"], event["parts"]["exact"]["parts"], strict=True))
    assert (event["event_id"], event["anomaly_score"]) == (
        flagged[0]["event_id"],
        flagged[0]["anomaly_score"],
    )
    assert {name: parts[name] for name in flagged[0]["contributions"]} == flagged[0]["contributions"]
    assert told["parts_add_up_to"] == "path_length"


def test_without_an_event_the_highest_scores_are_explained(run: Any, folder: Path, data: Path) -> None:
    scores = sorted((one["anomaly_score"] for one in riskloom.load(folder).score(history(300))), reverse=True)
    told = run("explain", "--bundle", folder, "--data", data, "--rows", 4, "--json").json
    assert [event["anomaly_score"] for event in told["events"]] == scores[:4]


def test_a_label_that_says_nothing_keeps_no_event_from_being_explained(
    run: Any, folder: Path, tmp_path: Path
) -> None:
    rows = [{**row, "is_fraud": "maybe"} for row in history(40)]
    data = write_csv(tmp_path / "labels.csv", rows)
    wanted = rows[7]["event_id"]
    told = run("explain", "--bundle", folder, "--data", data, "--event", wanted, "--json").json
    assert [event["event_id"] for event in told["events"]] == [wanted]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_shap_stands_beside_and_the_difference_is_told(run: Any, folder: Path, data: Path) -> None:
    ran = run("explain", "--bundle", folder, "--data", data, "--rows", 1, "--method", "shap")
    assert "shap's TreeExplainer" in ran.err
    assert "greatest difference of a part" in ran.err
    header = ran.out.splitlines()[1]
    assert ("exact" in header, "shap" in header) == (True, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--event", "nobody"], "'nobody'"),
        (["--method", "shape"], "did you mean 'shap'?"),
    ],
)
def test_what_is_not_there_is_exit_code_2(
    run: Any, folder: Path, data: Path, arguments: list[str], said: str
) -> None:
    ran = run("explain", "--bundle", folder, "--data", data, *arguments)
    assert (ran.code, said in ran.err) == (2, True)


def test_a_scenario_without_a_model_has_nothing_to_explain(run: Any, data: Path) -> None:
    ran = run("explain", "--bundle", "card_payments", "--data", data)
    assert ran.code == 2
    assert "has no model to explain" in ran.err
