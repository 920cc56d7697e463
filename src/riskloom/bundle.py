"""A bundle: one immutable folder that holds everything a decision depends on besides the event and the history.

    DIR/manifest.json            names the parts by content hash
    DIR/parts/<sha256>.json      features, detector, rules, policy, rates
    DIR/parts/<sha256>.npz       the trained model, as arrays

No pickle, nothing executable. Changing one part makes a new manifest over the same other parts.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from riskloom.errors import BundleInvalid, RiskloomError
from riskloom.model import Model
from riskloom.scenario.load import scenario_from_parts
from riskloom.scenario.scenario import Scenario, canonical

FORMAT = "riskloom-bundle-1"
PARTS = ("features", "detector", "rules", "policy", "rates")
MANIFEST = "manifest.json"
_SIZE_LIMIT = 1 << 30


@dataclass(frozen=True, slots=True)
class Bundle:
    """A scenario and, once trained, its model. `fingerprint` is the SHA-256 of the manifest's parts."""

    scenario: Scenario
    model: Model | None
    fingerprint: str

    @property
    def version(self) -> str:
        """The first twelve characters of the fingerprint, as shown to people."""
        return self.fingerprint[:12]


def make_bundle(scenario: Scenario, model: Model | None) -> Bundle:
    """The bundle of a scenario and a model; writes nothing."""
    return Bundle(scenario, model, _fingerprint(_contents(scenario, model)[0]))


def write_bundle(bundle: Bundle, folder: str | Path) -> Path:
    """Write a bundle; a folder that holds the same bundle already is left alone.

    Raises
    ------
    BundleInvalid
        When the folder holds something else: bundles are immutable.
    """
    folder = Path(folder)
    manifest, files = _contents(bundle.scenario, bundle.model)
    path = folder / MANIFEST
    if path.exists():
        if read_manifest(folder)["parts"] == manifest["parts"]:
            return folder
        raise BundleInvalid(f"{folder} holds another bundle, and bundles are immutable.", hint="choose a new folder")
    if folder.exists() and any(entry.name != "parts" for entry in folder.iterdir()):
        raise BundleInvalid(f"{folder} is not empty and holds no bundle.", hint="choose a new folder")
    (folder / "parts").mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        _write_durably(folder / "parts" / name, content)
    _write_durably(path, json.dumps(manifest, indent=2, sort_keys=True, ensure_ascii=False).encode() + b"\n")
    return folder


def read_bundle(folder: str | Path) -> Bundle:
    """Read a bundle and check every part against its hash.

    Raises
    ------
    BundleInvalid
        When it is damaged, foreign or of another format; says which part and why.
    """
    folder = Path(folder)
    manifest = read_manifest(folder)
    contents = {name: _read_part(folder, name, file) for name, file in manifest["parts"].items()}
    try:
        parts = {name: json.loads(contents[name]) for name in PARTS}
        scenario = scenario_from_parts(parts)
    except (ValueError, RecursionError, RiskloomError) as error:
        raise BundleInvalid(f"The parts of {folder} do not make a scenario: {error}") from error
    model = None
    if "model" in contents:
        about = manifest.get("model")
        if not isinstance(about, dict) or not isinstance(about.get("features"), list):
            raise BundleInvalid(f"The manifest of {folder} does not describe its model.")
        arrays = _read_arrays(contents["model"], folder)
        model = Model.from_arrays(
            str(about.get("kind")), about["features"], scenario.feature_names, arrays, about.get("info", {})
        )
    return Bundle(scenario, model, _fingerprint(manifest))


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a bundle, checked in form.

    Raises
    ------
    BundleInvalid
        When there is none, or it is not one of ours.
    """
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_bytes())
    except OSError as error:
        raise BundleInvalid(f"{folder} holds no bundle: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        raise BundleInvalid(f"{path} is damaged: {error}.") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        found = manifest.get("format") if isinstance(manifest, dict) else None
        raise BundleInvalid(f"{path} is not of format {FORMAT}, but {found!r}.")
    parts = manifest.get("parts")
    names = {*PARTS, "model"}
    if not isinstance(parts, dict) or not set(PARTS) <= set(parts) <= names:
        raise BundleInvalid(f"{path} does not name the parts {', '.join(PARTS)}.")
    for name, file in parts.items():
        stem, _, ending = str(file).partition(".")
        if len(stem) != 64 or set(stem) - set("0123456789abcdef") or ending != _ending(name):
            raise BundleInvalid(f"{path} names the part {name} by {file!r}, which is no content hash.")
    return manifest


def _contents(scenario: Scenario, model: Model | None) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The manifest and the files of a bundle."""
    files: dict[str, bytes] = {}
    parts: dict[str, str] = {}
    for name in PARTS:
        _add(files, parts, name, canonical(scenario.parts[name]))
    manifest: dict[str, Any] = {"format": FORMAT, "scenario": scenario.name, "parts": parts}
    if model is not None:
        _add(files, parts, "model", _pack(model.arrays()))
        manifest["model"] = {"kind": model.kind, "features": list(model.features), "info": dict(model.info)}
    return manifest, files


def _add(files: dict[str, bytes], parts: dict[str, str], name: str, content: bytes) -> None:
    parts[name] = f"{hashlib.sha256(content).hexdigest()}.{_ending(name)}"
    files[parts[name]] = content


def _ending(part: str) -> str:
    return "npz" if part == "model" else "json"


def _fingerprint(manifest: Mapping[str, Any]) -> str:
    named = {"parts": manifest["parts"], "scenario": manifest["scenario"]}
    if "model" in manifest:
        named["model"] = {key: manifest["model"][key] for key in ("kind", "features")}
    return hashlib.sha256(canonical(named)).hexdigest()


def _pack(arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """Arrays as one npz whose bytes depend on nothing but them (no time stamps, fixed order)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name in sorted(arrays):
            content = io.BytesIO()
            np.lib.format.write_array(content, np.ascontiguousarray(arrays[name]), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0)), content.getvalue(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _read_arrays(content: bytes, folder: Path) -> dict[str, npt.NDArray[Any]]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _SIZE_LIMIT:
                raise BundleInvalid(f"The model in {folder} is larger than {_SIZE_LIMIT} bytes.")
            return {
                name.removesuffix(".npy"): np.lib.format.read_array(
                    io.BytesIO(archive.read(name)), allow_pickle=False
                )
                for name in archive.namelist()
            }
    except (ValueError, zipfile.BadZipFile, KeyError, EOFError, OSError) as error:
        raise BundleInvalid(f"The model in {folder} cannot be read: {error}") from error


def _read_part(folder: Path, name: str, file: str) -> bytes:
    path = folder / "parts" / file
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BundleInvalid(f"The part {name} of {folder} is missing: {error.strerror or error}.") from error
    if hashlib.sha256(content).hexdigest() != file.partition(".")[0]:
        raise BundleInvalid(f"The part {name} of {folder} is damaged: its content does not match its hash.")
    return content


def _write_durably(path: Path, content: bytes) -> None:
    """Write beside and rename, so that a crash leaves the whole file or none."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)
