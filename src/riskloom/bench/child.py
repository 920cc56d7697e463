"""Servers started for a measurement, on loopback, on a core of their own, and ended with it."""

from __future__ import annotations

import contextlib
import http.client
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from riskloom.bench.machine import only_core
from riskloom.errors import StoreUnavailable

START_S = 300.0
STOP_S = 60.0
PAUSE_S = 0.01
_ADDRESS = re.compile(rb"http://127\.0\.0\.1:(\d+)")


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    port: int
    process: int
    ready_s: float
    """Seconds from the start of its process until it said that it is ready."""


@contextlib.contextmanager
def serving(arguments: Sequence[str], path: str = "/api/v1/readiness") -> Iterator[Server]:
    """Run `python ARGUMENTS` on the first core until the block ends; it names its address on stderr.

    Raises
    ------
    StoreUnavailable
        When it does not answer 200 at `path` in time; quotes what it said.
    """
    with tempfile.TemporaryFile() as said:
        begun = time.perf_counter()
        with only_core(0):
            process = subprocess.Popen(  # noqa: S603 (our own interpreter and arguments)
                [sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=said
            )
        try:
            port = _wait(process, said, path, begun)
            yield Server(port, process.pid, time.perf_counter() - begun)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(process: subprocess.Popen[bytes], said: object, path: str, begun: float) -> int:
    while time.perf_counter() - begun < START_S and process.poll() is None:
        found = _ADDRESS.search(_words(said))
        if found and _answers(int(found[1]), path):
            return int(found[1])
        time.sleep(PAUSE_S)
    tail = _words(said)[-500:].decode(errors="replace")
    raise StoreUnavailable(f"The server to be measured did not start: {tail}")


def _words(said: object) -> bytes:
    said.seek(0)  # type: ignore[attr-defined]
    read: bytes = said.read()  # type: ignore[attr-defined]
    return read


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
