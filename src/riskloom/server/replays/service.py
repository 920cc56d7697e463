"""Replays what a server stored: to verify its decisions, and to try other bundles on its events."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from sqlalchemy.engine import Engine, Row

from riskloom.bundle import MANIFEST, Bundle, make_bundle, read_bundle
from riskloom.domain.columns import Labelled
from riskloom.errors import BundleInvalid, NotFound
from riskloom.features.state import WindowState
from riskloom.pipeline import Pipeline
from riskloom.replay.verify import Conditions, LoggedFact, Verified, Verifier
from riskloom.rules.lists import Lists
from riskloom.scenario.load import scenario_from_parts
from riskloom.scenario.scenario import Scenario
from riskloom.server.db import database_url, open_engine
from riskloom.server.decisions.record import decode
from riskloom.server.policy.memory import memory_of
from riskloom.server.replays.logged import LoggedRows, event_of
from riskloom.server.replays.repo import ReplayRepo
from riskloom.stream import UNLABELLED

SAMPLED = 16
"""While a server runs, one event in so many is verified."""
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
    reader = LoggedRows(repo, scenario)
    verifier = Verifier(bundles, bare, None, conditions_of(repo, scenario, shadows=reader.shadows))
    if start:
        _begin_at(repo, scenario, verifier, reader, [*bare.values(), *bundles.values()], start)
    done = 0
    for rows in repo.log(scenario, start - 1 if start else 0, -(1 << 62)):
        logged = reader.of(rows)
        for row in rows:
            verifier.take(logged(row))
        done += len(rows)
        progress(done, total)
    return verifier.finish()


def recorded_chunks(repo: ReplayRepo, scenario: Scenario) -> Iterator[list[Labelled]]:
    """The events of a scenario as they arrived, each with what it counts as now."""
    truths = repo.truths(scenario.name)
    for rows in repo.log(scenario.name, 0, -(1 << 62)):
        chunk = [(event_of(row), float(truths.get(row.arrival, UNLABELLED))) for row in rows]
        if chunk:
            yield chunk


def recorded_digest(repo: ReplayRepo, scenario: str) -> str:
    """Names what `recorded_chunks` and `recorded_lists` give but for events that arrive later.

    It changes with every label and with every change of lists and switches.
    """
    first = next((rows[0] for rows in repo.log(scenario, 0, -(1 << 62)) if rows), None)
    begun = None if first is None else (first.arrival, first.event_id, first.arrived_at_us)
    digest = hashlib.sha256(repr(begun).encode())
    for told in (*repo.truths(scenario).items(), *repo.policy_changes(scenario)):
        digest.update(msgspec.json.encode(told, order="deterministic", enc_hook=str))
    return digest.hexdigest()[:16]


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
    reach = max((window.reach_us for window in scenario.windows), default=0)
    return reach + scenario.max_lateness_us + scenario.ahead_us


def recorded_lists(repo: ReplayRepo, scenario: str) -> Callable[[Scenario], Lists]:
    """Who was on lists, for `recorded_chunks`: by the places of events in the log, counted from 1."""
    changes = []
    for after, change in repo.policy_changes(scenario):
        if not isinstance(change.what, frozenset):
            place = repo.place(scenario, after)
            moved = tuple(replace(entry, after=place) for entry in change.what)
            changes.append(replace(change, what=moved))
    return memory_of(changes).lists


def check_since(
    repo: ReplayRepo, bundle: Bundle, folders: Sequence[Path], state: WindowState, arrival: int
) -> tuple[Verified, int]:
    """Verify a sample of what was decided behind an entry of the log, with exact windows.

    Parameters
    ----------
    bundle
        The champion: events whose vector is of other features are not compared.
    state, arrival
        The state after the log's entry of this number; it is taken on to the end of the log.

    Returns
    -------
    What was found, and the number of the last entry that the state holds. A server may go on writing.
    """
    scenario, features = bundle.scenario.name, bundle.scenario.fingerprint("features")
    found = {bundle.fingerprint: bundle, **_find(repo, scenario, folders)[0]}
    bundles = {name: one for name, one in found.items() if one.scenario.fingerprint("features") == features}
    last_label = repo.last_label(scenario)
    reader = LoggedRows(repo, scenario)
    conditions = conditions_of(repo, scenario, arrival, reader.shadows)
    verifier = Verifier(bundles, {features: bundle}, {features: state}, conditions)
    remembered_us = _remembered_us(bundles.values())
    if arrival:
        _recall(repo, scenario, verifier, reader, arrival + 1, remembered_us)
    newest = arrival
    for rows in repo.log(scenario, arrival, -(1 << 62)):
        logged = reader.of(rows)
        passed: list[Row[Any]] = []
        for row in rows:
            if row.features == features and (remembered_us or is_sampled(row.event_id)):
                _skip(verifier, passed)
                passed = []
                verifier.take(logged(row))
            else:
                passed.append(row)
                if remembered_us:
                    verifier.recall(logged(row))
        _skip(verifier, passed)
        newest = max([newest, *(int(row.arrival) for row in rows[-1:])])
    newest = max(newest, last_label)  # every event before it was stored when it was asked for
    return verifier.finish(newest + 1), newest


def is_sampled(event_id: str) -> bool:
    """Whether an event is verified while the server runs: one in so many, always the same ones."""
    return hashlib.blake2b(event_id.encode(), digest_size=2, key=b"parity").digest()[0] < 256 // SAMPLED


def _skip(verifier: Verifier, rows: Sequence[Row[Any]]) -> None:
    verifier.skip([event_of(row) for row in rows], np.array([row.arrival for row in rows], np.int64))


def conditions_of(
    repo: ReplayRepo, scenario: str, after: int = 0, shadows: frozenset[str] = frozenset()
) -> Conditions:
    """Labels behind an arrival number, lists and switches of a scenario, as the log has them."""
    changes = repo.policy_changes(scenario)
    switches = [(after, change.what) for after, change in changes if isinstance(change.what, frozenset)]
    memory = memory_of(change for _, change in changes)

    def off_before(arrival: int) -> frozenset[str]:
        return next((off for after, off in reversed(switches) if after < arrival), frozenset())

    facts = (
        LoggedFact(arrival, time_us, decode(fields), about, bool(truth))
        for arrival, time_us, fields, about, truth in repo.facts(scenario, after)
    )
    return Conditions(facts, memory.lists, off_before, shadows)


def _begin_at(
    repo: ReplayRepo,
    scenario: str,
    verifier: Verifier,
    reader: LoggedRows,
    bundles: Sequence[Bundle],
    start: int,
) -> None:
    """Let a verifier take in what came before the event of an arrival number, as far as it still matters."""
    reach_us = max(_reach_us(bundle.scenario) for bundle in bundles)
    for rows in repo.log(scenario, 0, repo.arrived_us(start) - reach_us):
        earlier = [row for row in rows if row.arrival < start]
        _skip(verifier, earlier)
        if len(earlier) < len(rows):
            break
    _recall(repo, scenario, verifier, reader, start, _remembered_us(bundles))


def _remembered_us(bundles: Iterable[Bundle]) -> int:
    """How far back the decisions lie that some policy goes by; 0 where none does."""
    return max((Pipeline(bundle).deciding.reach_us for bundle in bundles), default=0)


def _recall(
    repo: ReplayRepo, scenario: str, verifier: Verifier, reader: LoggedRows, before: int, remembered_us: int
) -> None:
    """Let a verifier's policies remember what was decided before an arrival number."""
    if not remembered_us:
        return
    for rows in repo.log(scenario, 0, repo.arrived_us(before - 1) - remembered_us):
        logged = reader.of(rows)
        for row in rows:
            if row.arrival >= before:
                return
            verifier.recall(logged(row))
