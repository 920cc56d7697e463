"""How much is measured: the sizes that figures stand for, and smaller ones for a first look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from riskloom.errors import Fault, ParameterInvalid, nearest


@dataclass(frozen=True, slots=True)
class Sizes:
    """Counts of events (or requests) in each part."""

    stream: int = 1_000_000
    """Events in the windows before the kernel is measured, and as many measured in batch."""
    singles: int = 50_000
    cold: int = 250
    libraries: int = 200_000
    history: int = 120_000
    rows: int = 200_000
    warm_requests: int = 8_000
    requests: int = 60_000
    single_requests: int = 3_000
    log: int = 1_000_000
    batch: int = 1_000_000
    """Rows that all models together score from file to file."""
    starts: int = 3
    replay: int = 2_000_000
    alerts: int = 50_000
    """Alerts of a queue, among as many decisions as `log`."""
    pages: int = 300
    """Requests of each page of it."""


FULL = Sizes()
QUICK = Sizes(
    stream=100_000,
    singles=10_000,
    cold=40,
    libraries=30_000,
    history=30_000,
    rows=50_000,
    warm_requests=2_000,
    requests=10_000,
    single_requests=500,
    log=50_000,
    batch=40_000,
    starts=1,
    replay=60_000,
    alerts=5_000,
    pages=100,
)


def with_sizes(sizes: Sizes, given: Sequence[str]) -> Sizes:
    """`sizes` with some replaced, each given as name=count.

    Raises
    ------
    ParameterInvalid
        For names that are none, and counts that are not whole numbers from 1; names them all.
    """
    known = [field.name for field in fields(sizes)]
    faults, changed = [], {}
    for text in given:
        name, _, count = text.partition("=")
        if name not in known:
            faults.append(Fault("--size", f"one of {', '.join(known)}", repr(name), nearest(name, known)))
        elif not (count.isdecimal() and int(count) > 0):
            faults.append(Fault(f"--size {name}", "a whole number from 1", repr(count)))
        else:
            changed[name] = int(count)
    if faults:
        raise ParameterInvalid(faults)
    return replace(sizes, **changed)
