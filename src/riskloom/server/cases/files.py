"""The contents of files: kept once under their SHA-256, durable before anything names them.

A name is for people only and never part of a path here.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import msgspec

from riskloom.errors import Fault, NotFound, ParameterInvalid, StoreUnavailable, show

LONGEST_NAME = 200
_DIGEST = re.compile(r"[0-9a-f]{64}")
_OFFICE = "application/vnd.openxmlformats-officedocument."


def _begins(*starts: bytes) -> Callable[[bytes], bool]:
    return lambda content: content.startswith(starts)


def _is_text(content: bytes) -> bool:
    try:
        return "\x00" not in content.decode("utf-8")
    except UnicodeDecodeError:
        return False


def _is_json(content: bytes) -> bool:
    try:
        msgspec.json.decode(content)
    except msgspec.DecodeError:
        return False
    return True


MEDIA_TYPES: Mapping[str, Callable[[bytes], bool]] = MappingProxyType(
    {
        "application/pdf": _begins(b"%PDF-"),
        "image/png": _begins(b"\x89PNG\r\n\x1a\n"),
        "image/jpeg": _begins(b"\xff\xd8\xff"),
        "image/webp": lambda content: content[:4] == b"RIFF" and content[8:12] == b"WEBP",
        "text/plain": _is_text,
        "text/csv": _is_text,
        "application/json": _is_json,
        "message/rfc822": lambda content: b"\x00" not in content,
        "application/zip": _begins(b"PK\x03\x04", b"PK\x05\x06"),
        f"{_OFFICE}wordprocessingml.document": _begins(b"PK\x03\x04"),
        f"{_OFFICE}spreadsheetml.sheet": _begins(b"PK\x03\x04"),
    }
)
"""What is taken, and how its content shows that it is that. Nothing that a browser would run."""


def check_file(name: str, media_type: str, content: bytes) -> None:
    """Let a file pass whose name is plain and whose content is what it says.

    Raises
    ------
    ParameterInvalid
        With every fault.
    """
    faults = []
    if not _is_plain(name):
        expected = f"a file's name of 1 to {LONGEST_NAME} characters, without a path"
        faults.append(Fault("name", expected, show(name)))
    looks_so = MEDIA_TYPES.get(media_type)
    if looks_so is None:
        known = ", ".join(MEDIA_TYPES)
        faults.append(Fault("content-type", f"one of {known}", show(media_type)))
    elif not content:
        faults.append(Fault("body", "the file", "nothing"))
    elif not looks_so(content):
        faults.append(Fault("body", f"what {media_type} holds", show(content[:16])))
    if faults:
        raise ParameterInvalid(faults)


def _is_plain(name: str) -> bool:
    """Whether a name has nothing in it that is a path, a control, or turns writing round."""
    if not 1 <= len(name) <= LONGEST_NAME or name.strip() != name or name.startswith("."):
        return False
    return not any(mark in '/\\:*?"<>|' or unicodedata.category(mark)[0] == "C" for mark in name)


class FileStore:
    """A folder of contents."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, content: bytes) -> str:
        """Keep a content; its SHA-256. When this returns it has reached the disk.

        Raises
        ------
        StoreUnavailable
        """
        digest = _digest(content)
        path = self._path(digest)
        try:
            if not path.is_file() or _digest(path.read_bytes()) != digest:
                path.parent.mkdir(parents=True, exist_ok=True)
                _write(path, content)
                _sync_folder(path.parent)
        except OSError as error:
            raise StoreUnavailable(
                f"The file could not be stored: {error.strerror}", hint="try again"
            ) from error
        return digest

    def get(self, digest: str) -> bytes:
        """A content, which is what was put.

        Raises
        ------
        NotFound, StoreUnavailable
        """
        try:
            content = self._path(digest).read_bytes()
        except FileNotFoundError as error:
            raise NotFound(
                "The content of this file is not on this disk.",
                hint="restore it from a backup of the data folder",
            ) from error
        except OSError as error:
            raise StoreUnavailable(f"The file cannot be read: {error.strerror}", hint="try again") from error
        if _digest(content) != digest:
            raise StoreUnavailable("The file was damaged on this disk.", hint="restore it from a backup")
        return content

    def _path(self, digest: str) -> Path:
        if not _DIGEST.fullmatch(digest):
            raise NotFound("There is no such file.")
        return self._folder / digest[:2] / digest


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _write(path: Path, content: bytes) -> None:
    """Write beside, then rename: the name never stands for half a content."""
    descriptor, beside = tempfile.mkstemp(dir=path.parent, prefix=".")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(beside).replace(path)
    finally:
        Path(beside).unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
