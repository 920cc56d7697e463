"""A replay that is killed, or stopped by Ctrl-C, goes on where it was and ends as if it never had been."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from riskloom.cli.replay_checkpoint import FILE
from support.events import history
from support.tables import write_csv

pytestmark = pytest.mark.e2e
WORDS = (sys.executable, "-m", "riskloom.cli", "replay", "-b", "card_payments", "--by", "channel", "--json")
EVENTS, WAIT_S = 60_000, 120


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = [{**row, "is_fraud": int(at % 50 == 0)} for at, row in enumerate(history(EVENTS, seed=3))]
    return write_csv(tmp_path_factory.mktemp("replay") / "recorded.csv", rows)


@pytest.fixture(scope="module")
def whole(data: Path) -> bytes:
    return subprocess.run([*WORDS, "--data", str(data)], capture_output=True, check=True, timeout=500).stdout


def interrupted(words: list[str], how: signal.Signals, saved: Path) -> tuple[int, bytes]:
    """(exit code, what it said) of a process that gets a signal once it has saved."""
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    until = time.monotonic() + WAIT_S
    while not saved.exists() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.002)
    process.send_signal(how)
    _, said = process.communicate(timeout=WAIT_S)
    return process.returncode, said


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_it_goes_on_and_ends_the_same(data: Path, whole: bytes, how: signal.Signals, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    words = [*WORDS, "--data", str(data), "--resume", str(folder), "--every", "0"]
    code, said = interrupted(words, how, folder / FILE)
    assert code == (-how if how is signal.SIGKILL else 130), said
    assert (folder / FILE).exists()
    if how is signal.SIGINT:
        assert b"the same command goes on" in said
    ended = subprocess.run(words, capture_output=True, check=True, timeout=500)
    assert b"going on behind" in ended.stderr
    assert ended.stdout == whole
    assert not folder.exists()
