"""The command on files: what it writes, its exit codes, the same again the second time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import riskloom
from riskloom.bundle import Bundle, read_bundle, write_bundle
from riskloom.scenario.load import load_scenario
from support.events import burst, history, payment
from support.tables import table, write_csv


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_features_are_computed_for_every_row(run: Any, data: Path, tmp_path: Path, ending: str) -> None:
    out = tmp_path / "deep" / f"features.{ending}"
    assert run("features", "compute", "--data", data, "--out", out).code == 0
    rows = table(out)
    assert len(rows) == 300
    assert list(rows[0]) == ["event_id", *load_scenario("card_payments").feature_names]
    first = rows[0]
    assert float(first["user_tx_count_24h"]) == 0
    assert first["seconds_since_last"] in (None, "")  # missing, neither NaN nor 0
    assert sorted(path.name for path in out.parent.iterdir()) == [out.name]


def test_the_same_file_gives_the_same_bytes_again(run: Any, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "features.csv"
    run("features", "compute", "--data", data, "--out", out)
    first = out.read_bytes()
    shuffled = table(data)
    np.random.default_rng(1).shuffle(shuffled)  # type: ignore[arg-type]
    write_csv(data, shuffled)
    ran = run("features", "compute", "--data", data, "--out", out)
    assert "not in time order" in ran.err
    assert out.read_bytes() == first


def test_bad_rows_go_to_the_dead_letters_and_a_mended_file_leaves_none(run: Any, tmp_path: Path) -> None:
    rows = burst(6)
    rows[3]["lat"] = 91
    data, out = write_csv(tmp_path / "data.csv", rows), tmp_path / "out.csv"
    ran = run("score", "--bundle", "card_payments", "--data", data, "--out", out)
    letters = tmp_path / "out.csv.dead-letters.jsonl"
    assert ran.code == 0
    assert "1 rows could not be read" in ran.err
    assert [row["event_id"] for row in table(out)] == ["b-0", "b-1", "b-2", "b-4", "b-5"]
    told = [json.loads(line) for line in letters.read_text().splitlines()]
    assert [(letter["line"], letter["faults"][0]["where"]) for letter in told] == [(5, "lat")]
    rows[3]["lat"] = 51
    write_csv(data, rows)
    assert run("score", "--bundle", "card_payments", "--data", data, "--out", out).code == 0
    assert not letters.exists()


def test_a_file_with_semicolons_is_scored_as_one_with_commas(run: Any, tmp_path: Path) -> None:
    data = write_csv(tmp_path / "data.csv", burst(6))
    parted = tmp_path / "parted.csv"
    parted.write_text(data.read_text().replace(",", ";"))
    outs = [tmp_path / "one.csv", tmp_path / "two.csv"]
    for file, out in zip((data, parted), outs, strict=True):
        assert run("score", "--bundle", "card_payments", "--data", file, "--out", out).code == 0
    assert outs[0].read_bytes() == outs[1].read_bytes()


def test_a_label_that_says_nothing_stops_training_on_its_row_but_no_scoring(run: Any, tmp_path: Path) -> None:
    rows = [{**row, "is_fraud": at % 2} for at, row in enumerate(history(150))]
    rows[7]["is_fraud"] = "maybe"
    data = write_csv(tmp_path / "data.csv", rows)
    scored = run("score", "--bundle", "card_payments", "--data", data, "--out", tmp_path / "out.csv")
    assert (scored.code, len(table(tmp_path / "out.csv"))) == (0, 150)
    trained = run("train", "--data", data, "--out", tmp_path / "bundle")
    assert trained.code == 0
    assert "1 rows could not be read" in trained.err
    letter = json.loads((tmp_path / "bundle.dead-letters.jsonl").read_text())
    assert (letter["line"], letter["faults"][0]["where"]) == (9, "is_fraud")


def test_a_file_without_a_good_row_is_exit_code_2(run: Any, tmp_path: Path) -> None:
    data = write_csv(tmp_path / "data.csv", [payment(amount="x"), payment(lat=91)])
    out = tmp_path / "out.csv"
    ran = run("score", "--bundle", "card_payments", "--data", data, "--out", out)
    assert ran.code == 2
    assert "at least one good row, got 2 bad ones" in ran.err
    assert not out.exists()
    assert len((tmp_path / "out.csv.dead-letters.jsonl").read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("none.csv", None, "'nona.csv'"),
        ("empty.csv", b"", "header"),
        ("text.csv", b"hello\nworld\n", "a column user_id"),
        ("cut.parquet", b"PAR1abc", "a Parquet file"),
        ("data.json", b"{}", "one of csv, parquet"),
        ("data", b"", "one of csv, parquet"),
        ("folder.csv", "folder", "a file"),
    ],
)
def test_data_that_cannot_be_read_is_exit_code_2(
    run: Any, tmp_path: Path, name: str, content: Any, said: str
) -> None:
    (tmp_path / "nona.csv").write_text("")
    if content == "folder":
        (tmp_path / name).mkdir()
    elif content is not None:
        (tmp_path / name).write_bytes(content)
    for arguments in (
        ["score", "--bundle", "card_payments", "--data", name, "--out", "out.csv"],
        ["features", "compute", "--data", name, "--out", "out.csv"],
        ["train", "--data", name, "--out", "bundle"],
        ["ingest", "--data", name, "--database", "sqlite:///x.db"],
    ):
        ran = run(*arguments)
        assert ran.code == 2
        assert said in ran.err
        assert "Traceback" not in ran.err
    assert not (tmp_path / "bundle").exists()
    assert not (tmp_path / "out.csv").exists()


def test_an_output_that_cannot_be_written_is_said_without_a_trace(
    run: Any, data: Path, tmp_path: Path
) -> None:
    arguments = ["score", "--bundle", "card_payments", "--data", data, "--out"]
    assert run(*arguments, "out.txt").code == 2
    for out in (data / "out.csv", "/proc/nowhere/out.csv"):
        ran = run(*arguments, out)
        assert ran.code == 1
        assert ran.err.strip().splitlines()[-1].startswith("error: ")
    (tmp_path / "folder.csv").mkdir()
    assert run(*arguments, "folder.csv").code == 1
    assert not list(tmp_path.glob(".*.part"))


def test_a_model_is_trained_and_scores_as_in_a_notebook(run: Any, data: Path, tmp_path: Path) -> None:
    text = run("scenario", "new", "mine").err
    assert "is yours" in text
    path = tmp_path / "mine" / "scenario.yaml"
    path.write_text(path.read_text().replace("trees: 200", "trees: 15"))
    ran = run("train", "-s", "mine", "--data", data, "--out", "bundle", "--seed", 3, "--json")
    assert ran.code == 0
    assert ran.json["trained_rows"] == 300
    bundle = read_bundle(tmp_path / "bundle")
    assert bundle.fingerprint == ran.json["bundle"]
    assert (
        run("train", "-s", "mine", "--data", data, "--out", "again", "--seed", 3, "--json").json["bundle"]
        == bundle.fingerprint
    )
    same = run("train", "-s", "mine", "--data", data, "--out", "bundle", "--seed", 3)
    assert same.code == 0  # the same bundle is there already
    other = run("train", "-s", "mine", "--data", data, "--out", "bundle", "--seed", 4)
    assert other.code == 2
    assert "immutable" in other.err
    ran = run("score", "--bundle", "bundle", "--data", data, "--out", "scores.parquet", "--json")
    assert ran.code == 0
    assert sum(ran.json["outcomes"].values()) == ran.json["events"] == 300
    rows = table(tmp_path / "scores.parquet")
    answers = riskloom.load(tmp_path / "bundle").score(
        [{**row, "amount": str(row["amount"])} for row in history(300)]
    )
    assert [row["risk_score"] for row in rows] == [answer["risk_score"] for answer in answers]
    assert [row["outcome"] for row in rows] == [answer["outcome"] for answer in answers]
    codes = [" ".join(reason["code"] for reason in answer["reasons"]) for answer in answers]
    assert [row["reasons"] for row in rows] == codes
    assert any("MODEL_RISK" in row["reasons"] for row in rows)


def test_a_seed_that_is_none_is_refused(run: Any, data: Path) -> None:
    for arguments in (
        ["train", "--data", data, "--out", "b", "--seed", "-1"],
        ["simulate", "--out", "x.csv", "--seed", "-1"],
    ):
        ran = run(*arguments)
        assert ran.code == 2
        assert "seed" in ran.err


def test_a_damaged_bundle_is_refused_with_the_reason(
    run: Any, data: Path, bundle: Bundle, tmp_path: Path
) -> None:
    folder = write_bundle(bundle, tmp_path / "bundle")
    next((folder / "parts").iterdir()).write_bytes(b"{}")
    for arguments in (["score", "--out", "out.csv"], ["ingest", "--database", "sqlite:///x.db"]):
        ran = run(*arguments, "--bundle", folder, "--data", data)
        assert ran.code == 2
        assert "damaged" in ran.err


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_simulation_of_a_seed_is_the_same_bytes_and_can_be_scored(
    run: Any, tmp_path: Path, ending: str
) -> None:
    for name in ("one", "two"):
        arguments = ["simulate", "--events", 500, "--seed", 9, "--users", 20, "--out", f"{name}.{ending}"]
        assert run(*arguments).code == 0
    assert (tmp_path / f"one.{ending}").read_bytes() == (tmp_path / f"two.{ending}").read_bytes()
    ran = run("score", "--bundle", "card_payments", "--data", f"one.{ending}", "--out", "out.csv", "--json")
    assert ran.json["events"] == 500


@pytest.mark.parametrize(
    "wrong",
    [
        ["--events", 0, "--out", "x.csv"], ["--out", "x.json"], [],
        ["--out", "x.csv", "--to", "http://127.0.0.1:1"],
        ["--out", "x.csv", "--start", "tomorrow"], ["--out", "x.csv", "--start", "9999-01-01"],
        ["--out", "x.csv", "--days", -1],
        ["--out", "x.csv", "--fraud-share", 2], ["--out", "x.csv", "-s", "sensors"],
        ["--to", "nonsense", "--events", 5],
        ["--to", "http://127.0.0.1:9", "--events", 5],
    ],
)  # fmt: skip
def test_a_wrong_simulation_is_refused(run: Any, wrong: list[object], tmp_path: Path) -> None:
    ran = run("simulate", *wrong)
    assert ran.code == 2
    assert "Traceback" not in ran.err
    assert list(tmp_path.iterdir()) == []


def test_a_second_ingest_changes_nothing(run: Any, tmp_path: Path) -> None:
    rows = [{name: value for name, value in row.items() if name != "event_id"} for row in burst(6)]
    rows.append({**rows[0], "amount": "x"})
    data = write_csv(tmp_path / "data.csv", rows)
    arguments = [
        "ingest",
        "--data",
        data,
        "--database",
        f"sqlite:///{tmp_path}/x.db",
        "--data-dir",
        tmp_path / "d",
        "--json",
    ]
    first = run(*arguments, "--score").json
    assert (first["taken"], first["flagged"], first["buried"]) == (6, 2, 1)
    again = run(*arguments, "--score").json
    assert (again["taken"], again["known"], again["buried"]) == (0, 6, 1)


def test_another_body_under_a_known_id_is_a_dead_letter(run: Any, tmp_path: Path) -> None:
    data = write_csv(tmp_path / "data.csv", burst(6))
    arguments = [
        "ingest",
        "--data",
        data,
        "--database",
        f"sqlite:///{tmp_path}/x.db",
        "--data-dir",
        tmp_path / "d",
        "--json",
    ]
    assert run(*arguments).json["taken"] == 6
    rows = burst(6)
    rows[2]["amount"], rows[4]["lat"] = 77, 91
    write_csv(data, rows)
    ran = run(*arguments).json
    assert (ran["taken"], ran["known"], ran["conflicts"]) == (0, 4, 1)
    letters = [
        json.loads(line) for line in (tmp_path / "data.csv.dead-letters.jsonl").read_text().splitlines()
    ]
    assert len(letters) == 2
    assert {letter["row"]["event_id"] for letter in letters} == {"b-2", "b-4"}


def test_serving_a_scenario_twice_is_refused(run: Any, tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/never.db"
    ran = run("serve", "-s", "card_payments", "-s", "card_payments", "--port", "0", "--database", database)
    assert ran.code == 2
    assert "each scenario once" in ran.err
