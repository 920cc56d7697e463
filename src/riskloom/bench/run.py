"""Runs parts of the bench, one after the other, each in a folder that is removed afterwards."""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from riskloom.bench.report import Part
from riskloom.bench.sizes import Sizes
from riskloom.errors import Fault, ParameterInvalid, nearest

PARTS = (
    "kernel", "libraries", "forest", "boosting", "models", "rules", "http", "stages", "startup", "recovery",
    "replay", "alerts",
)  # fmt: skip
"""Each is a module of this room."""


def run(chosen: Sequence[str], sizes: Sizes, say: Callable[[str], None]) -> list[Part]:
    """Measure the chosen parts (all when none is).

    Raises
    ------
    ParameterInvalid
        For an unknown part, before anything runs.
    """
    faults = [
        Fault("part", f"one of {', '.join(PARTS)}", repr(name), nearest(name, PARTS))
        for name in chosen
        if name not in PARTS
    ]
    if faults:
        raise ParameterInvalid(faults)
    found = []
    for name in PARTS:
        if chosen and name not in chosen:
            continue
        with tempfile.TemporaryDirectory(prefix="riskloom-bench-") as folder:
            part: Part = importlib.import_module(f"riskloom.bench.{name}").measure(sizes, Path(folder), say)
        found.append(part)
    return found
