"""The window kernel on the features of card_payments: one by one with warm and cold caches, and in batch."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from riskloom.bench.machine import touch_memory
from riskloom.bench.report import Figure, Part
from riskloom.bench.sizes import Sizes
from riskloom.bench.stream import Stream, make_stream
from riskloom.features.kernel import warm_up
from riskloom.features.state import WindowState
from riskloom.scenario.load import load_scenario

MEAN_US, EVENTS_A_SECOND = 10.0, 200_000.0
CHUNK = 25_000
GROUP = 1_000
FLUSH_BYTES = 96 << 20


def measure(sizes: Sizes, folder: Path, say: Callable[[str], None]) -> Part:
    """Grow a state, measure batches on it, then single events, then single events with flushed caches."""
    warm_up(say)
    scenario = load_scenario("card_payments")
    state = WindowState(scenario.windows, scenario.columns, scenario.max_lateness_us)
    say(f"kernel: a stream of {2 * sizes.stream + sizes.singles + sizes.cold:,} events")
    stream = make_stream(2 * sizes.stream + sizes.singles + sizes.cold)
    touch_memory(600 * len(stream))
    grown = _rates(state, stream, 0, sizes.stream)
    warm = _rates(state, stream, sizes.stream, 2 * sizes.stream)
    say("kernel: one by one")
    begin = 2 * sizes.stream
    single = np.array(list(_singles(state, stream, begin, begin + sizes.singles)))
    groups = single[: len(single) // GROUP * GROUP].reshape(-1, GROUP).mean(axis=1)
    cold = np.array(list(_singles(state, stream, begin + sizes.singles, len(stream), flush=_flusher())))
    held = f"{len(scenario.windows)} windows, {sizes.stream * 2:,} events in them"
    tail = f"median {np.median(single):.1f}, p99 {np.percentile(single, 99):.1f} µs; {held}"
    return Part(
        "kernel",
        [
            Figure(
                "look + advance, one by one, caches warm (mean)",
                float(np.median(groups)),
                "µs",
                MEAN_US,
                note=tail,
            ),
            Figure("look + advance, one by one, caches flushed (median)", float(np.median(cold)), "µs"),
            Figure("batch, one thread", warm[0], "events/s", EVENTS_A_SECOND, at_most=False, note=_own(warm)),
            Figure("batch, one thread, grown from nothing", grown[0], "events/s", note=_own(grown)),
        ],
    )


def _own(rates: tuple[float, float]) -> str:
    return f"{rates[1]:,.0f} a second of processor time"


def _rates(state: WindowState, stream: Stream, begin: int, end: int) -> tuple[float, float]:
    """Events a second, by the clock and of processor time: medians over chunks."""
    rates = []
    for low in range(begin, end, CHUNK):
        high = min(low + CHUNK, end)
        columns = stream.columns(low, high)
        times = stream.time_us[low:high]
        out = np.empty((high - low, len(state.names)))
        clock, processor = time.perf_counter(), time.thread_time()
        state.run_many(times, times, np.arange(low, high), columns, out)
        seconds = time.perf_counter() - clock, time.thread_time() - processor
        rates.append(((high - low) / seconds[0], (high - low) / seconds[1]))
    by_clock, by_processor = np.median(rates, axis=0).tolist()
    return by_clock, by_processor


def _singles(
    state: WindowState, stream: Stream, begin: int, end: int, flush: Callable[[], None] | None = None
) -> Iterator[float]:
    """Microseconds of each event, from its values to the state that holds it."""
    columns: dict[str, Any] = {name: list(column) for name, column in stream.columns(begin, end).items()}
    columns = {
        name: [v if isinstance(v, str) else int(v) for v in column] for name, column in columns.items()
    }
    out = np.empty(len(state.names))
    clock = time.perf_counter_ns
    for arrival, time_us in enumerate(stream.time_us[begin:end].tolist(), begin):
        values = {name: column[arrival - begin] for name, column in columns.items()}
        if flush is not None:
            flush()
        before = clock()
        state.look_one(time_us, time_us, values, out)
        state.advance_one(arrival)
        yield (clock() - before) / 1e3


def _flusher() -> Callable[[], None]:
    """Writes over more memory than any cache holds."""
    memory = np.zeros(FLUSH_BYTES // 8, np.int64)

    def flush() -> None:
        np.add(memory, 1, out=memory)

    return flush
