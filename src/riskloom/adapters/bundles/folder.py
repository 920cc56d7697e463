"""Bundles in a folder, on this machine or on a disk that several share.

    DIR/parts/<sha256>                              every published file, once however many versions have it
    DIR/scenarios/<scenario>/<number>.json          the log, one file a record

A file is written beside and linked to its name when it is whole, so that a crash leaves all of it or nothing
that anyone reads; a name that is taken is never written again.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from riskloom.errors import BundleInvalid, Fault, ParameterInvalid, StoreUnavailable
from riskloom.ports.bundle_store import Package, Saved, Standing, Tail

_DIGITS = 8


def open_store(url: str) -> FolderStore:
    """The store in a folder, given as a path or as file:///path; the folder need not be there yet.

    Raises
    ------
    ParameterInvalid
    """
    if not url.lower().startswith("file:"):
        return FolderStore(Path(url))
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost") or not parts.path.strip("/") or parts.query or parts.fragment:
        raise ParameterInvalid(Fault("registry", "file:///absolute/path", repr(url)))
    return FolderStore(Path(unquote(parts.path)))


class FolderStore:
    """See the module."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._parts = root / "parts"
        self._logs = root / "scenarios"

    @property
    def url(self) -> str:
        """The folder."""
        return str(self._root)

    def scenarios(self) -> tuple[str, ...]:
        """The scenarios that have a log, sorted."""
        with self._reading():
            return tuple(sorted(name for name in _names(self._logs) if self._numbers(name)))

    def save(self, package: Package) -> Saved:
        """Keep a package's files; those that are there and whole are left alone."""
        with self._writing():
            self._parts.mkdir(parents=True, exist_ok=True)
            for content in package.files.values():
                sha256 = hashlib.sha256(content).hexdigest()
                path = self._parts / sha256
                if not _holds(path, sha256):
                    with _beside(path, content) as beside:
                        os.replace(beside, path)
            _sync(self._parts)
            _sync(self._root)
        return Saved("")

    def read(self, scenario: str, place: str, path: str, sha256: str) -> bytes:
        """One file, by its hash."""
        part = self._parts / sha256
        with self._reading():
            try:
                return part.read_bytes()
            except FileNotFoundError as error:
                raise BundleInvalid(
                    f"{path} of a version of {scenario} is missing: there is no {part}.",
                    hint="restore it from a backup, or publish the same bundle again",
                ) from error

    def tail(self, scenario: str, after: int) -> Tail:
        """The records above `after`."""
        with self._reading():
            numbers = self._numbers(scenario)
            newer = [number for number in numbers if number > after]
            records = tuple((number, self._record(scenario, number).read_bytes()) for number in newer)
        return Tail(records, max(numbers, default=0) + 1)

    def append(self, scenario: str, number: int, record: bytes, summary: str) -> bool:
        """Link the record to its number; a number that is taken cannot be linked to."""
        path = self._record(scenario, number)
        with self._writing():
            path.parent.mkdir(parents=True, exist_ok=True)
            with _beside(path, record) as beside:
                try:
                    os.link(beside, path)
                except FileExistsError:
                    return False
            for folder in (path.parent, self._logs, self._root):
                _sync(folder)
        return True

    def reflect(self, scenario: str, standings: Sequence[Standing]) -> None:
        """A folder has no terms of its own."""

    def _record(self, scenario: str, number: int) -> Path:
        return self._logs / scenario / f"{number:0{_DIGITS}d}.json"

    def _numbers(self, scenario: str) -> list[int]:
        stems = (name.removesuffix(".json") for name in _names(self._logs / scenario))
        return sorted(int(stem) for stem in stems if len(stem) >= _DIGITS and stem.isdecimal())

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreUnavailable(
                f"The registry in {self._root} cannot be read: {error.strerror or error}.",
                hint="is it a folder that you may read?",
            ) from error

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreUnavailable(
                f"The registry in {self._root} cannot be written: {error.strerror or error}.",
                hint="it must be a folder that you may write, with room, on a disk that knows hard links",
            ) from error


def _names(folder: Path) -> list[str]:
    """What is in a folder, without what is being written; nothing when there is no folder."""
    try:
        return [name for name in os.listdir(folder) if not name.startswith(".")]
    except FileNotFoundError:
        return []


def _holds(path: Path, sha256: str) -> bool:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == sha256
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def _beside(path: Path, content: bytes) -> Iterator[Path]:
    """A durable file beside `path` with the content that it is to have; gone afterwards."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with beside.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield beside
    finally:
        beside.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    """Make the names in a folder durable, where the system lets a folder be opened."""
    with contextlib.suppress(PermissionError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
