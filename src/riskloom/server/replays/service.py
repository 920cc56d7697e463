"""Replays what a server stored: to verify its decisions, and to try other bundles on its events."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy.engine import Engine, Row

from riskloom.bundle import MANIFEST, Bundle, make_bundle, read_bundle
from riskloom.domain.event import Event
from riskloom.errors import BundleInvalid, NotFound
from riskloom.pipeline import Pipeline
from riskloom.replay.verify import Conditions, Logged, LoggedFact, Verified, Verifier
from riskloom.scenario.load import scenario_from_parts
from riskloom.scenario.scenario import Scenario
from riskloom.server.db import database_url, open_engine
from riskloom.server.decisions.record import decode, row_values
from riskloom.server.policy.memory import memory_of
from riskloom.server.replays.repo import ReplayRepo
from riskloom.stream import UNLABELLED, Labelled

Progress = Callable[[int, int], None]
"""(events done, events in all)."""


@contextlib.contextmanager
def opened(url: str) -> Iterator[ReplayRepo]:
    """The database of a server, to be read; a running server does not mind.

    Raises
    ------
    NotFound
        When there is no such file: none is made.
    """
    found = database_url(url)
    if found.get_backend_name() == "sqlite" and not Path(str(found.database)).is_file():
        raise NotFound(f"There is no database {found.database}.", hint="name it with --database")
    engine: Engine = open_engine(found, pool_size=1)
    try:
        yield ReplayRepo(engine)
    finally:
        engine.dispose()


def verify(
    repo: ReplayRepo,
    scenario: str,
    folders: Sequence[Path],
    *,
    last: int = 0,
    progress: Progress = lambda _done, _total: None,
) -> Verified:
    """Recompute what was decided about a scenario's events and compare bit for bit.

    Parameters
    ----------
    folders
        Where the bundles are looked for: bundles, or folders of them. One without a model is in the database.
    last
        Only so many events, the newest; the state before them is rebuilt from the log. 0 verifies all.
    """
    bundles, bare = _find(repo, scenario, folders)
    total = min(repo.count(scenario), last or 1 << 62)
    start = repo.first_of_last(scenario, last) if last else 0
    verifier = Verifier(bundles, bare, None, conditions_of(repo, scenario))
    if start:
        _begin_at(repo, scenario, verifier, [*bare.values(), *bundles.values()], start)
    done = 0
    for rows in repo.log(scenario, start - 1 if start else 0, -(1 << 62)):
        for row in rows:
            verifier.take(_logged(row))
        done += len(rows)
        progress(done, total)
    return verifier.finish()


def recorded_chunks(repo: ReplayRepo, scenario: Scenario) -> Iterator[list[Labelled]]:
    """The events of a scenario as they arrived."""
    for rows in repo.log(scenario.name, 0, -(1 << 62)):
        chunk = [(_event(row), UNLABELLED) for row in rows]
        if chunk:
            yield chunk


def _find(
    repo: ReplayRepo, scenario: str, folders: Sequence[Path]
) -> tuple[dict[str, Bundle], dict[str, Bundle]]:
    """(bundles by fingerprint, one for each features part); one without its model gives features only."""
    bundles: dict[str, Bundle] = {}
    for folder in _bundle_folders([*folders, *map(Path, repo.model_folders(scenario))]):
        with contextlib.suppress(BundleInvalid):  # damaged: it is named as missing where it decided
            found = read_bundle(folder)
            bundles[found.fingerprint] = found
    bare: dict[str, Bundle] = {}
    for fingerprint, (parts, has_model) in repo.bundles(scenario).items():
        plain = make_bundle(scenario_from_parts(parts), None)
        if not has_model and plain.fingerprint == fingerprint:
            bundles.setdefault(fingerprint, plain)
        bare.setdefault(plain.scenario.fingerprint("features"), plain)
    return bundles, bare


def _bundle_folders(folders: Sequence[Path]) -> Iterator[Path]:
    for folder in folders:
        if (folder / MANIFEST).is_file():
            yield folder
        elif folder.is_dir():
            yield from (path.parent for path in sorted(folder.glob(f"*/{MANIFEST}")))


def _reach_us(scenario: Scenario) -> int:
    """How far back an event can still matter; as in `rebuild`."""
    reach = max((window.window_us + window.delay_us for window in scenario.windows), default=0)
    return reach + scenario.max_lateness_us + scenario.ahead_us


def conditions_of(repo: ReplayRepo, scenario: str) -> Conditions:
    """Labels, lists and switches of a scenario, as the log has them."""
    changes = repo.policy_changes(scenario)
    switches = [(after, change.what) for after, change in changes if isinstance(change.what, frozenset)]
    memory = memory_of(change for _, change in changes)

    def off_before(arrival: int) -> frozenset[str]:
        return next((off for after, off in reversed(switches) if after < arrival), frozenset())

    facts = (
        LoggedFact(arrival, time_us, decode(fields), about, bool(truth))
        for arrival, time_us, fields, about, truth in repo.facts(scenario)
    )
    return Conditions(facts, memory.lists, off_before)


def _begin_at(
    repo: ReplayRepo, scenario: str, verifier: Verifier, bundles: Sequence[Bundle], start: int
) -> None:
    """Let a verifier take in what came before the event of an arrival number, as far as it still matters."""
    arrived_us = repo.arrived_us(start)
    remembered_us = max(Pipeline(bundle).deciding.reach_us for bundle in bundles)
    reach_us = max(remembered_us, *(_reach_us(bundle.scenario) for bundle in bundles))
    for rows in repo.log(scenario, 0, arrived_us - reach_us):
        earlier = [row for row in rows if row.arrival < start]
        arrivals = np.array([row.arrival for row in earlier], np.int64)
        verifier.skip([_event(row) for row in earlier], arrivals)
        for row in earlier:
            if remembered_us and row.arrived_at_us > arrived_us - remembered_us and row.outcome is not None:
                logged = _logged(row)
                verifier.recall(logged.bundle, logged.event, logged.decision or {})
        if len(earlier) < len(rows):
            break


def _event(row: Row[Any]) -> Event:
    return Event(row.event_id, row.event_time_us, row.arrived_at_us, *row_values(row))


def _logged(row: Row[Any]) -> Logged:
    decision = None
    if row.outcome is not None:
        decision = {
            "outcome": int(row.outcome),
            "anomaly_score": row.anomaly_score,
            "risk_score": row.risk_score,
            "probability": row.probability,
            "reasons": decode(row.reasons),
            "degraded": decode(row.decision_degraded),
            "contributions": decode(row.contributions) if row.contributions else {},
        }
    return Logged(
        int(row.arrival),
        _event(row),
        bytes(row.digest),
        bytes(row.vector),
        row.features,
        tuple(decode(row.degraded)),
        row.bundle or "",
        int(row.decided_at_us or 0),
        decision,
    )
