"""`riskloom replay` on files: what it prints and writes, and what it refuses."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from riskloom.bundle import Bundle, write_bundle
from support.events import burst, history, payment
from support.tables import write_csv


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """Payments with labels: a burst is fraud from its fifth on."""
    rows = [{**row, "is_fraud": 0} for row in history(120)]
    rows += [{**row, "is_fraud": int(at > 3)} for at, row in enumerate(burst(8))]
    return write_csv(tmp_path / "recorded.csv", rows)


@pytest.fixture
def lax(tmp_path: Path) -> Path:
    """Card payments whose velocity rule asks for more."""
    from riskloom.scenario.load import SHIPPED

    folder = tmp_path / "lax"
    shutil.copytree(SHIPPED / "card_payments", folder)
    rules = (folder / "rules.yaml").read_text(encoding="utf-8")
    laxer = rules.replace("user_tx_count_5m >= 4", "user_tx_count_5m >= 6")
    (folder / "rules.yaml").write_text(laxer, encoding="utf-8")
    return folder


def test_two_policies_are_compared_in_tables(run: Any, recorded: Path, lax: Path) -> None:
    words = ("--data", recorded, "--policy", lax, "--review", 1, "--insult", 2, "--budget", 3)
    ran = run("replay", "--bundle", "card_payments", *words, "--by", "channel")
    assert ran.code == 0, ran.err
    assert "fraud caught" in ran.out
    assert "4 of 4 (100.0 %)" in ran.out
    assert "2 of 4 (50.0 %)" in ran.out
    assert "FLAGGED -> APPROVED, fraud" in ran.out
    assert "VELOCITY_5M: 4 payments in the 5 minutes before this one" in ran.out
    assert "[b-1, b-2, b-3]" in ran.out
    assert "never met" in ran.err


def test_figures_for_machines_and_a_page(run: Any, recorded: Path, lax: Path, tmp_path: Path) -> None:
    page = tmp_path / "deep" / "page.html"
    ran = run("replay", "-b", "card_payments", "-p", lax, "--data", recorded, "--json", "--report", page)
    told = ran.json
    assert (told["events"], told["labelled"], told["warm_up"]) == (128, 128, 0)
    assert [side["counts"]["caught"] for side in told["sides"]] == [4, 2]
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_period_is_given_by_days_and_what_lies_before_warms_up(run: Any, recorded: Path) -> None:
    words = ("-b", "card_payments", "--data", recorded, "--json")
    told = run("replay", *words, "--from", "2026-01-01", "--to", "2026-01-01T00:00:05Z").json
    assert (told["warm_up"], told["events"]) == (120, 5)
    assert told["sides"][0]["counts"]["flagged"] == 1


def test_a_file_that_is_not_in_time_order_is_sorted(run: Any, recorded: Path, tmp_path: Path) -> None:
    rows = [{**row, "is_fraud": 0} for row in [*history(50), *burst(5)]]
    words = ("replay", "-b", "card_payments", "--json", "--data")
    ordered = run(*words, write_csv(tmp_path / "ordered.csv", rows))
    mixed = run(*words, write_csv(tmp_path / "mixed.csv", rows[::-1]))
    assert "not in time order" in mixed.err
    assert mixed.json["sides"] == ordered.json["sides"]


def test_rows_that_cannot_be_read_are_told_and_nothing_is_written(run: Any, tmp_path: Path) -> None:
    rows = [payment("a"), payment("b", amount="much"), payment("c")]
    data = write_csv(tmp_path / "bad.csv", rows)
    before = sorted(tmp_path.rglob("*"))
    ran = run("replay", "-b", "card_payments", "--data", data)
    assert ran.code == 0
    assert "1 rows could not be read; the first, line 3" in ran.err
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "at least one"),
        (("-b", "card_payments"), "either --data or --database"),
        (("-b", "card_payments", "--data", "x.csv", "--from", "soon"), "a day such as"),
        (("-b", "card_payments", "--data", "none.csv"), "nothing there"),
        (("--verify", "--database", "sqlite:///none.db"), "no database"),
    ],
)
def test_what_is_given_wrong_is_one_message(run: Any, words: tuple[str, ...], message: str) -> None:
    ran = run("replay", *words)
    assert ran.code == 2
    assert message in ran.err


def test_a_log_is_replayed_and_verified(run: Any, data: Path, trained: Bundle, tmp_path: Path) -> None:
    folder, url = tmp_path / "bundle", f"sqlite:///{tmp_path}/events.db"
    write_bundle(trained, folder)
    run("ingest", "--data", data, "--bundle", folder, "--database", url, "--score")
    told = run("replay", "-b", folder, "--database", url, "--json").json
    assert told["events"] == 300
    verified = run("replay", "--verify", "--database", url, "-b", folder)
    assert verified.code == 0, verified.err
    assert "300 vectors, 300 decisions and 0 trials recomputed, 0 mismatches" in verified.err
    assert run("replay", "--verify", "--database", url).code == 0, (
        "what decided is kept in the server's folder"
    )
    missing = run("replay", "--verify", "--database", url, "--data-dir", tmp_path / "elsewhere")
    assert missing.code == 1
    assert f"not found: {trained.fingerprint}" in missing.err


def test_a_log_goes_on_too(
    run: Any, data: Path, trained: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from riskloom.cli.replay_checkpoint import Checkpoint

    monkeypatch.setattr(Checkpoint, "clear", lambda _self: None)
    folder, url = tmp_path / "bundle", f"sqlite:///{tmp_path}/events.db"
    write_bundle(trained, folder)
    run("ingest", "--data", data, "--bundle", folder, "--database", url)
    words = ("replay", "-b", folder, "--database", url, "--json", "--resume", tmp_path / "kept", "--every", 0)
    first, again = run(*words), run(*words)
    assert first.json["events"] == 300
    assert "going on behind 300 events" in again.err
    assert again.json == first.json


def test_rules_are_suggested_as_yaml_with_their_figures(run: Any, tmp_path: Path) -> None:
    rows = history(600)
    data = write_csv(
        tmp_path / "labelled.csv", [{**row, "is_fraud": int(float(row["amount"]) > 60)} for row in rows]
    )
    ran = run("rules", "suggest", "--data", data, "--most", 1)
    assert ran.code == 0, ran.err
    (rule,) = yaml.safe_load(ran.out)
    assert rule["when"].startswith("amount_base > 6") or rule["when"].startswith("amount_base > 5")
    assert "hits that nothing else flags" in ran.out
    assert "1 rules learned from" in ran.err


def saved_at(folder: Path) -> Path:
    return folder / "replay.npz"


def test_a_replay_that_is_finished_leaves_nothing_and_another_order_is_refused(
    run: Any, recorded: Path, lax: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "kept"
    words = ("replay", "-b", "card_payments", "--data", recorded, "--json", "--resume", folder, "--every", 0)
    assert run(*words).code == 0
    assert not folder.exists()
    from riskloom.cli.replay_checkpoint import Checkpoint

    monkeypatch.setattr(Checkpoint, "clear", lambda _self: None)
    whole = run(*words).json
    assert saved_at(folder).is_file()
    for more, said in (
        (("--policy", lax), "resume: bundle B"),
        (("--from", "2026-01-01"), "resume: period"),
        (("--by", "channel"), "resume: segment"),
        (("--data", write_csv(tmp_path / "other.csv", burst(5))), "resume: data"),
    ):
        ran = run(*words, *more)
        assert ran.code == 2
        assert said in ran.err
        assert "delete" in ran.err
    again = run(*words)
    assert "going on behind 128 events" in again.err
    assert again.json == whole
    saved_at(folder).write_bytes(saved_at(folder).read_bytes()[:-100])
    assert "a saved replay" in run(*words).err


def test_a_file_that_had_to_be_sorted_goes_on_sorted(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from riskloom.cli.replay_checkpoint import Checkpoint

    monkeypatch.setattr(Checkpoint, "clear", lambda _self: None)
    data = write_csv(tmp_path / "mixed.csv", [*history(50), *burst(5)][::-1])
    words = (
        "replay",
        "-b",
        "card_payments",
        "--data",
        data,
        "--json",
        "--resume",
        tmp_path / "k",
        "--every",
        0,
    )
    first = run(*words)
    assert "sorting it in memory" in first.err
    again = run(*words)
    assert "sorting" not in again.err
    assert again.json == first.json
