"""`riskloom bench` runs each of its parts end to end, at the smallest sizes."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from riskloom.bench.run import PARTS

SIZES = {
    "stream": 3_000, "singles": 1_000, "cold": 2, "libraries": 500, "history": 1_500, "rows": 20_000,
    "warm_requests": 50, "requests": 300, "single_requests": 50, "log": 2_000, "starts": 1,
    "replay": 2_000, "batch": 20_000, "alerts": 200, "pages": 20,
}  # fmt: skip
pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def test_every_part_measures_something_and_all_answers_are_good() -> None:
    pytest.importorskip("sklearn", reason="the extra `train` is not installed")
    sizes = [text for name, size in SIZES.items() for text in ("--size", f"{name}={size}")]
    done = subprocess.run(
        [sys.executable, "-m", "riskloom.cli", "bench", "--json", *sizes], capture_output=True, timeout=500
    )
    assert done.returncode == 0, done.stderr[-3000:]
    said = json.loads(done.stdout)
    assert list(said["parts"]) == list(PARTS)
    assert said["machine"]["cores"] >= 1
    for part in said["parts"].values():
        assert any(figure["value"] is not None for figure in part["figures"])
    notes = " ".join(figure["note"] for figure in said["parts"]["http"]["figures"])
    assert notes.count("all 200") == 2
    stages = {row["stage"]: row["µs"] for row in said["parts"]["stages"]["table"]}
    assert len(stages) == 12
    assert min(stages.values()) >= 0


def test_an_unknown_part_is_exit_code_2() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "riskloom.cli", "bench", "kernal"], capture_output=True, timeout=60
    )
    assert done.returncode == 2
    assert b"kernel" in done.stderr
