"""`riskloom serve` as a process of its own, as users run it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from support.databases import Database
from support.events import payment

COMMAND = [sys.executable, "-c", "from riskloom.cli.main import main; main()"]
START_S = 120  # the first start after a change compiles
_SERVING = re.compile(r"on (http://\S+:\d+)")


def environment(**settings: str) -> dict[str, str]:
    """This process's environment without settings of the server, and with these."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RISKLOOM_")}
    return {**kept, **{f"RISKLOOM_{name.upper()}": value for name, value in settings.items()}}


def run(
    *words: str, cwd: Path, timeout_s: float = START_S, **settings: str
) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself."""
    return subprocess.run(
        [*COMMAND, *words],
        cwd=cwd,
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


class Process:
    """A running server. What it says is kept in `said`."""

    def __init__(self, database: Database, *words: str, **settings: str) -> None:
        given = [
            "serve",
            "--database",
            database.url,
            "--data-dir",
            str(database.data_dir),
            "--port",
            "0",
            *words,
        ]
        self.said: list[str] = []
        self._popen = subprocess.Popen(
            [*COMMAND, *given],
            env=environment(**settings),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.url = ""
        self._ready = threading.Event()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        if not self._ready.wait(START_S) or not self.url:
            self.kill()
            raise AssertionError("the server did not start: " + "".join(self.said))

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._popen.pid

    def client(self, **given: Any) -> httpx.Client:
        """A client of its own connection."""
        return httpx.Client(base_url=self.url, timeout=30, **given)

    def kill(self) -> None:
        """SIGKILL: nothing is committed, closed or written after it."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM, as an orderly end; its exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> int:
        self._popen.send_signal(how)
        code = self._popen.wait(30)
        self._listener.join(10)
        return code

    def _listen(self) -> None:
        stream = self._popen.stderr
        if stream is None:
            return
        with stream:
            for line in stream:
                self.said.append(line)
                found = _SERVING.search(line)
                if found:
                    self.url = found[1]
                    self._ready.set()
        self._ready.set()


@contextlib.contextmanager
def serve(database: Database, *words: str, **settings: str) -> Iterator[Process]:
    """A server until the block ends; then it must end well, unless it was killed."""
    process = Process(database, *words, **settings)
    try:
        yield process
        if process._popen.poll() is None:
            assert process.stop() == 0, "".join(process.said)
    finally:
        if process._popen.poll() is None:
            process.kill()


@dataclass
class Load:
    """Clients that send events until the server is gone, and remember what was sent and what was
    acknowledged."""

    clients: int = 8
    sent: dict[str, dict[str, Any]] = field(default_factory=dict)
    acknowledged: dict[str, int] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)
    _number: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self, process: Process) -> list[threading.Thread]:
        """Begin; the threads end when the server is gone."""
        threads = [threading.Thread(target=self._work, args=(process, n)) for n in range(self.clients)]
        for thread in threads:
            thread.start()
        return threads

    def wait_for(self, count: int, what: str) -> None:
        """Until so many events were `acknowledged` or `refused`."""
        deadline = time.monotonic() + 30
        while len(getattr(self, what)) < count:
            assert time.monotonic() < deadline, f"{len(getattr(self, what))} of {count} {what}"
            time.sleep(0.01)

    def retry(self, process: Process) -> None:
        """Send again what was not acknowledged: each must be taken once."""
        with process.client() as client:
            for event_id, event in sorted(self.sent.items()):
                if event_id not in self.acknowledged:
                    answer = client.post("/api/v1/score", json=event)
                    assert answer.status_code == 200, answer.text
                    self.acknowledged[event_id] = answer.json()["arrival"]

    def _next(self, count: int) -> list[dict[str, Any]]:
        with self._lock:
            numbers = range(self._number, self._number + count)
            self._number += count
            events = [
                payment(
                    f"l-{n}",
                    timestamp=None,
                    user_id=f"u-{n % 13}",
                    device_id=f"d-{n % 29}",
                    amount=1 + n % 50,
                )
                for n in numbers
            ]
            self.sent |= {event["event_id"]: event for event in events}
        return events

    def _work(self, process: Process, which: int) -> None:
        with process.client() as client, contextlib.suppress(httpx.TransportError):
            while not self.stopped.is_set():
                if which == 0:
                    answer = client.post("/api/v1/score/batch", json={"events": self._next(20)})
                    results = answer.json().get("results", [answer.json()])
                elif which == 1:
                    answer = client.post("/api/v1/events", json=self._next(1)[0])
                    results = [answer.json()]
                else:
                    answer = client.post("/api/v1/score", json=self._next(1)[0])
                    results = [answer.json()]
                with self._lock:
                    for result in results:
                        if "arrival" in result:
                            self.acknowledged[result["event_id"]] = result["arrival"]
                        else:
                            self.refused.append(str(result))
                if answer.status_code == 503:
                    self.stopped.wait(0.1)
