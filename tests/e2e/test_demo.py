"""`riskloom demo --exit`: history, model, server, dashboard, attacks, and an end."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
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
    command = [sys.executable, "-m", "riskloom.cli", "demo", "--exit", "--events", "4000", "--dir", str(folder)]
    return subprocess.run([*command, *more], capture_output=True, text=True, timeout=300, check=False)


def test_the_demo_catches_the_attack_and_lets_normal_payments_pass(tmp_path: Path) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        done = demo(tmp_path / "demo", "--port", str(port), "--dashboard-port", str(free_port()))
    assert done.returncode == 0, done.stderr[-3000:]
    assert f"port {port} is busy: using" in done.stderr
    said = re.findall(r"(\d+) of (\d+) fraudulent payments caught; (\d+) of (\d+) normal ones approved", done.stderr)
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
