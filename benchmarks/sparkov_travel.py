"""Impossible travel on Sparkov 2019: honest payments are left alone, injected trips are all caught.

    python benchmarks/sparkov_travel.py

Writes its section of docs/benchmarks.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
from page import DATA, ROOT, events_of, table, write_section

from riskloom.bundle import make_bundle
from riskloom.domain.event import Event
from riskloom.pipeline import Pipeline
from riskloom.scenario.load import load_scenario
from riskloom.stream import Labelled

FILE = DATA / "sparkov" / "sparkov_sim_a_2019.parquet"
SCENARIO = ROOT / "examples" / "sparkov"
CODE = "IMPOSSIBLE_TRAVEL"
KM, KMH = 500.0, 900.0
EARTH_KM = 6371.0
SEED = 11
CARDS = 250
TRIPS = 5_000


@dataclass(frozen=True, slots=True)
class Found:
    """What the rule said of a stream: its events, how many of them are fast, and the ids it named."""

    events: int
    fast: int
    named: frozenset[str]


def main() -> None:
    """Measure both and write them down."""
    measured = measure()
    found, wrong, honest, trips = measured.found, measured.wrong, measured.honest, measured.trips
    caught = len(trips.ids) - len(measured.missed)
    rows = [
        ("honest payments, as they are", f"{honest:,}", f"{wrong:,}", f"{wrong / honest:.4%}", "<= 0.1 %"),
        (
            f"injected trips > {KM:g} km at > {KMH:g} km/h",
            f"{len(trips.ids):,}",
            f"{caught:,}",
            f"{caught / len(trips.ids):.2%}",
            "100 %",
        ),
    ]
    header = ("what", "payments", CODE, "share", "asked for")
    write_section(
        "sparkov_travel",
        f"""## Sparkov 2019: impossible travel

`python benchmarks/sparkov_travel.py` (seed {SEED})

The rule of card_payments over examples/sparkov: faster than {KMH:g} km/h **and** farther than {KM:g} km from
the last payment. The places in this set are noise around a home: {found.fast / found.events:.2%} of all
payments imply more than {KMH:g} km/h. The trips are put between two payments of {CARDS} cards, {trips.near:,}
of them within 1 % of both limits.

{table(header, rows)}
""",
    )


@dataclass(frozen=True, slots=True)
class Trips:
    """A stream with injected payments, their ids, and how many lie close to a limit."""

    stream: list[Event]
    ids: frozenset[str]
    near: int


@dataclass(frozen=True, slots=True)
class Measured:
    """Both measurements: the honest payments that were named wrongly, and the trips that were missed."""

    found: Found
    honest: int
    wrong: int
    trips: Trips
    missed: frozenset[str]


def measure() -> Measured:
    """The file as it is, then some of its cards with trips put between their payments."""
    scenario = load_scenario(SCENARIO)
    honest, cards = honest_ids(), some_cards()
    kept: list[Event] = []

    def keeping(chunks: Iterable[Sequence[Labelled]]) -> Iterator[Sequence[Event]]:
        for chunk in chunks:
            events = [event for event, _ in chunk]
            kept.extend(event for event in events if event.values["cc_num"] in cards)
            yield events

    found = judge(scenario, keeping(events_of(scenario, FILE)))
    trips = inject(kept, TRIPS, SEED)
    caught = judge(scenario, [trips.stream])
    return Measured(found, len(honest), len(found.named & honest), trips, trips.ids - caught.named)


def honest_ids() -> frozenset[str]:
    """The ids of the payments that are no fraud."""
    read = pq.read_table(FILE, columns=["trans_id", "is_fraud"]).to_pydict()
    return frozenset(
        str(number) for number, fraud in zip(read["trans_id"], read["is_fraud"], strict=True) if not fraud
    )


def judge(scenario: Any, chunks: Iterable[Sequence[Event]]) -> Found:
    """Run a stream through the pipeline and see which events get the reason."""
    pipeline = Pipeline(make_bundle(scenario, None))
    rule = [rule.code for rule in scenario.rules].index(CODE)
    speed = scenario.feature_names.index("speed_kmh")
    arrival, fast, named = 1, 0, set[str]()
    for events in chunks:
        batch = pipeline.score_many(events, arrival)
        arrival += len(events)
        fast += int((batch.vectors[:, speed] > KMH).sum())
        named |= {event.id for event, met in zip(events, batch.met[:, rule].tolist(), strict=True) if met}
    return Found(arrival - 1, fast, frozenset(named))


def some_cards() -> frozenset[str]:
    """The numbers of some cards."""
    cards = sorted(pc.unique(pq.read_table(FILE, columns=["cc_num"])["cc_num"]).to_pylist())
    return frozenset(np.random.default_rng(SEED).choice(cards, CARDS, replace=False).tolist())


def inject(events: Sequence[Event], count: int, seed: int) -> Trips:
    """Put payments far away between two payments of a card, each faster and farther than the limits."""
    dice = np.random.default_rng(seed)
    by_card: dict[object, list[Event]] = {}
    for event in events:
        by_card.setdefault(event.values["cc_num"], []).append(event)
    gaps = [pair for own in by_card.values() for pair in pairwise(own)]
    made: list[Event] = []
    near = 0
    for at in dice.permutation(len(gaps)).tolist():
        before, after = gaps[at]
        trip = _trip(before, after, dice, len(made))
        if trip is not None:
            made.append(trip[0])
            near += trip[1]
        if len(made) == count:
            break
    stream = sorted([*events, *made], key=lambda event: (event.time_us, event.id))
    return Trips(stream, frozenset(event.id for event in made), near)


def _trip(before: Event, after: Event, dice: np.random.Generator, number: int) -> tuple[Event, bool] | None:
    """A payment after `before` that nobody can have travelled to, or None where there is no time for it."""
    close = bool(dice.random() < 0.3)
    far = KM * (1 + 10 ** dice.uniform(-5, -2)) if close else dice.uniform(KM + 1, 12_000)
    speed = KMH * (1 + 10 ** dice.uniform(-5, -2)) if close else 10 ** dice.uniform(np.log10(KMH + 1), 6)
    start = int(before.values["merch_lat"] or 0) / 1e6, int(before.values["merch_long"] or 0) / 1e6
    lat, lon = _destination(*start, dice.uniform(0, 2 * np.pi), far)
    km = distance_km(*start, round(lat, 6), round(lon, 6))
    time_us = before.time_us + max(int(km / speed * 3.6e9), 1)
    elapsed_h = max((time_us - before.time_us) / 3.6e9, 1 / 3600)
    if time_us >= after.time_us or km <= KM or km / elapsed_h <= KMH:
        return None
    places = {"merch_lat": round(lat * 1e6), "merch_long": round(lon * 1e6)}
    name = f"trip_{number}"
    values = {**before.values, **places, "trans_id": name, "trans_date_trans_time": time_us}
    return Event(name, time_us, time_us, values, {}), close


def distance_km(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """Kilometres between two places on the sphere, by the angle of their directions (not by haversine)."""
    one, two = _direction(lat, lon), _direction(other_lat, other_lon)
    return EARTH_KM * float(np.arctan2(np.linalg.norm(np.cross(one, two)), np.dot(one, two)))


def _direction(lat: float, lon: float) -> Any:
    a, b = np.radians(lat), np.radians(lon)
    return np.array([np.cos(a) * np.cos(b), np.cos(a) * np.sin(b), np.sin(a)])


def _destination(lat: float, lon: float, bearing: float, km: float) -> tuple[float, float]:
    """Where one is after so many km on a great circle."""
    a, angle = np.radians(lat), km / EARTH_KM
    there = np.arcsin(np.sin(a) * np.cos(angle) + np.cos(a) * np.sin(angle) * np.cos(bearing))
    east = np.arctan2(np.sin(bearing) * np.sin(angle) * np.cos(a), np.cos(angle) - np.sin(a) * np.sin(there))
    return float(np.degrees(there)), float((lon + np.degrees(east) + 180) % 360 - 180)


if __name__ == "__main__":
    main()
