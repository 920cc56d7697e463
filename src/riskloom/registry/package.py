"""From a bundle to the files that are published of it, and back."""

from __future__ import annotations

import hashlib
import json
import math
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from riskloom.bundle import MANIFEST, Bundle, read_bundle, write_bundle
from riskloom.errors import BundleInvalid, Fault, ParameterInvalid, show
from riskloom.ports.bundle_store import Package

FORMAT = "riskloom-inventory-1"
INVENTORY = "inventory.json"
BUNDLE, ATTACHMENTS = "bundle/", "attachments/"
_SEGMENT = re.compile(r"\w[\w .()+=,-]*")
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Item:
    """One published file."""

    path: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Inventory:
    """What a version consists of: its bundle's files, the files attached to it, and figures to compare."""

    scenario: str
    fingerprint: str
    files: tuple[Item, ...]
    parameters: dict[str, str]
    metrics: dict[str, float]
    format: str = FORMAT

    @property
    def attachments(self) -> tuple[str, ...]:
        """The names of the attached files."""
        return tuple(
            item.path.removeprefix(ATTACHMENTS) for item in self.files if item.path.startswith(ATTACHMENTS)
        )


def pack(
    bundle: Bundle,
    author: str,
    reason: str,
    metrics: Mapping[str, Any],
    attachments: Mapping[str, bytes],
) -> Package:
    """All that is published of a bundle; `files` holds its inventory too.

    Raises
    ------
    ParameterInvalid
        With every metric that is no finite number and every attachment whose name is no plain path.
    """
    faults = [
        Fault(f"metrics.{name}", "a finite number", show(value))
        for name, value in _leaves(metrics)
        if not _is_number(value)
    ]
    faults += [
        Fault("attachments", "a relative path of letters, digits, spaces and ._-", show(name))
        for name in attachments
        if not _is_plain(name)
    ]
    if faults:
        raise ParameterInvalid(faults)
    with tempfile.TemporaryDirectory(prefix="riskloom-") as folder:
        files = _files(write_bundle(bundle, Path(folder) / "bundle"))
    about = json.loads(files[BUNDLE + MANIFEST]).get("model", {})
    files |= {ATTACHMENTS + name: content for name, content in sorted(attachments.items())}
    figures = {name: float(value) for name, value in _leaves(_own_metrics(about)) if _is_number(value)}
    figures |= {name: float(value) for name, value in _leaves(metrics)}
    inventory = Inventory(
        bundle.scenario.name,
        bundle.fingerprint,
        tuple(
            Item(path, hashlib.sha256(content).hexdigest(), len(content)) for path, content in files.items()
        ),
        _parameters(bundle, about),
        figures,
    )
    files[INVENTORY] = msgspec.json.format(msgspec.json.encode(inventory), indent=2) + b"\n"
    return Package(
        bundle.scenario.name, bundle.fingerprint, files, inventory.parameters, figures, author, reason
    )


def read_inventory(content: bytes) -> Inventory:
    """An inventory as it was stored.

    Raises
    ------
    BundleInvalid
    """
    try:
        inventory = msgspec.json.decode(content, type=Inventory)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BundleInvalid(f"The inventory cannot be read: {error}") from error
    if inventory.format != FORMAT:
        raise BundleInvalid(
            f"The inventory is of format {inventory.format!r}, not {FORMAT!r}.", hint="use a newer riskloom"
        )
    for item in inventory.files:
        if not _is_plain(item.path) or not item.path.startswith((BUNDLE, ATTACHMENTS)):
            raise BundleInvalid(f"The inventory names a file {show(item.path)}.")
    return inventory


def unpack(inventory: Inventory, read: Callable[[Item], bytes], named: str) -> Bundle:
    """The bundle that an inventory lists, its files read one by one.

    Raises
    ------
    BundleInvalid
        When they do not make the bundle that was published; `named` says which.
    """
    with tempfile.TemporaryDirectory(prefix="riskloom-") as temporary:
        folder = Path(temporary)
        for item in inventory.files:
            if item.path.startswith(BUNDLE):
                path = folder / item.path
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(read(item))
        try:
            bundle = read_bundle(folder / BUNDLE)
        except BundleInvalid as error:
            message = error.message.replace(str(folder / BUNDLE), named)
            raise BundleInvalid(message, hint=error.hint) from error
    if (bundle.scenario.name, bundle.fingerprint) != (inventory.scenario, inventory.fingerprint):
        raise BundleInvalid(f"{named} holds another bundle than was published.")
    return bundle


def _files(folder: Path) -> dict[str, bytes]:
    """The files of a written bundle: the manifest and the parts that it names."""
    return {
        BUNDLE + path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _parameters(bundle: Bundle, about: Mapping[str, Any]) -> dict[str, str]:
    """How the model was made, flat, as trackers show it."""
    said = {
        **bundle.scenario.parts["model"],
        "policy": bundle.scenario.parts["policy"],
        "model": about,
    }
    return {name: _as_text(value) for name, value in _leaves(said) if value is not None}


def _own_metrics(about: Mapping[str, Any]) -> Mapping[str, Any]:
    """What training measured itself, where the manifest says it."""
    info = about.get("info")
    metrics = info.get("metrics") if isinstance(info, Mapping) else None
    return metrics if isinstance(metrics, Mapping) else {}


def _leaves(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested mappings as dotted names."""
    for name, inner in value.items():
        if isinstance(inner, Mapping):
            yield from _leaves(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", inner


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_plain(path: str) -> bool:
    """Whether a path stays where it is put: relative, of plain names."""
    return len(path) <= _LONGEST and all(_SEGMENT.fullmatch(name) for name in path.split("/"))
