"""How long it takes to import the package, and until a server is ready."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from riskloom.bench.child import serving
from riskloom.bench.report import Figure, Part
from riskloom.bench.sizes import Sizes

IMPORT_MS, READY_S = 150.0, 5.0
RUNS = 7


def measure(sizes: Sizes, folder: Path, say: Callable[[str], None]) -> Part:
    """Import in fresh processes; start servers on an empty database, the compile cache warm."""
    say("startup: imports")
    package = _import_ms("riskloom", 3 if sizes.starts == 1 else RUNS)
    ready_to_score = _import_ms("riskloom.scorer", 3)
    say("startup: servers")
    arguments = ["-m", "riskloom.cli", "serve", "--port", "0", "--data-dir", str(folder / "data")]
    times = []
    for run in range(sizes.starts + 1):  # the first fills the caches
        database = f"sqlite:///{folder / f'empty{run}.db'}"
        with serving([*arguments, "--database", database]) as server:
            times.append(server.ready_s)
    note = f"median of {sizes.starts}, from the start of the process; the first start took {times[0]:.1f} s"
    return Part(
        "startup",
        [
            Figure(
                "import riskloom",
                package,
                "ms",
                IMPORT_MS,
                note="in a fresh process, after the interpreter is up",
            ),
            Figure("import riskloom.scorer (all that scores)", ready_to_score, "ms"),
            Figure("server ready, compile cache warm", float(np.median(times[1:])), "s", READY_S, note=note),
        ],
    )


def _import_ms(module: str, runs: int) -> float:
    """The median over fresh processes."""
    code = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
    found = [
        float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout)  # noqa: S603
        for _ in range(runs + 1)
    ]
    return float(np.median(found[1:])) * 1e3
