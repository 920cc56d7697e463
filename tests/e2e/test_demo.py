"""`riskloom demo --exit`: history, model, server, dashboard, attacks, and an end."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def demo(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """Run the demo to its summary."""
    command = [
        sys.executable,
        "-m",
        "riskloom.cli",
        "demo",
        "--exit",
        "--events",
        "4000",
        "--dir",
        str(folder),
    ]
    return subprocess.run([*command, *more], capture_output=True, text=True, timeout=300, check=False)


def test_the_demo_catches_the_attack_and_lets_normal_payments_pass(tmp_path: Path) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        done = demo(tmp_path / "demo", "--port", str(port), "--dashboard-port", str(free_port()))
    assert done.returncode == 0, done.stderr[-3000:]
    assert f"port {port} is busy: using" in done.stderr
    said = re.findall(
        r"(\d+) of (\d+) fraudulent payments caught; (\d+) of (\d+) normal ones approved", done.stderr
    )
    assert len(said) == 2
    for caught, frauds, passed, normal in said:
        assert int(caught) >= int(frauds) / 2
        assert int(passed) >= int(normal) - 1
    assert "First payment of this customer with device" in done.stderr
    assert "payments in the 5 minutes before this one" in done.stderr


def test_a_folder_that_is_not_the_demos_own_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    done = demo(tmp_path)
    assert done.returncode == 2
    assert "an earlier demo" in done.stderr
    assert (tmp_path / "precious.txt").read_text() == "mine"


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_demo_and_all_it_started(tmp_path: Path, sent: signal.Signals) -> None:
    port, shown = free_port(), free_port()
    folder = tmp_path / "demo"
    command = [sys.executable, "-m", "riskloom.cli", "demo", "--events", "4000", "--dir", str(folder)]
    with (tmp_path / "out").open("wb") as out:
        process = subprocess.Popen(
            [*command, "--port", str(port), "--dashboard-port", str(shown)], stdout=out, stderr=out
        )
        try:
            deadline = time.monotonic() + 200
            while b"Ctrl-C ends it" not in (tmp_path / "out").read_bytes():
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.2)
            process.send_signal(sent)
            process.wait(timeout=40)
        finally:
            process.kill()
    for gone in (port, shown):
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", gone)) != 0
