"""The same windows by DuckDB, polars and pandas on the same stream, and how many values they get wrong.

Compared: count, sum, mean and spread of the amount over 5 min, 1 h, 24 h and 7 d by customer, device, address
and merchant: 64 values an event, over what arrived before it. Each library computes counts, sums and sums of
squares with its own rolling windows, one thread; the event itself is taken off again. DuckDB is corrected for
ties (events of the same second that arrived later); polars and pandas are used as they are.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from riskloom.bench.machine import touch_memory
from riskloom.bench.report import Figure, Part
from riskloom.bench.sizes import Sizes
from riskloom.bench.stream import Stream, make_stream
from riskloom.features.spec import SECOND_US, Column, WindowFeature
from riskloom.features.state import WindowState

ENTITIES = ("user_id", "device_id", "ip", "merchant_id")
WINDOWS_S = (300, 3_600, 86_400, 604_800)
AGGREGATES = ("count", "sum", "mean", "std")
TIMES_DUCKDB = 5.0
SLACK = 1e-6
Values = npt.NDArray[np.float64]
Engine = Callable[[Stream], Values]


@dataclass(frozen=True, slots=True)
class Run:
    """One run of an engine: its values, and events a second by the clock and of processor time."""

    values: Values
    by_clock: float
    by_processor: float


def measure(sizes: Sizes, folder: Path, say: Callable[[str], None]) -> Part:
    """Run each engine; they are compared by processor time: a neighbour on the machine is not theirs."""
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    stream = make_stream(sizes.libraries, seed=5)
    runs = {"riskloom": _run(riskloom, stream)}
    missing = []
    for name, engine in ENGINES.items():
        if find_spec(name) is None:
            missing.append(
                Figure(f"{name}: not installed", None, "events/s", note="pip install 'riskloom[bench]'")
            )
            continue
        say(f"libraries: {name}, {len(stream):,} events")
        runs[name] = _run(engine, stream)
    exact = runs["riskloom"].values
    again = [runs["riskloom"], _run(riskloom, stream), _run(riskloom, stream)]
    runs["riskloom"] = sorted(again, key=lambda run: run.by_processor)[1]
    rows = [
        (name, run.by_clock, run.by_processor, _differing(run.values, exact), exact.size)
        for name, run in runs.items()
    ]
    figures = []
    if "duckdb" in runs:
        times = runs["riskloom"].by_processor / runs["duckdb"].by_processor
        figures.append(
            Figure(
                "times DuckDB, corrected for ties",
                times,
                "x",
                TIMES_DUCKDB,
                at_most=False,
                note="processor time",
            )
        )
    header = ("engine", "events/s", "events/s of processor time", "wrong values", "of")
    title = f"64 values an event, {len(stream):,} events, one thread each"
    return Part("libraries", [*figures, *missing], title, header, rows)


def _run(engine: Engine, stream: Stream) -> Run:
    touch_memory(2_000 * len(stream))
    clock, processor = time.perf_counter(), time.process_time()
    values = engine(stream)
    return Run(
        values,
        len(stream) / (time.perf_counter() - clock),
        len(stream) / (time.process_time() - processor),
    )


def _differing(found: Values, exact: Values) -> int:
    """How many values are not the exact ones; a missing one is one."""
    close = np.abs(found - exact) <= SLACK * np.maximum(1.0, np.abs(exact))
    return int((~(close | (np.isnan(found) & np.isnan(exact)))).sum())


def riskloom(stream: Stream) -> Values:
    """Our kernel."""
    features = [
        WindowFeature(
            f"{entity}_{aggregate}_{seconds}",
            entity,
            aggregate,
            () if aggregate == "count" else ("amount",),
            seconds * SECOND_US,
        )
        for entity in ENTITIES
        for seconds in WINDOWS_S
        for aggregate in AGGREGATES
    ]
    columns = [*(Column(name, "id") for name in ENTITIES), Column("amount", "integer", 100)]
    state = WindowState(features, columns, 7 * 86_400 * SECOND_US)
    out = np.empty((len(stream), len(features)))
    values: dict[str, Any] = {name: stream.texts[name] for name in ENTITIES}
    state.run_many(
        stream.time_us, stream.time_us, np.arange(len(stream)), {**values, "amount": stream.amount}, out
    )
    return out


def duckdb(stream: Stream) -> Values:
    """DuckDB: RANGE windows, less the event itself and what came later in the same second."""
    import duckdb as library
    import pyarrow as pa

    parts: list[str] = []
    windows: list[str] = []
    for entity in ENTITIES:
        later = f"tie_{entity}"
        windows.append(
            f"{later} as (partition by {entity}, ts order by arrival"
            " rows between current row and unbounded following)"
        )
        for seconds in WINDOWS_S:
            span = f"in_{entity}_{seconds}"
            windows.append(
                f"{span} as (partition by {entity} order by ts"
                f" range between {seconds - 1} preceding and current row)"
            )
            for short, what in (("n", "count(*)"), ("s", "sum(amount)"), ("q", "sum(amount * amount)")):
                parts.append(f"{what} over {span} - {what} over {later} as {short}_{entity}_{seconds}")
    finished = [
        f"n_{at}, s_{at} / 100.0, s_{at} / 100.0 / nullif(n_{at}, 0),"
        f" sqrt((n_{at}::hugeint * q_{at} - s_{at}::hugeint * s_{at})::double) / 100.0 / nullif(n_{at}, 0)"
        for at in (f"{entity}_{seconds}" for entity in ENTITIES for seconds in WINDOWS_S)
    ]
    events = pa.table({**_plain(stream), "arrival": np.arange(len(stream))})
    with library.connect() as connection:
        connection.execute("set threads = 1")
        connection.register("events", events)
        found = connection.execute(
            f"with w as (select arrival, {', '.join(parts)} from events window {', '.join(windows)})"  # noqa: S608
            f" select {', '.join(finished)} from w order by arrival"
        ).fetchnumpy()
    return np.column_stack(
        [np.ma.filled(np.ma.asarray(column, np.float64), np.nan) for column in found.values()]
    )


def polars(stream: Stream) -> Values:
    """polars: rolling sums by time, closed on the right, less the event itself."""
    import polars as library

    frame = library.DataFrame(
        _plain(stream) | {"one": np.ones(len(stream)), "amount": stream.amount.astype(float)}
    )
    frame = frame.with_columns(
        (library.col("ts") * 1_000_000).cast(library.Datetime("us")).alias("ts"),
        (library.col("amount") ** 2).alias("square"),
    )
    sums = [
        (
            library.col(what).rolling_sum_by("ts", window_size=f"{seconds}s", closed="right").over(entity)
            - library.col(what)
        ).alias(f"{entity}_{seconds}_{what}")
        for entity in ENTITIES
        for seconds in WINDOWS_S
        for what in ("one", "amount", "square")
    ]
    return _finished(frame.select(sums).to_numpy())


def pandas(stream: Stream) -> Values:
    """pandas: groupby and rolling over time, closed on the right, less the event itself."""
    import pandas as library

    frame = library.DataFrame(_plain(stream) | {"one": 1.0, "amount": stream.amount.astype(float)})
    frame["ts"] = library.to_datetime(frame["ts"], unit="s")
    frame["square"] = frame["amount"] ** 2
    what = ["one", "amount", "square"]
    own = frame[what].to_numpy()
    sums = []
    for entity in ENTITIES:
        for seconds in WINDOWS_S:
            rolled = frame.groupby(entity).rolling(f"{seconds}s", on="ts", closed="right")[what].sum()
            found = np.empty_like(own)
            found[np.argsort(stream.ids[entity], kind="stable")] = (
                rolled.to_numpy()
            )  # it comes group by group
            sums.append(found - own)
    return _finished(np.hstack(sums))


ENGINES: dict[str, Engine] = {"duckdb": duckdb, "polars": polars, "pandas": pandas}


def _plain(stream: Stream) -> dict[str, Any]:
    return {**stream.ids, "ts": stream.time_us // SECOND_US, "amount": stream.amount}


def _finished(sums: Values) -> Values:
    """count, sum, mean and spread from counts, sums and sums of squares, window by window."""
    n, s, q = sums[:, 0::3], sums[:, 1::3], sums[:, 2::3]
    with np.errstate(invalid="ignore", divide="ignore"):
        present = np.where(n > 0, n, np.nan)
        spread = np.sqrt(np.maximum(present * q - s * s, 0)) / present
    return np.stack([n, s / 100, s / present / 100, spread / 100], axis=2).reshape(len(sums), -1)
