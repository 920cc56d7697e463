"""Values that could only be written when the label came: its time, its delay, times after the event."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from riskloom.measure.steps import Flags, Floats, Integers
from riskloom.training.leakage.column import Field, Table
from riskloom.training.leakage.finding import Finding, show_share

_UNITS = {
    "microseconds": 1.0,
    "milliseconds": 1e3,
    "seconds": 1e6,
    "minutes": 6e7,
    "hours": 3.6e9,
    "days": 8.64e10,
}
_MOST = 0.9
_FEWEST = 5


def find_moments(table: Table, trusted: frozenset[str]) -> Iterator[Finding]:
    """Fields that follow the label's time, and moments that lie after their event."""
    for field in table.fields:
        if field.is_text or field.name in trusted:
            continue
        says = _follows_label(table, field)
        if says is not None:
            share, words = says
            yield Finding("label_time", "leak", (field.name,), (field.name,), share, words)
        elif field.is_time and table.times_us is not None:
            yield from _later(table, field, table.times_us)


def _follows_label(table: Table, field: Field) -> tuple[float, str] | None:
    """The share of frauds whose value is the label's time or its delay, when that is most of them."""
    if table.known_at_us is None:
        return None
    rows = table.fraud & ~field.missing
    if np.count_nonzero(rows) < max(_FEWEST, _MOST * np.count_nonzero(table.fraud) / 2):
        return None
    values, known_at = field.values[rows], table.known_at_us[rows]
    targets = {"the time at which the label came": known_at}
    if table.times_us is not None:
        waited = known_at - table.times_us[rows]
        if np.unique(waited).size < _FEWEST:
            targets.clear()
        targets["the delay of the label"] = waited
    for what, target in targets.items():
        for unit, length in _UNITS.items():
            exact = target.astype(np.float64) / length
            if np.unique(np.floor(exact)).size < _FEWEST:
                continue
            share = float(_meets(values, exact).mean())
            if share >= _MOST:
                return (
                    share,
                    f"{field.name} is {what}, in {unit}, in {show_share(share)} of the frauds that have it.",
                )
    return None


def _meets(values: Floats, exact: Floats) -> Flags:
    """Equal, or equal when rounded or cut to whole units."""
    return np.asarray(
        (np.abs(values - exact) <= 1e-9 * np.abs(exact))
        | (values == np.floor(exact))
        | (values == np.round(exact)),
        np.bool_,
    )


def _later(table: Table, field: Field, times: Integers) -> Iterator[Finding]:
    known = ~field.missing
    later = known & (field.values > times)
    share = float(later[known].mean()) if known.any() else 0.0
    by_class = [float(later[kind].mean()) for kind in (table.fraud, ~table.fraud)]
    if max(by_class) >= 1 - _MOST:
        tells = abs(by_class[0] - by_class[1]) >= 1 - _MOST
        says = (
            f"{field.name} lies after its event in {show_share(share)} of the rows that have it "
            f"({show_share(by_class[0])} of frauds, {show_share(by_class[1])} of the rest)."
        )
        drop = (field.name,)
        yield Finding("later", "leak" if tells else "notice", drop, drop, share, says)
