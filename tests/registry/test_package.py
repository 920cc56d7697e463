"""What is published of a bundle, and inventories that somebody else wrote."""

from __future__ import annotations

import json
from typing import Any

import pytest

from riskloom.errors import BundleInvalid
from riskloom.registry.package import INVENTORY, pack, read_inventory, unpack
from support.registries import small_bundle


def inventory(**changes: Any) -> bytes:
    """An inventory with some things changed."""
    package = pack(small_bundle(), "ana", "a", {}, {"notes.txt": b"notes"})
    return json.dumps({**json.loads(package.files[INVENTORY]), **changes}).encode()


def test_a_package_holds_the_bundle_what_was_attached_and_the_list_of_both() -> None:
    package = pack(small_bundle(), "ana", "a", {"ap": 0.5}, {"notes.txt": b"notes"})
    listed = read_inventory(package.files[INVENTORY])
    assert {item.path for item in listed.files} == set(package.files) - {INVENTORY}
    assert {item.path: item.size for item in listed.files}["attachments/notes.txt"] == 5
    assert listed.attachments == ("notes.txt",)
    assert listed.metrics == package.metrics == {"ap": 0.5}
    assert listed.parameters["policy.percentile"] == "80"


def test_the_same_bundle_makes_the_same_package() -> None:
    one, other = (pack(small_bundle(), "ana", "a", {}, {"b": b"", "a": b""}) for _ in range(2))
    assert one == other
    swapped = pack(small_bundle(), "ana", "a", {}, {"a": b"", "b": b""})
    assert swapped.files == one.files


@pytest.mark.parametrize(
    "path",
    [
        "bundle/../../x",
        "/etc/passwd",
        "bundle//x",
        "bundle/",
        "elsewhere/x",
        "bundle\\x",
        "bundle/.x",
        "bundle/x\n",
    ],
)
def test_an_inventory_that_leads_elsewhere_is_refused(path: str) -> None:
    content = inventory(files=[{"path": path, "sha256": "0" * 64, "size": 1}])
    with pytest.raises(BundleInvalid, match="names a file"):
        read_inventory(content)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000, b"null", b'{"files": []}'])
def test_an_inventory_that_cannot_be_read_is_refused(content: bytes) -> None:
    with pytest.raises(BundleInvalid, match="cannot be read"):
        read_inventory(content)


def test_an_inventory_of_a_newer_format_is_refused() -> None:
    with pytest.raises(BundleInvalid, match="newer riskloom"):
        read_inventory(inventory(format="riskloom-inventory-2"))


def test_files_that_make_no_bundle_are_refused_by_the_versions_name() -> None:
    package = pack(small_bundle(), "ana", "a", {}, {})
    listed = read_inventory(package.files[INVENTORY])
    with pytest.raises(BundleInvalid) as refused:
        unpack(listed, lambda _: b"{}", "version 3 of small")
    assert "version 3 of small" in refused.value.message
    assert "riskloom-" not in refused.value.message.replace("riskloom-bundle", "")


def test_files_that_make_another_bundle_are_refused() -> None:
    other = pack(small_bundle(81), "ana", "a", {}, {})
    listed = read_inventory(other.files[INVENTORY])
    lying = read_inventory(
        json.dumps({**json.loads(other.files[INVENTORY]), "fingerprint": "0" * 64}).encode()
    )
    assert (
        unpack(listed, lambda item: other.files[item.path], "v").fingerprint == small_bundle(81).fingerprint
    )
    with pytest.raises(BundleInvalid, match="another bundle"):
        unpack(lying, lambda item: other.files[item.path], "v")
