"""The command as a process: Ctrl-C, pipes, tab completion."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

RISKLOOM = [sys.executable, "-m", "riskloom.cli"]


def start(*arguments: object, **options: Any) -> subprocess.Popen[bytes]:
    """The real command in a process of its own."""
    return subprocess.Popen([*RISKLOOM, *map(str, arguments)], **options)


def test_ctrl_c_ends_at_once_with_130_and_leaves_no_half_file(tmp_path: Path) -> None:
    out = tmp_path / "x.csv"
    process = start("simulate", "--events", 5_000_000, "--users", 2_000, "--out", out, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 30
    while not (tmp_path / ".x.csv.part").exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert b"Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_has_enough_is_no_error() -> None:
    process = start("scenario", "show", "--json", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    err = process.stderr.read()
    process.wait(timeout=30)
    process.stderr.close()
    assert b"Traceback" not in err
    assert b"Exception" not in err


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("riskloom sce", "scenario"),
        ("riskloom scenario show ca", "card_payments"),
        ("riskloom train -s ", "card_payments"),
    ],
)
def test_tab_completes_commands_and_scenarios(words: str, expected: str) -> None:
    environment = {
        **os.environ, "_RISKLOOM_COMPLETE": "complete_bash", "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
    }  # fmt: skip
    program = "import sys; sys.argv = ['riskloom']; from riskloom.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=False
    )
    assert done.stderr == ""
    assert expected in done.stdout.split()


def test_importing_riskloom_is_light() -> None:
    heavy = ("numpy", "pyarrow", "typer", "yaml")
    program = f"import sys, riskloom; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
