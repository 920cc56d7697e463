"""Simulated card payments, a model trained on them, a database of them: what a server is measured with."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from riskloom.bundle import Bundle, make_bundle, write_bundle
from riskloom.clock import SystemClock
from riskloom.domain.event import Event, decode_json
from riskloom.scenario.load import load_scenario
from riskloom.scenario.scenario import Scenario
from riskloom.server.decisions.backfill import backfill
from riskloom.server.settings import Settings
from riskloom.simulate.cards import simulate_columns
from riskloom.stream import without_labels
from riskloom.training.train import train

DAY_US = 86_400_000_000
DAYS = 20
LIVE_DAYS = 6  # an event may be seven days late
SEED = 7
CHUNK = 8_192
Say = Callable[[str], None]


def bodies(
    scenario: Scenario, count: int, *, seed: int, days: int, end_us: int, users: int
) -> Iterator[bytes]:
    """JSON bodies of simulated payments in time order that end with the day before `end_us`; no labels."""
    names = [field.name for field in scenario.fields]
    start_us = end_us // DAY_US * DAY_US - days * DAY_US
    chunks = simulate_columns(count, seed, start_us=start_us, days=days, users=users, population_seed=SEED)
    for chunk in chunks:
        for row in zip(*(chunk[name] for name in names), strict=True):
            yield msgspec.json.encode(dict(zip(names, row, strict=True)))


def events(scenario: Scenario, listed: Iterator[bytes]) -> Iterator[list[Event]]:
    """The events of bodies, as if each had arrived when it happened, chunk by chunk."""
    schema = scenario.schema()
    chunk: list[Event] = []
    for body in listed:
        event = schema.parse_one(decode_json(body), 1 << 60, make_id=str)
        chunk.append(Event(event.id, event.time_us, event.time_us, event.values, event.sent))
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


@dataclass(frozen=True, slots=True)
class History:
    """A folder with a bundle, a database of payments, and bodies of the same customers' of this week."""

    bundle: Bundle
    bundle_folder: Path
    settings: Settings
    live: list[bytes]


def make_history(folder: Path, past: int, count: int, say: Say) -> History:
    """Simulate, train (where scikit-learn is installed) and take the past into a database."""
    scenario = load_scenario("card_payments")
    end_us = time.time_ns() // 1000 // DAY_US * DAY_US + DAY_US
    users = max(1_000, past // DAYS)
    say(f"simulating {past:,} payments of {DAYS} days, then {count:,} of {LIVE_DAYS} days")
    earlier_us = end_us - LIVE_DAYS * DAY_US
    before = list(bodies(scenario, past, seed=SEED, days=DAYS, end_us=earlier_us, users=users))
    live = list(bodies(scenario, count, seed=SEED + 1, days=LIVE_DAYS, end_us=end_us, users=users))
    bundle = make_bundle(scenario, None)
    if find_spec("sklearn") is not None:
        say("training an isolation forest of 200 trees")
        history = without_labels(events(scenario, iter(before)))
        bundle = train(scenario, history, seed=SEED, about={}).bundle
    bundle_folder = folder / "bundle"
    write_bundle(bundle, bundle_folder)
    settings = settings_of(folder)
    fill(settings, bundle, events(scenario, iter(before)))
    return History(bundle, bundle_folder, settings, live)


def settings_of(folder: Path) -> Settings:
    """A server's settings with everything in one folder."""
    given: dict[str, Any] = {
        "database_url": f"sqlite:///{folder / 'bench.db'}",
        "data_dir": str(folder / "data"),
    }
    return Settings(**given)


def fill(settings: Settings, bundle: Bundle, chunks: Iterator[list[Event]]) -> int:
    """Take events into a database by the path of `riskloom ingest`; returns how many."""
    counts = backfill(
        settings, bundle, chunks, score=False, clock=SystemClock(), on_conflict=lambda _event, _fault: None
    )
    return counts.taken
