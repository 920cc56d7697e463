"""`riskloom models`: every word of it over a folder, and its errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from riskloom.bundle import read_bundle, write_bundle
from riskloom.cli import main as command
from riskloom.cli import models as models_command
from support.registries import small_bundle


@pytest.fixture
def models(run: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs `riskloom models ...`, without the first two words."""
    monkeypatch.setattr(command, "app", models_command.app)
    return run


@pytest.fixture
def bundles(tmp_path: Path) -> list[Path]:
    """Three bundles on disk."""
    return [write_bundle(small_bundle(80 + n), tmp_path / f"bundle-{n}") for n in range(3)]


@pytest.fixture
def three(models: Any, bundles: list[Path]) -> Any:
    """The same, with the three bundles published."""
    for bundle in bundles:
        assert models("add", bundle, "--reason", "new", "--author", "ana").code == 0
    return models


def test_an_empty_registry_says_what_to_do_next(models: Any, tmp_path: Path) -> None:
    listed = models("list")
    assert listed.code == 0
    assert "riskloom models add BUNDLE" in listed.err
    assert models("list", "--json").json == []
    assert not (tmp_path / "riskloom-models").exists()


def test_a_bundle_is_added_and_listed(models: Any, bundles: list[Path], tmp_path: Path) -> None:
    added = models("add", bundles[0], "--reason", "first try", "--author", "ana", "--json")
    assert added.code == 0
    fingerprint = small_bundle(80).fingerprint
    assert added.json["bundle"] == fingerprint
    assert (added.json["scenario"], added.json["version"], added.json["stage"]) == ("small", 1, "candidate")
    assert "riskloom models promote small 1" in added.err
    assert (tmp_path / "riskloom-models" / "parts").is_dir()
    shown = models("list").out
    for word in ("small", "candidate", fingerprint[:12], "ana", "first try"):
        assert word in shown
    assert models("list", "small", "--json").json == [added.json]


def test_the_same_bundle_again_is_the_same_version(models: Any, bundles: list[Path]) -> None:
    for author in ("ana", "bob"):
        added = models("add", bundles[0], "--reason", "r", "--author", author, "--json").json
        assert (added["version"], added["author"]) == (1, "ana")


def test_the_way_to_champion_and_back(three: Any) -> None:
    for words in (
        ("promote", "small", 1, "--reason", "first"),
        ("promote", "small", 2, "--to", "shadow", "--reason", "look"),
        ("promote", "small", 2, "--to", "canary", "--percent", 5, "--reason", "try"),
        ("promote", "small", "canary", "--reason", "better"),
        ("promote", "small", 3, "--to", "shadow", "--reason", "look"),
        ("retire", "small", 3, "--reason", "no use"),
    ):
        assert three(*words, "--author", "ana").code == 0, words
    stages = {version["version"]: version["stage"] for version in three("list", "--json").json}
    assert stages == {1: "retired", 2: "champion", 3: "retired"}
    back = three("rollback", "small", "--reason", "alerts doubled", "--author", "bob", "--json")
    assert (back.json["version"], back.json["stage"]) == (1, "champion")
    last = three("history", "small", "--json").json[-2:]
    assert [(move["version"], move["from"], move["to"]) for move in last] == [
        (1, "retired", "champion"),
        (2, "champion", "retired"),
    ]
    assert {(move["action"], move["author"], move["reason"]) for move in last} == {
        ("rollback", "bob", "alerts doubled")
    }
    shown = three("history", "small").out
    assert "canary 5 %" in shown
    assert "alerts doubled" in shown


def test_the_author_is_the_user_when_not_given(
    models: Any, bundles: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "zoe")
    assert models("add", bundles[0], "--reason", "r", "--json").json["author"] == "zoe"


def test_a_version_is_shown_with_figures_files_and_moves(
    models: Any, bundles: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "metrics.json").write_text('{"average_precision": 0.625, "cost": {"per_day": 12}}')
    (tmp_path / "report" / "plots").mkdir(parents=True)
    (tmp_path / "report" / "report.html").write_text("<p>")
    (tmp_path / "report" / "plots" / "pr.png").write_bytes(b"png")
    (tmp_path / "card.md").write_text("# card")
    added = models(
        "add", bundles[0], "--reason", "r", "--author", "ana",
        "--metrics", "metrics.json", "--attach", "report", "--attach", "card.md",
    )  # fmt: skip
    assert added.code == 0
    shown = models("show", "small", 1, "--json").json
    assert shown["inventory"]["metrics"] == {"average_precision": 0.625, "cost.per_day": 12.0}
    paths = {item["path"] for item in shown["inventory"]["files"]}
    assert {f"attachments/{name}" for name in ("report.html", "plots/pr.png", "card.md")} <= paths
    assert [move["to"] for move in shown["history"]] == ["candidate"]
    text = models("show", "small", 1).out
    assert "average_precision" in text
    assert "0.625" in text
    assert "attachments/plots/pr.png" in text
    pulled = models("pull", "small", 1, "--out", "out", "--attachments", "notes")
    assert pulled.code == 0
    assert (tmp_path / "notes" / "plots" / "pr.png").read_bytes() == b"png"


def attached(models: Any) -> set[str]:
    """The names of what was kept with version 1."""
    paths = [item["path"] for item in models("show", "small", 1, "--json").json["inventory"]["files"]]
    return {path.removeprefix("attachments/") for path in paths if path.startswith("attachments/")}


def test_a_report_comes_with_the_card_beside_it(models: Any, bundles: list[Path], tmp_path: Path) -> None:
    (tmp_path / "cards.html").write_text("<p>")
    (tmp_path / "cards.model_card.md").write_text("# card")
    assert models("add", bundles[0], "--reason", "r", "--report", "cards.html").code == 0
    assert attached(models) == {"cards.html", "cards.model_card.md"}


def test_reports_in_the_bundles_folder_are_kept_once(models: Any, bundles: list[Path]) -> None:
    (bundles[0] / "cards.html").write_text("<p>")
    (bundles[0] / "cards.model_card.md").write_text("# card")
    (bundles[0] / "notes.txt").write_text("not a report")
    page = bundles[0] / "cards.html"
    assert models("add", bundles[0], "--reason", "r", "--report", page, "--attach", page).code == 0
    assert attached(models) == {"cards.html", "cards.model_card.md"}


def test_the_champion_is_pulled_when_no_version_is_named(three: Any, tmp_path: Path) -> None:
    none = three("pull", "small")
    assert none.code == 2
    assert "small has no champion" in none.err
    assert "riskloom models promote small VERSION --to champion" in none.err
    three("promote", "small", 2, "--reason", "first")
    pulled = three("pull", "small")
    assert pulled.code == 0
    assert read_bundle(tmp_path / "small-2").fingerprint == small_bundle(81).fingerprint
    assert "riskloom serve --bundle small-2" in pulled.err


def test_a_damaged_part_is_not_pulled(three: Any, tmp_path: Path) -> None:
    for part in (tmp_path / "riskloom-models" / "parts").iterdir():
        part.write_bytes(part.read_bytes()[:-1] + b"?")
    pulled = three("pull", "small", 1)
    assert pulled.code == 2
    assert "damaged" in pulled.err
    assert not (tmp_path / "small-1").exists()


@pytest.mark.parametrize("how", ["option", "environment", "url"])
def test_the_registry_is_where_it_is_said_to_be(
    models: Any, bundles: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    words: list[object] = ["add", bundles[0], "--reason", "r"]
    if how == "environment":
        monkeypatch.setenv("RISKLOOM_MODELS", str(tmp_path / "mine"))
    else:
        words += ["--registry", tmp_path / "mine" if how == "option" else f"file://{tmp_path}/mine"]
    assert models(*words).code == 0
    assert (tmp_path / "mine" / "scenarios" / "small").is_dir()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["promote", "small", "1"], "--reason"),
        (["promote", "small", "1", "--reason", " "], "reason: expected 1 to 1000"),
        (["promote", "small", "1", "--to", "king", "--reason", "r"], "one of candidate, shadow"),
        (["promote", "small", "1", "--to", "canary", "--reason", "r"], "percent: expected"),
        (["promote", "small", "9", "--reason", "r"], "there are: 1, 2, 3"),
        (["promote", "small", "first", "--reason", "r"], "a number, champion or canary"),
        (["promote", "smal", "1", "--reason", "r"], "did you mean 'small'"),
        (["promote", "small", "canary", "--reason", "r"], "small has no canary"),
        (["rollback", "small", "--reason", "r"], "nothing to go back to"),
        (["show", "small", "4"], "no version 4"),
        (["list", "other"], "no versions of 'other'"),
        (["list", "--registry", "s4://bucket"], "one of folder, mlflow, s3"),
        (["add", "nowhere", "--reason", "r"], "holds no bundle"),
        (["add", "bundle-0", "--reason", "r", "--metrics", "nowhere.json"], "nowhere.json"),
        (["add", "bundle-0", "--reason", "r", "--metrics", "bundle-0/manifest.json"], "a finite number"),
        (["add", "bundle-0", "--reason", "r", "--attach", "nowhere"], "a readable file"),
        (["add", "bundle-0", "--reason", "r", "--attach", "bundle-0", "--attach", "bundle-0"], "two called"),
    ],
)
def test_what_cannot_be_done_is_exit_code_2_with_the_reason(three: Any, words: list[str], said: str) -> None:
    ran = three(*words)
    assert ran.code == 2
    assert said in ran.err
    assert "Traceback" not in ran.err


def test_a_retired_version_needs_a_trial_first_and_it_says_so(three: Any) -> None:
    three("retire", "small", 1, "--reason", "r")
    ran = three("promote", "small", 1, "--reason", "r")
    assert ran.code == 2
    assert "move it to candidate or shadow first" in ran.err


def test_help_names_every_command(models: Any) -> None:
    helped = models("--help").out
    for name in ("list", "show", "history", "add", "promote", "rollback", "retire", "pull"):
        assert name in helped
        assert models(name, "--help").code == 0


def test_the_json_of_a_list_is_what_a_script_needs(three: Any) -> None:
    three("promote", "small", 2, "--to", "canary", "--percent", "2.5", "--reason", "r")
    second = three("list", "--json").json[1]
    assert set(second) == {
        "scenario", "version", "stage", "percent", "bundle", "published_at", "author", "reason",
    }  # fmt: skip
    assert second["percent"] == 2.5
    assert json.dumps(second)
