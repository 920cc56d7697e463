"""After a failed commit: waits until the store takes writes again, then rebuilds the state from the log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa
import structlog

from riskloom.bundle import Bundle
from riskloom.errors import RiskloomError
from riskloom.pipeline import Pipeline
from riskloom.server.decisions.repo import DecisionRepo
from riskloom.server.lock import Lock
from riskloom.server.rebuild import Snapshots, rebuild
from riskloom.server.writer import Writer

log = structlog.get_logger()
PAUSE_S = 0.5


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A state as the log has it.

    `arrival` is the number of its scenario's newest event, `last` the highest of any
    scenario in the database.
    """

    pipeline: Pipeline
    arrival: int
    last: int


def rebuilt(
    repo: DecisionRepo, bundle: Bundle, snapshots: Snapshots, progress: Callable[[int], None] | None
) -> Rebuilt:
    """The state of everything stored.

    Raises
    ------
    StoreUnavailable
    """
    pipeline, arrival = rebuild(repo, bundle, snapshots, progress)
    return Rebuilt(pipeline, arrival, repo.last_arrival())


async def recover(
    writer: Writer,
    repo: DecisionRepo,
    lock: Lock,
    bundle: Bundle,
    snapshots: Snapshots,
    is_draining: Callable[[], bool],
) -> Rebuilt:
    """Try until it succeeds; nothing is taken meanwhile.

    Parameters
    ----------
    is_draining
        Whether the writer is still failing what was queued behind the commit that failed.
    """

    def attempt() -> Rebuilt:
        writer.probe()
        lock.check()
        return rebuilt(repo, bundle, snapshots, None)

    while True:
        await asyncio.sleep(PAUSE_S)
        if is_draining():
            continue
        repo.close()
        try:
            return await asyncio.to_thread(attempt)
        except (RiskloomError, sa.exc.SQLAlchemyError, OSError) as error:
            log.warning("engine.still_unavailable", reason=str(error))
