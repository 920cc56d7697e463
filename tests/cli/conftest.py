"""The command in this process, and a file for it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from riskloom.cli import main as command
from support.events import history
from support.tables import write_csv


class Ran:
    """What a command left behind."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self) -> Any:
        """Its output for machines."""
        return json.loads(self.out)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Any:
    """Runs the command in this process, from an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    for name in [name for name in os.environ if name.startswith("RISKLOOM_")]:
        monkeypatch.delenv(name)

    def start(*arguments: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["riskloom", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            command.main()
        out, err = capfd.readouterr()
        code = ended.value.code
        return Ran(code if isinstance(code, int) else 0, out, err)

    return start


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Simulated payments."""
    return write_csv(tmp_path / "data.csv", history(300))
