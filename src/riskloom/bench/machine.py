"""The machine that is measured on, and where its processes run."""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import numpy as np

LIBRARIES = ("riskloom", "numpy", "numba", "scikit-learn", "duckdb", "polars", "pandas", "uvicorn", "uvloop")


def describe() -> dict[str, object]:
    """Processor, cores, memory, system and versions."""
    found: dict[str, object] = {
        "cpu": _cpu_model(),
        "cores": len(cores()),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "system": f"{platform.system()} {platform.release()}",
        "load": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
    }
    for name in LIBRARIES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def _cpu_model() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def cores() -> list[int]:
    """The processor's cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


@contextlib.contextmanager
def only_core(place: int) -> Iterator[None]:
    """Keep this process (and what it starts) on one core, the first or the last, where there are several."""
    known = cores()
    if len(known) < 2 or not hasattr(os, "sched_setaffinity"):
        yield
        return
    os.sched_setaffinity(0, {known[place]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, known)


def touch_memory(size: int) -> None:
    """Write to this many bytes once and give them back.

    A virtual machine may get memory from its host page by page, at some milliseconds a megabyte: a tax on
    whichever engine runs first. What was touched a moment ago is there.
    """
    np.empty(size, np.uint8)[::4096] = 1


def resident_mb(process: int | None = None) -> float | None:
    """Resident memory in MB, of this process or another; None where the system does not say."""
    with contextlib.suppress(OSError, ValueError):
        text = Path(f"/proc/{process or os.getpid()}/status").read_text()
        line = next(line for line in text.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) * 1024 / 1e6
    return None


def processor_s(process: int) -> float | None:
    """Seconds of processor time that a process has used, all threads; None where the system does not say."""
    with contextlib.suppress(OSError, ValueError):
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return None
