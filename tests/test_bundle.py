"""A bundle comes back as it was, and is refused when it is anything but what was written."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from riskloom.bundle import Bundle, make_bundle, read_bundle, write_bundle
from riskloom.errors import BundleInvalid
from riskloom.pipeline import Pipeline
from riskloom.scenario.scenario import canonical


@pytest.fixture
def folder(trained: Bundle, tmp_path: Path) -> Path:
    """A trained bundle on disk."""
    return write_bundle(trained, tmp_path / "bundle")


def files(folder: Path) -> dict[str, bytes]:
    """Every file with its bytes."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def forge(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the manifest and sign it again, as an attacker can."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_bytes())
    change(manifest)
    said = {key: value for key, value in manifest.items() if key != "sha256"}
    signed = {**said, "sha256": hashlib.sha256(canonical(said)).hexdigest()}
    path.write_bytes(json.dumps(signed, indent=2, sort_keys=True, ensure_ascii=False).encode() + b"\n")


def put_part(folder: Path, name: str, content: bytes) -> None:
    """Replace a part by content whose hash is right."""
    ending = "npz" if name == "model" else "json"
    file = f"{hashlib.sha256(content).hexdigest()}.{ending}"
    (folder / "parts" / file).write_bytes(content)
    forge(folder, lambda manifest: manifest["parts"].update({name: file}))


def test_a_bundle_comes_back_as_it_was(trained: Bundle, folder: Path) -> None:
    again = read_bundle(folder)
    assert again.fingerprint == trained.fingerprint
    assert again.scenario.parts == trained.scenario.parts
    assert again.scenario.main_entity == trained.scenario.main_entity
    assert again.model is not None
    assert trained.model is not None
    assert again.model.info == trained.model.info
    vectors = np.random.default_rng(3).normal(size=(50, len(trained.scenario.feature_names)))
    for mine, theirs in zip(
        again.model.score_many(vectors)[:2], trained.model.score_many(vectors)[:2], strict=True
    ):
        assert mine.tobytes() == theirs.tobytes()


def test_the_same_bundle_is_the_same_bytes(trained: Bundle, folder: Path, tmp_path: Path) -> None:
    assert files(write_bundle(trained, tmp_path / "again")) == files(folder)
    assert files(write_bundle(read_bundle(folder), tmp_path / "third")) == files(folder)


def test_a_scenario_without_a_model_is_a_bundle_too(bundle: Bundle, tmp_path: Path) -> None:
    again = read_bundle(write_bundle(bundle, tmp_path / "rules"))
    assert again.model is None
    assert again.fingerprint == bundle.fingerprint
    Pipeline(again)


def test_writing_the_same_again_changes_nothing(trained: Bundle, folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    write_bundle(trained, folder)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_a_bundle_is_never_written_over(bundle: Bundle, folder: Path, tmp_path: Path) -> None:
    before = files(folder)
    with pytest.raises(BundleInvalid, match="immutable"):
        write_bundle(bundle, folder)
    assert files(folder) == before
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("x")
    with pytest.raises(BundleInvalid, match="not empty"):
        write_bundle(bundle, tmp_path / "full")
    with pytest.raises(BundleInvalid, match="is a file"):
        write_bundle(bundle, tmp_path / "full" / "mine.txt")


def test_what_an_interrupted_writing_left_is_completed(bundle: Bundle, folder: Path, trained: Bundle) -> None:
    whole = files(folder)
    (folder / "manifest.json").unlink()
    with pytest.raises(BundleInvalid, match="holds no bundle"):
        read_bundle(folder)
    write_bundle(trained, folder)
    assert files(folder) == whole


def test_a_byte_changed_anywhere_is_refused(folder: Path) -> None:
    chance = np.random.default_rng(1)
    for name, content in files(folder).items():
        everywhere = (
            range(len(content)) if len(content) < 100 else chance.integers(0, len(content), 60).tolist()
        )
        for at in [0, len(content) - 1, *everywhere]:
            damaged = bytearray(content)
            damaged[at] ^= 1 << int(chance.integers(0, 8))
            (folder / name).write_bytes(damaged)
            with pytest.raises(BundleInvalid, match=r"damaged|format|part|describe|holds"):
                read_bundle(folder)
        (folder / name).write_bytes(content)
    read_bundle(folder)


@pytest.mark.parametrize("keep", [0, 1, 100, -1])
def test_a_file_cut_short_is_refused(folder: Path, keep: int) -> None:
    for name, content in files(folder).items():
        if keep < len(content):
            (folder / name).write_bytes(content[:keep])
            with pytest.raises(BundleInvalid):
                read_bundle(folder)
            (folder / name).write_bytes(content)


def test_a_part_that_is_gone_is_named(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_bytes())
    (folder / "parts" / manifest["parts"]["rules"]).unlink()
    with pytest.raises(BundleInvalid, match="part rules"):
        read_bundle(folder)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{}", b"[]", b"null", b"\xff", b"{", b"[" * 100_000, b'{"format": "mlflow"}',
        b'{"format": "riskloom-bundle-2"}',
        b'{"format": "riskloom-bundle-1"}', b'{"format": "riskloom-bundle-1", "parts": []}',
        b'{"format": "riskloom-bundle-1", "parts": {"features": 1}}',
    ],
)  # fmt: skip
def test_a_foreign_manifest_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(BundleInvalid):
        read_bundle(tmp_path)


def test_a_folder_without_a_bundle_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(BundleInvalid, match="holds no bundle"):
            read_bundle(path)


@pytest.mark.parametrize(
    "file",
    [
        "../../../etc/passwd", "../manifest.json", "/etc/passwd", "a" * 64 + ".json/../../manifest.json",
        "A" * 64 + ".json",
        "a" * 63 + ".json", "a" * 64, "a" * 64 + ".npz", "a" * 64 + ".json\0", "", None, 3, ["a"], {"a": 1},
    ],
)  # fmt: skip
def test_a_part_is_named_by_its_hash_and_nothing_else(folder: Path, file: object) -> None:
    forge(folder, lambda manifest: manifest["parts"].update({"rules": file}))
    with pytest.raises(BundleInvalid, match=r"no content hash|damaged"):
        read_bundle(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.update(scenario="other"),
        lambda m: m.update(scenario=None),
        lambda m: m.pop("scenario"),
        lambda m: m.pop("model"),
        lambda m: m.update(model=3),
        lambda m: m["model"].update(kind="../evil"),
        lambda m: m["model"].update(kind="trees"),
        lambda m: m["model"].update(kind=3),
        lambda m: m["model"].update(info=[1]),
        lambda m: m["model"].update(features=3),
        lambda m: m["model"].update(features=[3]),
        lambda m: m["model"].update(features=["nothing"] * 55),
        lambda m: m["model"]["features"].pop(),
        lambda m: m["model"]["features"].append("novelty"),
        lambda m: m["parts"].pop("model"),
        lambda m: m["parts"].pop("rates"),
        lambda m: m["parts"].update(extra=m["parts"]["rules"]),
        lambda m: m["parts"].update(rules=m["parts"]["rates"]),
        lambda m: m["parts"].update(features=m["parts"]["policy"]),
    ],
)
def test_a_forged_manifest_with_a_right_hash_is_refused(
    folder: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    forge(folder, change)
    with pytest.raises(BundleInvalid):
        read_bundle(folder)


@pytest.mark.parametrize(
    "content", [b"", b"[", b"[" * 100_000, b"3", b'{"scenario": 3}', b"1" * 5000, b'"\\ud800"', b"\xff"]
)
@pytest.mark.parametrize("name", ["features", "detector", "rules", "policy", "rates"])
def test_a_forged_part_is_refused_or_means_nothing(folder: Path, name: str, content: bytes) -> None:
    put_part(folder, name, content)
    with pytest.raises(BundleInvalid):
        read_bundle(folder)


def npz(**arrays: Any) -> bytes:
    """What numpy itself writes."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def npy(header: str, body: bytes = b"") -> bytes:
    """An archive with one array of any header."""
    text = header.encode().ljust(118) + b"\n"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("usual.npy", b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + body)
    return buffer.getvalue()


class Evil:
    """Runs code when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("a pickle was run",))


def _bomb() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("usual.npy", b"\0" * (1 << 24))
    content = bytearray(buffer.getvalue())
    at = content.rindex(b"PK\x01\x02") + 24
    content[at : at + 4] = (1 << 31).to_bytes(4, "little")
    return bytes(content)


HEADER = "{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}"


@pytest.mark.parametrize(
    "content",
    [
        b"", b"PK", b"\x80\x04.",
        npz(usual=np.zeros(3)),
        npz(usual=np.array([Evil()], object)),
        npy(HEADER.format("|O", "(1,)"), b"\x80\x04."),
        npy(HEADER.format("<f8", "(1000000000000,)")),
        npy(HEADER.format("<f8", "(-1,)")),
        npy(HEADER.format("<f8", "(4611686018427387904, 4)")),
        npy(HEADER.format("<f8", "(True,)"), b"\0" * 8),
        npy(HEADER.format("nonsense", "(1,)"), b"\0" * 8),
        npy("__import__('os').system('false')"),
        npy("(" * 110),
        _bomb(),
    ],
)  # fmt: skip
def test_a_forged_model_is_refused_and_runs_nothing(folder: Path, content: bytes) -> None:
    put_part(folder, "model", content)
    with pytest.raises(BundleInvalid):
        read_bundle(folder)


def test_a_model_with_an_array_changed_or_missing_is_refused_or_scores(
    trained: Bundle, folder: Path, tmp_path: Path
) -> None:
    assert trained.model is not None
    whole = trained.model.arrays()
    for name in whole:
        for wrong in (
            None,
            whole[name][:0],
            whole[name].astype(np.complex64),
            np.array(["x"]),
            whole[name][..., None],
        ):
            arrays = {key: array for key, array in whole.items() if key != name}
            put_part(folder, "model", npz(**arrays) if wrong is None else npz(**arrays, **{name: wrong}))
            with pytest.raises(BundleInvalid):
                read_bundle(folder)


def test_a_changed_part_makes_a_new_manifest_over_the_same_others(bundle: Bundle, tmp_path: Path) -> None:
    from riskloom.scenario.load import scenario_from_parts

    parts = dict(bundle.scenario.parts)
    other = make_bundle(scenario_from_parts({**parts, "policy": {"percentile": 90}}), None)
    assert other.fingerprint != bundle.fingerprint
    one, two = files(write_bundle(bundle, tmp_path / "1")), files(write_bundle(other, tmp_path / "2"))
    assert len(set(one) & set(two)) == len(one) - 1  # all but the policy
    shutil.rmtree(tmp_path / "1")
