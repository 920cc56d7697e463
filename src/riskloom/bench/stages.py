"""Microseconds of each stage of one event: clocks around a running server's functions.

32 events are under way. Server and HTTP is measured on its own: the same protocol with nothing behind it. So
is the commit: the rows, in the batches that the load made of them, are written once more to a fresh database.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from riskloom.bench.child import serving
from riskloom.bench.history import History, make_history
from riskloom.bench.http import CONNECTIONS, PATH
from riskloom.bench.load import send
from riskloom.bench.machine import only_core
from riskloom.bench.report import Figure, Part
from riskloom.bench.sizes import Sizes
from riskloom.bench.stopwatch import Stopwatch, Watched
from riskloom.features.kernel import warm_up
from riskloom.server import engine as engine_module
from riskloom.server.db import database_url, open_engine, upgrade
from riskloom.server.decisions.repo import DecisionRepo
from riskloom.server.runtime import running
from riskloom.server.served import Runtime

PYTHON_SIDE_US = 90.0
WARM = 1_000
SERVER, DECODE, LOOKUP, LOOK, SCORE, RULES, ADVANCE = (
    "server and HTTP",
    "decode and validate",
    "duplicate look-up",
    "look: windows, expressions",
    "score: forest, reference",
    "rules, reasons, decision",
    "advance",
)
ROWS, ORDER, COMMIT, VIEW, ENCODE = (
    "encode rows",
    "order, queue",
    "commit, shared",
    "render the answer",
    "encode the answer",
)
STAGES = (SERVER, DECODE, LOOKUP, LOOK, SCORE, RULES, ADVANCE, ROWS, ORDER, COMMIT, VIEW, ENCODE)
PYTHON_SIDE = (DECODE, LOOK, SCORE, RULES, ADVANCE)
_NOTHING = """
import asyncio, uvicorn
from riskloom.server.hot import HotRoute
from riskloom.server.protocol import HotProtocol
answer = b"x" * 900
head = [(b"content-type", b"application/json"), (b"content-length", b"900")]
class Nothing(HotRoute):
    paths = {"/score": None, "/api/v1/score": None}
    def __init__(self):
        pass
    def begin(self, path, headers, body):
        done = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return None, True, done, None
    def answer(self, path, begun):
        return 200, head, answer
    async def __call__(self, scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": answer})
config = uvicorn.Config(
    Nothing(), port=0, loop="uvloop", http=HotProtocol, lifespan="off", access_log=False, proxy_headers=False
)
uvicorn.Server(config).run()
"""


def measure(sizes: Sizes, folder: Path, say: Callable[[str], None]) -> Part:
    """Time every stage for some thousand events."""
    warm_up(say)
    history = make_history(folder, sizes.history, WARM + max(4_000, sizes.single_requests), say)
    say("stages: a server that does nothing")
    server_us = _server_us(history.live, sizes.requests // 2)
    say(f"stages: {CONNECTIONS} events under way")
    watch = Stopwatch()
    with only_core(0):
        batches = asyncio.run(_serve(history, watch))
        shares = _commit(folder, history, batches)
    watch.join(ROWS, _DECISION_ROW)
    medians = {name: float(np.median(values)) for name, values in watch.taken.items() if values}
    medians |= {SERVER: server_us, COMMIT: float(np.median(shares))}
    medians.setdefault(LOOKUP, 0.0)  # ids that were surely never seen are not looked up
    total = sum(medians.values())
    rows = [(name, medians[name], f"{medians[name] / total:.0%}") for name in STAGES if name in medians]
    python_side = sum(medians.get(name, 0.0) for name in PYTHON_SIDE)
    note = f"at most {1e6 / total:,.0f} events/s on one core"
    figures = [
        Figure(
            "parse, look, score, decide, advance", python_side, "µs", PYTHON_SIDE_US, note="sum of medians"
        ),
        Figure("all stages", total, "µs", note=note),
    ]
    return Part("stages", figures, "µs of one event by stage, medians", ("stage", "µs", "share"), rows)


async def _serve(history: History, watch: Stopwatch) -> list[Any]:
    """Score the live payments in a server without HTTP; the batches of rows that were committed."""
    batches: list[Any] = []
    async with running(history.settings, [history.bundle]) as served:
        runtime = served.first
        bodies = iter(history.live)
        await _score(runtime, [next(bodies) for _ in range(WARM)], Stopwatch())
        _watch(runtime, watch, batches)
        try:
            await _score(runtime, list(bodies), watch)
        finally:
            _unwatch()
    return batches


async def _score(runtime: Runtime, bodies: list[bytes], watch: Stopwatch) -> None:
    waiting = iter(bodies)
    encode = watch.timed(ENCODE, msgspec.json.encode)

    async def client() -> None:
        for body in waiting:
            encode(await runtime.decisions.score(body))

    await asyncio.gather(*(client() for _ in range(CONNECTIONS)))


_DECISION_ROW = "decision_row"
_PLAIN_ROW = getattr(engine_module, _DECISION_ROW)


def _watch(runtime: Runtime, watch: Stopwatch, batches: list[Any]) -> None:
    """Put clocks around what one event passes through."""
    engine, pipeline = runtime.engine, runtime.engine.pipeline
    watch.watch(engine, "read", DECODE)
    watch.watch(engine, "put", ORDER)
    watch.watch(engine.repo, "arrival_of", LOOKUP)
    watch.watch(pipeline, "look_one", LOOK)
    watch.watch(pipeline, "score_one", RULES)
    watch.watch(pipeline, "advance_one", ADVANCE)
    watch.watch(runtime.views, "fresh", VIEW)
    watch.watch(engine.team.rows, "of", ROWS)
    setattr(engine_module, _DECISION_ROW, watch.timed(_DECISION_ROW, _PLAIN_ROW))
    if pipeline.model is not None:
        scored: Any = Watched(pipeline.model, score_one=watch.timed(SCORE, pipeline.model.score_one))
        pipeline.model = scored
        pipeline.off = pipeline.off  # the model at work is chosen anew
    insert = engine.repo.insert_batch

    def keep(connection: Any, rows: Any) -> None:
        batches.append(rows)
        insert(connection, rows)

    object.__setattr__(engine.repo, "insert_batch", keep)


def _unwatch() -> None:
    setattr(engine_module, _DECISION_ROW, _PLAIN_ROW)


def _commit(folder: Path, history: History, batches: list[Any]) -> list[float]:
    """Microseconds an event of each batch, written durably by the repo's own function."""
    engine = open_engine(database_url(f"sqlite:///{folder / 'again.db'}"))
    watch = Stopwatch()
    try:
        upgrade(engine)
        repo = DecisionRepo(engine, history.bundle.scenario.name)
        connection = engine.raw_connection()
        driver: Any = connection.driver_connection

        def write(rows: Any) -> None:
            repo.insert_batch(driver, rows)
            driver.commit()

        timed = watch.timed(COMMIT, write)
        for rows in batches:
            timed(rows)
        connection.close()
    finally:
        engine.dispose()
    counts = [len(rows[0]) for rows in batches]
    return [us / count for us, count in zip(watch.taken[COMMIT], counts, strict=True) for _ in range(count)]


def _server_us(listed: list[bytes], requests: int) -> float:
    """Microseconds a request costs where nothing is behind it."""
    bodies = (listed * (requests // len(listed) + 1))[:requests]
    with serving(["-c", _NOTHING], path="/") as server, only_core(-1):
        send(server.port, PATH, bodies[:1000], CONNECTIONS)
        return 1e6 / send(server.port, PATH, bodies, CONNECTIONS).rate
