"""Bundles in a folder: what is shared, what a crash leaves, who wins a race."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from riskloom.adapters.bundles import open_store
from riskloom.errors import BundleInvalid, NotFound, StoreUnavailable
from support.registries import Died, registry_of, small_bundle


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where the store will be; nothing is there yet."""
    return tmp_path / "deep" / "models"


def names(root: Path) -> set[str]:
    """Every file."""
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def test_versions_share_the_parts_they_have_in_common(root: Path) -> None:
    registry = registry_of(open_store(root))
    registry.publish(small_bundle(80), "ana", "a")
    first = names(root)
    registry.publish(small_bundle(81), "ana", "b")
    added = names(root) - first
    assert len(first) == 5 + 3  # five parts, manifest, inventory, record
    assert len(added) == 1 + 3  # the policy, and manifest, inventory, record again


def test_the_log_can_be_read_by_people(root: Path) -> None:
    registry_of(open_store(root)).publish(small_bundle(), "ana", "for the committee")
    text = (root / "scenarios" / "small" / "00000001.json").read_text()
    assert '"reason": "for the committee"' in text


class Writes:
    """Counts what is made durable or visible, and kills the writer before one of them."""

    def __init__(self, patch: pytest.MonkeyPatch, die_before: int) -> None:
        self.count = 0
        for name in ("replace", "link", "fsync"):
            patch.setattr(os, name, self._counted(getattr(os, name), die_before))

    def _counted(self, function: Callable[..., Any], die_before: int) -> Callable[..., Any]:
        def counted(*given: Any) -> Any:
            self.count += 1
            if self.count == die_before:
                raise Died
            return function(*given)

        return counted


def test_wherever_a_publisher_dies_there_is_the_whole_version_or_none(root: Path) -> None:
    registry_of(open_store(root)).publish(small_bundle(80), "ana", "a")
    died, visible = 0, []
    while True:
        with pytest.MonkeyPatch.context() as patch:
            Writes(patch, die_before=died + 1)
            try:
                registry_of(open_store(root)).publish(small_bundle(81 + died / 100), "ana", "b")
            except Died:
                died += 1
            else:
                break
        registry = registry_of(open_store(root))
        versions = registry.versions("small")
        visible.append(len(versions))
        newest = versions[-1]
        assert registry.fetch("small", newest.number).fingerprint == newest.fingerprint
        assert [version.number for version in versions] == list(range(1, len(versions) + 1))
    assert died > 8
    assert visible[:8] == [1] * 8
    assert visible[-1] > 1  # the last deaths come when the record is there


def test_what_a_dead_writer_or_a_desktop_left_is_nobodys_business(root: Path) -> None:
    registry_of(open_store(root)).publish(small_bundle(), "ana", "a")
    (root / "scenarios" / "small" / ".00000002.json.deadbeef").write_bytes(b"{")
    (root / "scenarios" / ".DS_Store").write_bytes(b"a desktop was here")
    (root / "parts" / ".abc.deadbeef").write_bytes(b"half")
    registry = registry_of(open_store(root))
    assert len(registry.versions("small")) == 1
    assert registry.scenarios() == ("small",)
    assert registry.move("small", 1, "champion", "ana", "go").stage == "champion"


def test_many_publishers_at_once_get_as_many_versions(root: Path) -> None:
    made: dict[int, str] = {}
    start = threading.Barrier(6)
    bundles = [[small_bundle(10 * one + other) for other in range(3)] for one in range(1, 7)]

    def publish(mine: list[Any]) -> None:
        registry = registry_of(open_store(root))
        start.wait()
        for bundle in mine:
            made[registry.publish(bundle, "ana", "a").number] = bundle.fingerprint

    threads = [threading.Thread(target=publish, args=(mine,)) for mine in bundles]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    versions = registry_of(open_store(root)).versions("small")
    assert {version.number: version.fingerprint for version in versions} == made
    assert sorted(made) == list(range(1, 19))


@pytest.mark.parametrize("damage", ["lost", "changed"])
def test_publishing_again_mends_what_was_lost_or_damaged(root: Path, damage: str) -> None:
    bundle = small_bundle()
    registry_of(open_store(root)).publish(bundle, "ana", "a")
    for part in (root / "parts").iterdir():
        if damage == "lost":
            part.unlink()
        else:
            part.write_bytes(b"x")
    with pytest.raises(BundleInvalid):
        registry_of(open_store(root)).fetch("small", 1)
    assert registry_of(open_store(root)).publish(bundle, "bob", "mend").number == 1
    assert registry_of(open_store(root)).fetch("small", 1).fingerprint == bundle.fingerprint


def test_a_file_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(StoreUnavailable) as refused:
        registry_of(open_store(tmp_path / "file")).publish(small_bundle(), "ana", "a")
    assert str(tmp_path / "file") in refused.value.message
    assert "folder" in refused.value.hint
    with pytest.raises(StoreUnavailable, match="cannot be read"):
        registry_of(open_store(tmp_path / "file")).scenarios()


def test_a_disk_without_hard_links_is_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(StoreUnavailable, match="hard links"):
        registry_of(open_store(root)).publish(small_bundle(), "ana", "a")
    with pytest.raises(NotFound):
        registry_of(open_store(root)).versions("small")


@pytest.mark.parametrize("name", ["../small", "small/../small", "", ".", "small\n", "parts/x"])
def test_no_name_leads_out_of_the_folder(root: Path, name: str) -> None:
    registry_of(open_store(root)).publish(small_bundle(), "ana", "a")
    with pytest.raises(NotFound):
        registry_of(open_store(root)).versions(name)
