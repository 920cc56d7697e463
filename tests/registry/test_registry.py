"""The registry over a folder: what can be published, what is refused, what the history proves."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from riskloom.adapters.bundles import open_store
from riskloom.bundle import Bundle, read_bundle, write_bundle
from riskloom.clock import FixedClock
from riskloom.domain.stage import in_canary
from riskloom.errors import BundleInvalid, NotFound, ParameterInvalid, StageInvalid, StoreUnavailable
from riskloom.registry import Registry
from support.registries import NOW_US, Wrapped, registry_of, small_bundle


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder of the store."""
    return tmp_path / "models"


@pytest.fixture
def registry(root: Path) -> Registry:
    """An empty registry."""
    return registry_of(open_store(root))


def record(root: Path, number: int) -> Path:
    """The file of a record."""
    return root / "scenarios" / "small" / f"{number:08d}.json"


def test_a_trained_model_scores_the_same_after_the_registry(registry: Registry, trained: Bundle) -> None:
    import numpy as np

    made = registry.publish(trained, "ana", "first")
    again = registry.fetch("card_payments", made.number)
    assert again.model is not None
    assert trained.model is not None
    vectors = np.random.default_rng(3).normal(size=(50, len(trained.scenario.feature_names)))
    mine, theirs = again.model.score_many(vectors), trained.model.score_many(vectors)
    assert mine.anomaly_scores.tobytes() == theirs.anomaly_scores.tobytes()
    assert mine.risk_scores.tobytes() == theirs.risk_scores.tobytes()


def test_a_version_tells_when_it_was_published_by_whom_and_why(root: Path) -> None:
    clock = FixedClock(NOW_US)
    registry = Registry(open_store(root), clock)
    made = registry.publish(small_bundle(), " ana ", " for\nthe committee ")
    clock.time_us += 5
    registry.move("small", 1, "shadow", "bob", "look")
    assert (made.author, made.reason, made.published_at_us) == ("ana", "for\nthe committee", NOW_US)
    assert [change.at_us for change in registry.history("small")] == [NOW_US, NOW_US + 5]
    assert registry.version("small", 1).published_at_us == NOW_US


@pytest.mark.parametrize(
    ("author", "reason", "where"),
    [
        ("", "r", ["author"]),
        (" ", " ", ["author", "reason"]),
        ("a" * 201, "r", ["author"]),
        ("a", "r" * 1001, ["reason"]),
        ("a\x00", "r\x1b[2J", ["author", "reason"]),
        ("a\ud800", "r", ["author"]),
    ],
)
def test_who_and_why_must_be_said(registry: Registry, author: str, reason: str, where: list[str]) -> None:
    registry.publish(small_bundle(), "ana", "a")
    for ask in (
        lambda: registry.publish(small_bundle(81), author, reason),
        lambda: registry.move("small", 1, "shadow", author, reason),
        lambda: registry.rollback("small", author, reason),
    ):
        with pytest.raises(ParameterInvalid) as refused:
            ask()
        assert [fault.where for fault in refused.value.faults] == where
    assert len(registry.history("small")) == 1


def test_metrics_are_kept_flat_and_the_manifests_own_with_them(registry: Registry, trained: Bundle) -> None:
    from dataclasses import replace

    from riskloom.bundle import make_bundle

    model = trained.model
    assert model is not None
    own = {"auc": 0.9, "by_month": {"may": 0.8}, "undefined": math.nan, "note": "text"}
    measured = make_bundle(trained.scenario, replace(model, info={**model.info, "metrics": own}))
    registry.publish(measured, "ana", "a", metrics={"auc": 0.91, "cost": {"per_event": 1}})
    assert registry.inventory("card_payments", 1).metrics == {
        "auc": 0.91,
        "by_month.may": 0.8,
        "cost.per_event": 1.0,
    }


@pytest.mark.parametrize("value", [math.nan, math.inf, "0.5", None, True, [1]])
def test_a_metric_that_is_no_number_is_named(registry: Registry, value: object) -> None:
    with pytest.raises(ParameterInvalid) as refused:
        registry.publish(small_bundle(), "ana", "a", metrics={"good": 1, "deep": {"bad": value}})
    assert [fault.where for fault in refused.value.faults] == ["metrics.deep.bad"]
    assert registry.scenarios() == ()


@pytest.mark.parametrize("name", ["../x", "/x", "a//b", "", "a/../b", "a\\b", "a\x00", ".hidden", "x" * 201])
def test_an_attachment_stays_where_it_is_put(registry: Registry, name: str) -> None:
    with pytest.raises(ParameterInvalid):
        registry.publish(small_bundle(), "ana", "a", attachments={name: b""})


def test_an_unknown_attachment_is_answered_with_the_nearest(registry: Registry) -> None:
    registry.publish(small_bundle(), "ana", "a", attachments={"report.html": b""})
    with pytest.raises(NotFound, match=r"did you mean 'report.html'"):
        registry.attachment("small", 1, "raport.html")


def test_what_is_not_there_is_answered_with_what_is(registry: Registry) -> None:
    registry.publish(small_bundle(), "ana", "a")
    with pytest.raises(NotFound, match="did you mean 'small'"):
        registry.versions("smal")
    with pytest.raises(NotFound, match="there are: 1"):
        registry.fetch("small", 2)
    for ask in (
        lambda: registry.move("smal", 1, "shadow", "ana", "a"),
        lambda: registry.rollback("smal", "ana", "a"),
        lambda: registry.lineup("smal"),
        lambda: registry.history("smal"),
        lambda: registry.version("small", 0),
    ):
        with pytest.raises(NotFound):
            ask()


def test_an_illegal_move_changes_nothing(registry: Registry, root: Path) -> None:
    registry.publish(small_bundle(), "ana", "a")
    registry.move("small", 1, "champion", "ana", "first")
    before = sorted(path.name for path in root.rglob("*"))
    with pytest.raises(StageInvalid):
        registry.move("small", 1, "shadow", "ana", "no")
    with pytest.raises(StageInvalid):
        registry.rollback("small", "ana", "no")
    assert sorted(path.name for path in root.rglob("*")) == before


def test_a_canary_takes_its_share_of_entities_and_other_versions_none(registry: Registry) -> None:
    registry.publish(small_bundle(80), "ana", "a")
    registry.publish(small_bundle(81), "ana", "b")
    registry.move("small", 1, "champion", "ana", "first")
    canary = registry.move("small", 2, "canary", "ana", "try", 25)
    keys = [f"user-{n}" for n in range(400)]
    assert [canary.takes(key) for key in keys] == [in_canary(key, 25, canary.fingerprint) for key in keys]
    assert 60 < sum(canary.takes(key) for key in keys) < 140
    champion = registry.champion("small")
    assert champion is not None
    assert not any(champion.takes(key) for key in keys)
    assert not canary.takes(None)
    wider = registry.move("small", 2, "canary", "ana", "more", 50)
    assert all(wider.takes(key) for key in keys if canary.takes(key))


def test_a_lineup_tells_by_its_number_whether_anything_changed(registry: Registry, root: Path) -> None:
    registry.publish(small_bundle(), "ana", "a")
    watching = registry_of(open_store(root))
    assert watching.lineup("small").change == 1
    registry.move("small", 1, "champion", "ana", "first")
    assert watching.lineup("small").change == 2
    assert watching.lineup("small") == registry.lineup("small")


def test_a_pulled_bundle_can_be_served_from_its_folder(registry: Registry, tmp_path: Path) -> None:
    bundle = small_bundle()
    registry.publish(bundle, "ana", "a", attachments={"report.html": b"<p>"})
    folder = registry.pull("small", 1, tmp_path / "out")
    assert read_bundle(folder).fingerprint == bundle.fingerprint
    written = write_bundle(bundle, tmp_path / "direct")
    assert sorted(path.name for path in folder.rglob("*")) == sorted(path.name for path in written.rglob("*"))
    assert registry.pull("small", 1, folder) == folder
    registry.publish(small_bundle(81), "ana", "b")
    with pytest.raises(BundleInvalid, match="another bundle"):
        registry.pull("small", 2, folder)


def edited(root: Path, number: int, change: Any) -> None:
    """Change a record as an attacker can who may write to the folder."""
    path = record(root, number)
    content = json.loads(path.read_bytes())
    change(content)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize("number", [1, 2])
def test_a_history_that_was_edited_is_refused(registry: Registry, root: Path, number: int) -> None:
    registry.publish(small_bundle(), "ana", "a")
    registry.move("small", 1, "shadow", "ana", "look")
    registry.move("small", 1, "champion", "ana", "good")
    edited(root, number, lambda content: content["change"].update(author="eve"))
    with pytest.raises(BundleInvalid, match=f"Record {number + 1} of small.*edited or removed"):
        registry_of(open_store(root)).lineup("small")


def test_a_history_with_a_record_missing_is_refused(registry: Registry, root: Path) -> None:
    registry.publish(small_bundle(80), "ana", "a")
    registry.publish(small_bundle(81), "ana", "b")
    registry.publish(small_bundle(82), "ana", "c")
    record(root, 2).unlink()
    with pytest.raises(BundleInvalid, match="Record 3 of small"):
        registry_of(open_store(root)).versions("small")


def test_a_history_that_became_shorter_is_noticed(registry: Registry, root: Path) -> None:
    registry.publish(small_bundle(80), "ana", "a")
    registry.publish(small_bundle(81), "ana", "b")
    record(root, 2).unlink()
    with pytest.raises(BundleInvalid, match="shorter than it was"):
        registry.versions("small")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "cannot be read"),
        (b"{", "cannot be read"),
        (b"\xff", "cannot be read"),
        (b"[" * 100_000, "cannot be read"),
        (b'{"change": {}}', "cannot be read"),
        (b"null", "cannot be read"),
    ],
)
def test_a_damaged_record_is_named(registry: Registry, root: Path, content: bytes, said: str) -> None:
    registry.publish(small_bundle(), "ana", "a")
    record(root, 1).write_bytes(content)
    with pytest.raises(BundleInvalid, match=f"Record 1 of small.*{said}"):
        registry_of(open_store(root)).versions("small")


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.update(format="riskloom-registry-9"),
        lambda content: content["change"].update(moves=[]),
        lambda content: content["change"]["moves"][0].update(version=2),
        lambda content: content["change"]["moves"][0].update(to="shadow"),
        lambda content: content["change"]["moves"][0].update(to="king"),
        lambda content: content["change"]["moves"][0].update(origin="shadow"),
        lambda content: content["change"]["moves"][0].update(percent=5),
        lambda content: content["change"].update(number=7),
        lambda content: content["change"].update(action="move"),
        lambda content: content["published"].update(inventory="../../etc/passwd"),
        lambda content: content["published"].update(version=-1),
        lambda content: content.update(published=None),
    ],
)
def test_a_forged_record_is_refused(registry: Registry, root: Path, change: Any) -> None:
    registry.publish(small_bundle(), "ana", "a")
    edited(root, 1, change)
    with pytest.raises(BundleInvalid, match="Record 1 of small"):
        registry_of(open_store(root)).versions("small")


def test_files_that_make_another_bundle_are_refused(registry: Registry, root: Path) -> None:
    registry.publish(small_bundle(80), "ana", "a")
    registry.publish(small_bundle(81), "ana", "b")
    other = json.loads(record(root, 2).read_bytes())["published"]
    edited(root, 1, lambda content: content["published"].update(inventory=other["inventory"]))
    record(root, 2).unlink()
    with pytest.raises(BundleInvalid, match="another bundle"):
        registry_of(open_store(root)).fetch("small", 1)


def test_a_store_that_cannot_show_a_change_does_not_undo_it(root: Path) -> None:
    class Blind(Wrapped):
        def reflect(self, *_: object) -> None:
            raise StoreUnavailable("No aliases today.")

    registry_of(open_store(root)).publish(small_bundle(), "ana", "a")
    with pytest.raises(StoreUnavailable, match="is recorded, but") as told:
        registry_of(Blind(open_store(root))).move("small", 1, "champion", "ana", "first")
    assert "do not repeat" in told.value.hint
    assert registry_of(open_store(root)).lineup("small").champion is not None


def test_the_store_is_shown_what_came_while_it_was_shown(root: Path) -> None:
    shown: list[list[str]] = []
    rival = registry_of(open_store(root))
    rival.publish(small_bundle(), "ana", "a")

    class Slow(Wrapped):
        def reflect(self, scenario: str, standings: Any) -> None:
            if not shown:
                rival.move("small", 1, "canary", "bob", "meanwhile", 5)
            shown.append([standing.stage for standing in standings])

    registry_of(Slow(open_store(root))).move("small", 1, "shadow", "ana", "look")
    assert shown == [["shadow"], ["canary"]]
