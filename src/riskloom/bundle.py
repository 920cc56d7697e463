"""A bundle: one immutable folder with everything a decision depends on besides the event and the history.

    DIR/manifest.json            names the parts by content hash, and its own
    DIR/parts/<sha256>.json      features, model, rules, policy, rates; where declared lists, alerts, cases
    DIR/parts/<sha256>.npz       what the model learned, as arrays

No pickle, nothing executable. Changing one part makes a new manifest over the same other parts.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import math
import os
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from riskloom.errors import BundleInvalid, ParameterInvalid, RiskloomError, show
from riskloom.model import Model
from riskloom.scenario.load import scenario_from_parts
from riskloom.scenario.scenario import Scenario, canonical

FORMAT = "riskloom-bundle-1"
PARTS = ("features", "model", "rules", "policy", "rates")
OPTIONAL_PARTS = ("lists", "alerts", "cases")
ARRAYS = "arrays"
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
    if folder.exists() and not folder.is_dir():
        raise BundleInvalid(f"{folder} is a file.", hint="choose a new folder")
    if path.exists():
        if read_manifest(folder)["parts"] == manifest["parts"]:
            return folder
        raise BundleInvalid(
            f"{folder} holds another bundle, and bundles are immutable.", hint="choose a new folder"
        )
    if folder.exists() and any(entry.name != "parts" for entry in folder.iterdir()):
        raise BundleInvalid(f"{folder} is not empty and holds no bundle.", hint="choose a new folder")
    (folder / "parts").mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        _write_durably(folder / "parts" / name, content)
    _write_durably(path, _manifest_text(manifest))
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
        scenario = scenario_from_parts(
            {name: json.loads(contents[name]) for name in contents if name != ARRAYS}
        )
    except (ValueError, RecursionError, RiskloomError) as error:
        raise BundleInvalid(f"The parts of {folder} do not make a scenario: {error}") from error
    if scenario.name != manifest["scenario"]:
        raise BundleInvalid(f"The manifest of {folder} names another scenario than its parts.")
    model = _read_model(folder, manifest["model"], contents[ARRAYS], scenario) if ARRAYS in contents else None
    return Bundle(scenario, model, _fingerprint(manifest))


def _read_model(folder: Path, about: Mapping[str, Any], content: bytes, scenario: Scenario) -> Model:
    arrays = _read_arrays(content, folder)
    try:
        return Model.from_arrays(about, scenario.feature_names, arrays)
    except ParameterInvalid as error:
        raise BundleInvalid(f"The model of {folder} is of no known kind: {error}") from error


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a bundle, checked in form.

    Raises
    ------
    BundleInvalid
        When there is none, or it is not one of ours.
    """
    path = folder / MANIFEST
    try:
        content = path.read_bytes()
        manifest = json.loads(content)
    except OSError as error:
        raise BundleInvalid(f"{folder} holds no bundle: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        raise BundleInvalid(f"{path} is damaged: {error}.") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        found = manifest.get("format") if isinstance(manifest, dict) else None
        raise BundleInvalid(f"{path} is not of format {FORMAT}, but {show(found)}.")
    parts = manifest.get("parts")
    names = {*PARTS, *OPTIONAL_PARTS, ARRAYS}
    if not isinstance(parts, dict) or not set(PARTS) <= set(parts) <= names:
        raise BundleInvalid(f"{path} does not name the parts {', '.join(PARTS)}.")
    for name, file in parts.items():
        if not _is_part_name(name, file):
            raise BundleInvalid(f"{path} names the part {name} by {show(file)}, which is no content hash.")
    if not isinstance(manifest.get("scenario"), str) or not _describes_model(manifest):
        raise BundleInvalid(f"{path} does not describe its scenario and model.")
    if not _is_untouched(manifest, content):
        raise BundleInvalid(f"{path} is damaged or was edited: its content does not match its hash.")
    return manifest


def _is_untouched(manifest: Mapping[str, Any], content: bytes) -> bool:
    try:
        return content == _manifest_text(manifest)
    except (ValueError, RecursionError):  # text that no manifest of ours can hold
        return False


def _is_part_name(name: str, file: object) -> bool:
    stem, _, ending = str(file).partition(".")
    plain = isinstance(file, str) and len(stem) == 64 and not set(stem) - set("0123456789abcdef")
    return plain and ending == _ending(name)


def _describes_model(manifest: Mapping[str, Any]) -> bool:
    """Whether a manifest tells of a model just when it has one, and tells enough to use it."""
    if ARRAYS not in manifest["parts"]:
        return "model" not in manifest
    about = manifest.get("model")
    if not isinstance(about, dict) or not isinstance(about.get("info"), dict):
        return False
    members = about.get("members")
    return (
        isinstance(members, list)
        and bool(members)
        and all(isinstance(member, dict) and isinstance(member.get("name"), str) for member in members)
        and all(isinstance(told.get("kind"), str) for told in (about, *members))
        and all(_are_names(told.get("features")) for told in (about, *members))
    )


def _are_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _manifest_text(manifest: Mapping[str, Any]) -> bytes:
    """The one text a manifest has, with the hash of all it says."""
    said = {key: value for key, value in manifest.items() if key != "sha256"}
    signed = {**said, "sha256": hashlib.sha256(canonical(said)).hexdigest()}
    return json.dumps(signed, indent=2, sort_keys=True, ensure_ascii=False).encode() + b"\n"


def _contents(scenario: Scenario, model: Model | None) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The manifest and the files of a bundle."""
    files: dict[str, bytes] = {}
    parts: dict[str, str] = {}
    for name in (*PARTS, *(name for name in OPTIONAL_PARTS if name in scenario.parts)):
        _add(files, parts, name, canonical(scenario.parts[name], ordered=True))
    manifest: dict[str, Any] = {"format": FORMAT, "scenario": scenario.name, "parts": parts}
    if model is not None:
        _add(files, parts, ARRAYS, _pack(model.arrays()))
        manifest["model"] = model.about()
    return manifest, files


def _add(files: dict[str, bytes], parts: dict[str, str], name: str, content: bytes) -> None:
    parts[name] = f"{hashlib.sha256(content).hexdigest()}.{_ending(name)}"
    files[parts[name]] = content


def _ending(part: str) -> str:
    return "npz" if part == ARRAYS else "json"


def _fingerprint(manifest: Mapping[str, Any]) -> str:
    named = {"parts": manifest["parts"], "scenario": manifest["scenario"]}
    if "model" in manifest:
        named["model"] = {key: manifest["model"][key] for key in ("kind", "features", "members")}
    return hashlib.sha256(canonical(named)).hexdigest()


def _pack(arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """Arrays as one npz whose bytes depend on nothing but them.

    No time stamps, a fixed order, and stored as they are: compressed bytes differ from one zlib to the next.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(arrays):
            content = io.BytesIO()
            array = arrays[name]
            plain = array if array.flags.c_contiguous else array.copy(order="C")
            np.lib.format.write_array(content, plain, version=(1, 0), allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0))
            entry.create_system = 3  # the same on every machine
            archive.writestr(entry, content.getvalue())
    return buffer.getvalue()


def _read_arrays(content: bytes, folder: Path) -> dict[str, npt.NDArray[Any]]:
    arrays: dict[str, npt.NDArray[Any]] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _SIZE_LIMIT:
                raise BundleInvalid(f"The model in {folder} is larger than {_SIZE_LIMIT} bytes.")
            for entry in archive.infolist():
                name = entry.filename.removesuffix(".npy")
                if name in arrays:
                    raise BundleInvalid(f"The model in {folder} holds {show(name)} twice.")
                arrays[name] = _read_array(archive.read(entry))
    except _UNREADABLE as error:
        raise BundleInvalid(f"The model in {folder} cannot be read: {error}") from error
    return arrays


_UNREADABLE = (
    ValueError, KeyError, EOFError, OSError, NotImplementedError, RuntimeError, MemoryError, OverflowError,
    TypeError, SyntaxError, tokenize.TokenError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What zipfile and numpy raise for bytes that somebody else wrote."""


def _read_array(content: bytes) -> npt.NDArray[Any]:
    """One array; numpy would make room for any shape that its header claims, so that is checked first."""
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    if version != (1, 0):
        raise ValueError(f"an array of version {version}")
    shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    if dtype.hasobject or math.prod(shape) * dtype.itemsize != len(content) - file.tell():
        raise ValueError(f"an array of {dtype} and shape {shape} in {len(content)} bytes")
    return np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)


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
    with contextlib.suppress(PermissionError):  # systems where a folder cannot be opened
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
