"""After a failed commit: waits until the store takes writes again, then rebuilds the state from the log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container
from dataclasses import dataclass

import sqlalchemy as sa
import structlog

from riskloom.bundle import Bundle
from riskloom.domain.decision import LADDER
from riskloom.domain.event import Event
from riskloom.errors import RiskloomError
from riskloom.pipeline import Pipeline
from riskloom.server.commits import Commits
from riskloom.server.decisions.record import decode, row_values
from riskloom.server.decisions.repo import DecisionRepo
from riskloom.server.effects import Known
from riskloom.server.lineup.team import Casting, Team, features_of
from riskloom.server.lock import Lock
from riskloom.server.policy.memory import PolicyMemory
from riskloom.server.rebuild import Snapshots, rebuild

log = structlog.get_logger()
PAUSE_S = 0.5


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A team over states as the log has them.

    `arrival` is the number of its scenario's newest event, `last` the highest of any scenario in the
    database; `known` is what effects go by.
    """

    team: Team
    arrival: int
    last: int
    memory: PolicyMemory
    known: Known


def rebuilt(
    repo: DecisionRepo,
    casting: Casting,
    memory: PolicyMemory,
    known: Known,
    data_dir: str,
    progress: Callable[[int], None] | None,
) -> Rebuilt:
    """A team after everything stored.

    Raises
    ------
    StoreUnavailable
    """
    built = {
        features: rebuild(repo, bundle, Snapshots(data_dir, bundle), progress)
        for features, bundle in by_features(casting).items()
    }
    states = {features: pipeline.state for features, (pipeline, _) in built.items()}
    arrival = max(newest for _, newest in built.values())
    team = Team(casting, states, memory)
    recall(repo, team.pipeline)
    return Rebuilt(team, arrival, repo.last_arrival(), memory, known)


def recall(repo: DecisionRepo, pipeline: Pipeline) -> None:
    """Let a policy remember the decisions of the log that its budget and limits go by."""
    reach_us = pipeline.deciding.reach_us
    if reach_us:
        _, arrived_us = repo.newest()
        for row in repo.decided_since(arrived_us - reach_us):
            event = Event(row.event_id, row.event_time_us, row.arrived_at_us, *row_values(row))
            stored = {
                "outcome": LADDER[row.outcome],
                "risk_score": row.risk_score,
                "probability": row.probability,
                "reasons": decode(row.reasons),
                "degraded": decode(row.decision_degraded),
            }
            pipeline.recall(event, stored)


def by_features(casting: Casting, known: Container[str] = ()) -> dict[str, Bundle]:
    """A bundle for each features part of a casting that is not known yet."""
    return {
        features_of(bundle): bundle
        for bundle in reversed(casting.bundles)
        if features_of(bundle) not in known
    }


async def recover(
    commits: Commits,
    repo: DecisionRepo,
    lock: Lock,
    casting: Callable[[], Casting],
    memory: Callable[[], PolicyMemory],
    known: Callable[[], Known],
    data_dir: str,
) -> Rebuilt:
    """Try until it succeeds; nothing is taken meanwhile.

    Parameters
    ----------
    commits
        While they drain, what was queued behind the commit that failed is failing.
    casting
        Who judges at the moment.
    memory, known
        Read what was changed of the policy, and what effects go by.
    """

    def attempt() -> Rebuilt:
        commits.writer.probe()
        lock.check()
        return rebuilt(repo, casting(), memory(), known(), data_dir, None)

    while True:
        await asyncio.sleep(PAUSE_S)
        if commits.is_draining:
            continue
        repo.close()
        try:
            return await asyncio.to_thread(attempt)
        except (RiskloomError, sa.exc.SQLAlchemyError, OSError) as error:
            log.warning("engine.still_unavailable", reason=str(error))
