"""What every store must do, on every store: a folder, S3, MLflow's database, MLflow's server."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from riskloom.adapters.bundles import names, open_store
from riskloom.bundle import write_bundle
from riskloom.errors import BundleInvalid, NotFound, ParameterInvalid, StageInvalid, StoreUnavailable
from riskloom.ports.bundle_store import Package
from support.registries import Died, Wrapped, registry_of, small_bundle

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of MLflow itself


def package(files: dict[str, bytes], fingerprint: str = "f" * 64) -> Package:
    return Package("small", fingerprint, files, {"detector.kind": "x"}, {"ap": 0.5}, "ana", "because")


def test_a_bundle_comes_back_as_it_was_published(site: Any) -> None:
    bundle = small_bundle()
    made = registry_of(site.open()).publish(bundle, "ana", "first", attachments={"report.html": b"<p>"})
    again = registry_of(site.open())
    assert (made.number, made.stage, made.scenario) == (1, "candidate", "small")
    assert again.fetch("small", 1).fingerprint == bundle.fingerprint
    assert again.fetch("small", 1).scenario.parts == bundle.scenario.parts
    assert again.attachment("small", 1, "report.html") == b"<p>"
    assert again.versions("small") == (made,)
    assert again.scenarios() == ("small",)


def test_versions_count_on_and_the_same_bundle_is_the_same_version(site: Any) -> None:
    registry = registry_of(site.open())
    first, second = (
        registry.publish(small_bundle(80), "ana", "a"),
        registry.publish(small_bundle(81), "ana", "b"),
    )
    other = registry.publish(small_bundle(80, "other"), "ana", "c")
    assert (first.number, second.number, other.number) == (1, 2, 1)
    before = registry_of(site.open()).history("small")
    assert registry_of(site.open()).publish(small_bundle(80), "bob", "again") == first
    assert registry_of(site.open()).history("small") == before
    assert registry_of(site.open()).scenarios() == ("other", "small")


def test_a_damaged_file_is_refused(site: Any, damaged: Callable[[Any, bytes], None], tmp_path: Path) -> None:
    bundle = small_bundle()
    registry_of(site.open()).publish(bundle, "ana", "a", attachments={"notes.txt": b"notes"})
    part = next((write_bundle(bundle, tmp_path / "bundle") / "parts").iterdir()).read_bytes()
    damaged(site, part)
    with pytest.raises(BundleInvalid, match="damaged"):
        registry_of(site.open()).fetch("small", 1)
    assert registry_of(site.open()).attachment("small", 1, "notes.txt") == b"notes"
    damaged(site, b"notes")
    with pytest.raises(BundleInvalid, match="damaged"):
        registry_of(site.open()).attachment("small", 1, "notes.txt")


def test_a_lost_file_is_named(site: Any, tmp_path: Path) -> None:
    registry_of(site.open()).publish(small_bundle(), "ana", "a", attachments={"notes.txt": b"notes"})
    (name,) = site.parts(b"notes")
    site.put(name, None)
    with pytest.raises(BundleInvalid, match=r"notes\.txt of a version of small is missing"):
        registry_of(site.open()).attachment("small", 1, "notes.txt")


def test_a_publisher_that_dies_before_its_record_leaves_nothing_visible(site: Any) -> None:
    registry_of(site.open()).publish(small_bundle(80), "ana", "a")

    def die() -> None:
        raise Died

    with pytest.raises(Died):
        registry_of(Wrapped(site.open(), before=die)).publish(small_bundle(81), "ana", "b")
    registry = registry_of(site.open())
    assert [version.number for version in registry.versions("small")] == [1]
    with pytest.raises(NotFound):
        registry.version("small", 2)
    made = registry.publish(small_bundle(81), "bob", "again")
    assert made.number == 2
    assert registry_of(site.open()).fetch("small", 2).fingerprint == made.fingerprint


def test_two_publishers_at_once_get_different_versions(site: Any) -> None:
    rival = registry_of(site.open())
    store = Wrapped(site.open(), before=lambda: rival.publish(small_bundle(81), "bob", "faster"))
    mine = registry_of(store).publish(small_bundle(80), "ana", "slower")
    versions = registry_of(site.open()).versions("small")
    assert {version.number: version.author for version in versions} == {
        mine.number: "ana",
        3 - mine.number: "bob",
    }
    assert store.appends == 2
    for version in versions:
        assert registry_of(site.open()).fetch("small", version.number).fingerprint == version.fingerprint


def test_two_publishers_of_the_same_bundle_get_the_same_version(site: Any) -> None:
    rival = registry_of(site.open())
    store = Wrapped(site.open(), before=lambda: rival.publish(small_bundle(80), "bob", "faster"))
    mine = registry_of(store).publish(small_bundle(80), "ana", "slower")
    assert (mine.number, mine.author) == (1, "bob")
    assert len(registry_of(site.open()).history("small")) == 1


def test_two_who_promote_at_once_make_one_champion(site: Any) -> None:
    rival = registry_of(site.open())
    rival.publish(small_bundle(80), "ana", "a")
    rival.publish(small_bundle(81), "ana", "b")
    store = Wrapped(site.open(), before=lambda: rival.move("small", 2, "champion", "bob", "faster"))
    registry_of(store).move("small", 1, "champion", "ana", "slower")
    lineup = registry_of(site.open()).lineup("small")
    assert lineup.champion is not None
    assert lineup.champion.number == 1
    stages = {version.number: version.stage for version in registry_of(site.open()).versions("small")}
    assert stages == {1: "champion", 2: "retired"}


def test_a_move_that_somebody_else_made_impossible_is_refused(site: Any) -> None:
    rival = registry_of(site.open())
    rival.publish(small_bundle(80), "ana", "a")
    store = Wrapped(site.open(), before=lambda: rival.move("small", 1, "retired", "bob", "faster"))
    with pytest.raises(StageInvalid, match="is retired"):
        registry_of(store).move("small", 1, "champion", "ana", "slower")
    assert len(registry_of(site.open()).history("small")) == 2


def test_a_record_whose_answer_was_lost_is_not_written_twice(site: Any) -> None:
    store = Wrapped(site.open(), after=lambda _: False)
    assert registry_of(store).publish(small_bundle(), "ana", "a").number == 1
    assert store.appends == 1
    store = Wrapped(site.open(), after=lambda _: False)
    assert registry_of(store).move("small", 1, "champion", "ana", "first").stage == "champion"
    assert len(registry_of(site.open()).history("small")) == 2


def test_stages_move_and_every_move_is_remembered(site: Any) -> None:
    registry = registry_of(site.open())
    for percentile in (80, 81, 82):
        registry.publish(small_bundle(percentile), "ana", "new")
    registry.move("small", 1, "champion", "ana", "the first")
    registry.move("small", 2, "canary", "ana", "calm in shadow", 5)
    registry.move("small", 3, "shadow", "ana", "a look")
    watching = registry_of(site.open())
    lineup = watching.lineup("small")
    assert (lineup.champion.number, lineup.canary.number, lineup.canary.percent) == (1, 2, 5.0)
    assert [version.number for version in lineup.shadows] == [3]
    registry.move("small", 2, "champion", "zoë", "better — by 3 % ✓")
    assert watching.champion("small").number == 2
    assert registry.rollback("small", "bob", "alerts doubled").number == 1
    assert watching.champion("small").number == 1
    told = [
        (move.version, move.origin, move.to, change.author, change.reason)
        for change in watching.history("small")[6:]
        for move in change.moves
    ]
    assert told == [
        (2, "canary", "champion", "zoë", "better — by 3 % ✓"),
        (1, "champion", "retired", "zoë", "better — by 3 % ✓"),
        (1, "retired", "champion", "bob", "alerts doubled"),
        (2, "champion", "retired", "bob", "alerts doubled"),
    ]


def test_reading_writes_nothing(site: Any) -> None:
    empty = registry_of(site.open())
    assert empty.scenarios() == ()
    with pytest.raises(NotFound):
        empty.versions("small")
    assert site.files() == {}
    writing = registry_of(site.open())
    writing.publish(small_bundle(), "ana", "a", attachments={"notes.txt": b"notes"})
    writing.move("small", 1, "champion", "ana", "first")
    before = site.files()
    reading = registry_of(site.open())
    reading.fetch("small", 1)
    reading.lineup("small")
    reading.history("small")
    reading.attachment("small", 1, "notes.txt")
    assert site.files() == before
    assert registry_of(site.open()).history("small") == reading.history("small")


def test_a_store_keeps_the_files_of_a_package_as_they_are(site: Any) -> None:
    store = site.open()
    files = {
        "bundle/manifest.json": b"{}",
        "bundle/parts/a.npz": bytes(range(256)),
        "attachments/é ü.txt": b"",
    }
    saved = store.save(package(files))
    for path, content in files.items():
        sha256 = hashlib.sha256(content).hexdigest()
        assert site.open().read("small", saved.place, path, sha256) == content
    assert site.open().scenarios() == ()


def test_a_log_takes_each_number_once(site: Any) -> None:
    store = site.open()
    assert store.tail("small", 0).next_number == 1
    assert store.append("small", 1, b'{"n": 1}', "one")
    assert not site.open().append("small", 1, b'{"n": "another"}', "another")
    tail = site.open().tail("small", 0)
    assert tail.records == ((1, b'{"n": 1}'),)
    assert site.open().append("small", tail.next_number, b'{"n": 2}', "two")
    newer = site.open().tail("small", 1)
    assert [content for _, content in newer.records] == [b'{"n": 2}']
    assert newer.next_number > newer.records[0][0] > 1
    assert site.open().tail("small", newer.records[0][0]).records == ()


def test_every_kind_of_store_is_opened_by_its_url(tmp_path: Path, keys: None) -> None:
    assert names() == ("folder", "mlflow", "s3")
    for url in (str(tmp_path / "m"), f"file://{tmp_path}/m", tmp_path / "m"):
        assert open_store(url).url == str(tmp_path / "m")
    assert open_store("s3://bucket/a/b/").url == "s3://bucket/a/b"
    assert open_store("mlflow://host:5000/team").url == "http://host:5000 (team)"
    assert open_store("mlflow+https://host/base/team").url == "https://host/base (team)"
    assert open_store("mlflow://host:5000").url == "http://host:5000 (riskloom)"
    assert open_store("mlflow+sqlite:///m.db").url == "sqlite:///m.db (riskloom)"
    assert open_store(r"C:\models").url == r"C:\models"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("s4://bucket", "one of folder, mlflow, s3"),
        ("  ", "got nothing"),
        ("s3://", "s3://bucket/prefix"),
        ("s3://Bucket_/x", "s3://bucket/prefix"),
        ("s3://key:secret@bucket/x", "AWS_ACCESS_KEY_ID"),
        ("s3://bucket/x?endpont=http://h", "did you mean 'endpoint'"),
        ("s3://bucket/x?endpoint=nonsense", "nonsense"),
        ("file://elsewhere/x", "file:///absolute/path"),
        ("mlflow://", "mlflow://host:port/name"),
        ("mlflow+ftp://host/x", "mlflow://host:port/name"),
        ("mlflow://user:secret@host/x", "MLFLOW_TRACKING_PASSWORD"),
        ("mlflow://host/x?nme=y", "no option but name"),
        ("mlflow://host/x?name=a'b", "a name of letters"),
        ("mlflow+sqlite:///", "mlflow://host:port/name"),
    ],
)
def test_a_url_that_cannot_be_opened_says_why(url: str, said: str, keys: None) -> None:
    with pytest.raises(ParameterInvalid) as refused:
        open_store(url)
    assert said in str(refused.value)
    assert "secret" not in str(refused.value)


def test_a_missing_library_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util
    import sys

    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(Exception, match=r"riskloom\[s3\]") as missing:
        open_store("s3://bucket/x")
    assert getattr(missing.value, "code", "") == "extra_missing"
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(Exception, match=r"riskloom\[mlflow\]"):
        open_store("mlflow://host/x")


def test_a_server_that_does_not_answer_is_told_at_once(keys: None) -> None:
    for url in ("s3://bucket/x?endpoint=http://127.0.0.1:9", "mlflow://127.0.0.1:9/x"):
        with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1:9") as refused:
            registry_of(open_store(url)).scenarios()
        assert refused.value.hint
