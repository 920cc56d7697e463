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
from riskloom.features.state import WindowState
from riskloom.pipeline import Pipeline
from riskloom.replay.verify import Logged, Verified, Verifier
from riskloom.scenario.load import scenario_from_parts
from riskloom.scenario.scenario import Scenario
from riskloom.server.db import database_url, open_engine
from riskloom.server.decisions.record import decode, row_values
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
    states, since_us = {}, -(1 << 62)
    if start:
        since_us = repo.arrived_us(start) - max(_reach_us(bundle.scenario) for bundle in bare.values())
        states = _states(repo, scenario, bare, start, since_us)
    verifier = Verifier(bundles, bare, states)
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


def _states(
    repo: ReplayRepo, scenario: str, bare: dict[str, Bundle], before: int, since_us: int
) -> dict[str, WindowState]:
    """The states before the event of an arrival number, from the log behind it."""
    pipelines = {features: Pipeline(bundle) for features, bundle in bare.items()}
    for rows in repo.log(scenario, 0, since_us):
        earlier = [row for row in rows if row.arrival < before]
        arrivals = np.array([row.arrival for row in earlier], np.int64)
        events = [_event(row) for row in earlier]
        for pipeline in pipelines.values():
            pipeline.advance_many(events, arrivals)
        if len(earlier) < len(rows):
            break
    return {features: pipeline.state for features, pipeline in pipelines.items()}


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
