"""Alerts: what raising them adds to an event, and how long the pages of a full queue take.

The cost is processor time of all threads: the same server without HTTP decides some hundred payments with
effects, then without, in turns. The queue is filled by SQL; pages are asked over HTTP, one after the other.
Set RISKLOOM_BENCH_POSTGRES to the URL of an empty PostgreSQL database to have it measured there too.
"""

from __future__ import annotations

import asyncio
import http.client
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from riskloom.bench.alerts_fill import fill_queue
from riskloom.bench.child import Server, serving
from riskloom.bench.history import History, make_history
from riskloom.bench.machine import processor_s
from riskloom.bench.report import Figure, Part
from riskloom.bench.sizes import Sizes
from riskloom.features.kernel import warm_up
from riskloom.server.runtime import running
from riskloom.server.served import Runtime

ADDED_PERCENT, PAGE_MS = 10.0, 50.0
TOGETHER, ROUND, WARM = 32, 400, 5
PAGES = (
    ("the queue", "/alerts?limit=50"),
    ("further down", "/alerts?limit=50&cursor=1:40000.0"),
    ("one queue, open", "/alerts?limit=50&queue=payments&state=open"),
    ("one reason and severity", "/alerts?limit=50&reason=VELOCITY_5M&severity=high"),
    ("large amounts", "/alerts?limit=50&min_amount=900"),
    ("of one person", "/alerts?limit=50&claimed_by=ana"),
    ("of one entity", "/alerts?limit=50&entity=u17&state=open,resolved"),
    ("closed last", "/alerts?limit=50&state=resolved,auto_closed&order=time"),
    ("counts of queues", "/queues"),
    ("one alert", "/alerts/{}"),
)


def measure(sizes: Sizes, folder: Path, say: Callable[[str], None]) -> Part:
    """Measure both."""
    warm_up(say)
    history = make_history(folder, sizes.history, max(4_000, sizes.single_requests), say)
    say("alerts: raising")
    figures = _added(history)
    rows: list[tuple[object, ...]] = []
    urls = {"SQLite": f"sqlite:///{folder / 'queue.db'}"}
    if other := os.environ.get("RISKLOOM_BENCH_POSTGRES"):
        urls["PostgreSQL"] = other
    for name, url in urls.items():
        say(f"alerts: filling {name} with {sizes.log:,} decisions and {sizes.alerts:,} alerts")
        fill_queue(url, folder, sizes.log, sizes.alerts)
        say(f"alerts: pages on {name}")
        arguments = ["-m", "riskloom.cli", "serve", "--port", "0", "--database", url]
        with serving([*arguments, "--data-dir", str(folder / name)]) as server:
            took = [(page, *_times(server, path, sizes)) for page, path in PAGES]
        rows += [(name, page, *np.percentile(ms, (50, 99)).tolist(), used) for page, ms, used in took]
        worst = max(float(np.percentile(ms, 99)) for _, ms, _ in took)
        note = f"the slowest of {len(PAGES)} pages"
        figures.append(Figure(f"queue pages on {name}, p99", worst, "ms", PAGE_MS, note=note))
    title = "ms of a page over HTTP, from request to answer, and the server's own processor time"
    return Part("alerts", figures, title, ("database", "page", "p50", "p99", "processor"), rows)


def _added(history: History) -> list[Figure]:
    """What effects add to the processor time of an event, of usual ones and of flagged ones."""
    used, plain, flagged, events = asyncio.run(_decide(history))
    added = 100 * (used - plain) / plain
    each = (used - plain) * 1e6 / max(flagged, 1)
    return [
        Figure(
            "raising and grouping adds to an event",
            added,
            "%",
            ADDED_PERCENT,
            note=f"{flagged} of {events} flagged; {1e6 * plain / events:.0f} µs without",
        ),
        Figure(
            "raising and grouping adds to a flagged event", each, "µs", note="with its share of the commit"
        ),
    ]


async def _decide(history: History) -> tuple[float, float, int, int]:
    """(seconds with effects, without, flagged with, events with)."""
    async with running(history.settings, [history.bundle]) as served:
        runtime = served.first
        effects, of = runtime.engine.effects, runtime.engine.effects.of
        spent = {True: 0.0, False: 0.0}
        flagged = events = 0
        await _score(runtime, history.live[:ROUND])
        rounds = [history.live[at : at + ROUND] for at in range(ROUND, len(history.live), ROUND)]
        for number, bodies in enumerate(rounds[: len(rounds) // 4 * 4]):
            on = number % 4 in (0, 3)  # on off off on: what drifts falls on both
            effects.of = of if on else lambda *_given: ()  # type: ignore[method-assign]
            begun = time.process_time()
            found = await _score(runtime, bodies)
            spent[on] += time.process_time() - begun
            flagged += found if on else 0
            events += len(bodies) if on else 0
        effects.of = of  # type: ignore[method-assign]
    return spent[True], spent[False], flagged, events


async def _score(runtime: Runtime, bodies: list[bytes]) -> int:
    """Decide these, some at once; how many were flagged."""
    waiting: Iterator[bytes] = iter(bodies)

    async def client() -> int:
        return sum([(await runtime.decisions.score(body))["outcome"] != "APPROVED" for body in waiting])

    return sum(await asyncio.gather(*(client() for _ in range(TOGETHER))))


def _times(server: Server, path: str, sizes: Sizes) -> tuple[list[float], float | None]:
    """Milliseconds of each request of one page, but for the first few; and those of processor a request."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    took, before = [], processor_s(server.process)
    for number in range(sizes.pages + WARM):
        asked = f"/api/v1{path.format(1 + number % sizes.alerts * (sizes.log // sizes.alerts))}"
        begun = time.perf_counter()
        connection.request("GET", asked)
        answer = connection.getresponse()
        body = answer.read()
        took.append((time.perf_counter() - begun) * 1e3)
        if answer.status != 200:
            raise RuntimeError(f"{asked} answered {answer.status}: {body[:200]!r}")
    connection.close()
    after = processor_s(server.process)
    used = None if before is None or after is None else 1e3 * (after - before) / len(took)
    return took[WARM:], used
