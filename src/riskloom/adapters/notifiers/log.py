"""`log`: notices as JSON lines in a file, rotated by size; several processes may write one file.

log://alerts.log?max_mb=10&keep=5      beside the server's data
log:///var/log/riskloom/alerts.log     anywhere
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from riskloom.adapters.notifiers.words import Address, as_json
from riskloom.errors import Undelivered
from riskloom.ports.notifier import Notice


class LogFile:
    """Writes each notice durably: it is on the disk when `send` returns."""

    def __init__(self, path: Path, max_bytes: int, keep: int) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._keep = keep
        self.url = f"log://{path}"

    async def send(self, notice: Notice) -> str:
        """Append a line."""
        try:
            return await asyncio.to_thread(self._append, as_json(notice).encode() + b"\n")
        except OSError as error:
            raise Undelivered(f"{self._path} cannot be written: {error.strerror or error}.") from error

    async def close(self) -> None:
        """Nothing stays open."""

    def _append(self, line: bytes) -> str:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._alone():
            self._make_room(len(line))
            descriptor = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o640)
            try:
                end = os.fstat(descriptor).st_size
                if end and os.pread(descriptor, 1, end - 1) != b"\n":  # a crash tore the line before
                    line = b"\n" + line
                while line:
                    line = line[os.write(descriptor, line) :]
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        return ""

    def _make_room(self, size: int) -> None:
        try:
            full = self._path.stat().st_size + size > self._max_bytes
        except FileNotFoundError:
            return
        if not full:
            return
        for number in range(self._keep - 1, 0, -1):
            with contextlib.suppress(FileNotFoundError):
                os.replace(self._numbered(number), self._numbered(number + 1))
        if self._keep:
            os.replace(self._path, self._numbered(1))
        else:
            self._path.unlink()

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """One writer at a time, of all processes: the file that is written to must not be rotated away."""
        with self._path.with_name(f".{self._path.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def open_notifier(url: str, where: str, folder: Path) -> LogFile:
    """The file of a URL; makes nothing."""
    address = Address(url, where)
    address.only(("max_mb", "keep"))
    path = unquote(address.parts.netloc + address.parts.path)
    if not path.strip("/") or path.endswith("/"):
        address.refuse("log://FILE", "no file")
    return LogFile(
        folder / path, address.number("max_mb", 10, 1, 10_000) << 20, address.number("keep", 5, 0, 100)
    )
