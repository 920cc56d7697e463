"""The kernel is compiled once for all plans, told about, and cached where it can be."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import riskloom.features
from riskloom.features import compiled, kernel

ROOM = Path(riskloom.features.__file__).parent


def test_every_file_with_compiled_code_is_in_the_stamp() -> None:
    with_code = {path.stem for path in ROOM.glob("*.py") if "features.compiled import" in path.read_text()}
    assert with_code | {"layout", "compiled"} == set(compiled.KERNEL_FILES)


def test_the_stamp_reaches_numba_s_cache() -> None:
    for _, door, _ in kernel.DOORS:
        assert door._cache._cache_file._source_stamp == compiled.stamp()


def test_a_warm_kernel_says_nothing() -> None:
    kernel.warm_up()
    told: list[str] = []
    assert kernel.warm_up(told.append) == 0.0
    assert told == []


def test_importing_the_declarations_compiles_nothing() -> None:
    code = "import sys, riskloom.features.spec; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.slow
def test_a_cold_start_tells_each_part_and_respects_the_cache_folder(tmp_path: Path) -> None:
    code = "from riskloom.features.kernel import warm_up; warm_up(print)"
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert [line.split(": ")[1] for line in run.stdout.splitlines()] == [name for name, _, _ in kernel.DOORS]
    assert list(tmp_path.rglob("*.nbi"))
