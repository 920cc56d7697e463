"""POST /api/v1/score: one worker on one core, durable before the reply, the load from the other core."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from riskloom.bench.child import serving
from riskloom.bench.history import History, make_history
from riskloom.bench.load import Load, send
from riskloom.bench.machine import only_core, processor_s, resident_mb
from riskloom.bench.report import Figure, Part
from riskloom.bench.sizes import Sizes
from riskloom.features.kernel import warm_up

EVENTS_A_SECOND, MEDIAN_MS = 5_000.0, 0.8
CONNECTIONS = 32
PATH = "/api/v1/score"


def measure(sizes: Sizes, folder: Path, say: Callable[[str], None]) -> Part:
    """Warm the server up, then one client, then 32 connections."""
    warm_up(say)
    total = sizes.warm_requests + sizes.single_requests + sizes.requests
    history = make_history(folder, sizes.history, total, say)
    with serving(_arguments(history)) as server:
        say(f"http: serving on port {server.port}")
        begin = sizes.warm_requests
        with only_core(-1):
            send(server.port, PATH, history.live[:begin], CONNECTIONS)
            single = send(server.port, PATH, history.live[begin : begin + sizes.single_requests], 1)
            before = processor_s(server.process)
            busy = send(server.port, PATH, history.live[begin + sizes.single_requests :], CONNECTIONS)
            after = processor_s(server.process)
        resident = resident_mb(server.process)
    model = "no model" if history.bundle.model is None else "a forest of 200 trees"
    note = f"{model}, SQLite WAL synchronous=FULL, {sizes.history:,} payments of history"
    return Part(
        "http",
        [
            Figure(
                f"scored events a second, {CONNECTIONS} connections",
                busy.rate,
                "events/s",
                EVENTS_A_SECOND,
                at_most=False,
                note=f"{busy.overall:,.0f} over all {len(busy.took):,}; {_answers(busy)}",
            ),
            Figure(
                "one client, median",
                single.milliseconds(50),
                "ms",
                MEDIAN_MS,
                note=f"p99 {single.milliseconds(99):.2f} ms of {len(single.took):,}; {_answers(single)}",
            ),
            Figure(f"{CONNECTIONS} connections, median", busy.milliseconds(50), "ms", note=note),
            Figure(
                "processor time of the server",
                None if before is None or after is None else (after - before) / len(busy.took) * 1e6,
                "µs/event",
                note="all threads; neighbours on its core do not count",
            ),
            Figure("resident after the load", resident, "MB"),
        ],
    )


def _arguments(history: History) -> list[str]:
    settings = history.settings
    database = ["--database", settings.database_url, "--data-dir", settings.data_dir]
    return ["-m", "riskloom.cli", "serve", "--bundle", str(history.bundle_folder), *database, "--port", "0"]


def _answers(load: Load) -> str:
    wrong = {status: count for status, count in load.statuses.items() if status != 200}
    if wrong or load.lost:
        return f"statuses {dict(load.statuses)}, {load.lost} lost"
    return f"all 200, {load.flagged:.1%} flagged"
