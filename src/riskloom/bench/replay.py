"""A replay of simulated card payments from a Parquet file: by one model, by two policies, by all families.

Processor time of all of it: reading, windows, scores, rules, outcomes and what is kept of them. A first small
replay lets everything be compiled.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from riskloom.adapters.sources.parquet import open_rows
from riskloom.bench.history import DAYS, SEED
from riskloom.bench.models import KINDS, NEEDED
from riskloom.bench.report import Figure, Part
from riskloom.bench.sizes import Sizes
from riskloom.bundle import Bundle, make_bundle
from riskloom.domain.field import Field, FieldType
from riskloom.features.kernel import warm_up
from riskloom.measure.cost import CostMatrix
from riskloom.replay.compare import compare
from riskloom.replay.run import Progress, Replayed, replay
from riskloom.replay.side import Side
from riskloom.scenario.load import load_scenario, scenario_from_parts
from riskloom.scenario.scenario import Scenario
from riskloom.simulate.cards import simulate_columns
from riskloom.stream import EventStream
from riskloom.training.train import train

EVENTS_A_SECOND, ALL_A_SECOND, MEMORY_MB, PROGRESS_S = 60_000.0, 30_000.0, 1_500.0, 2.0
RULES = 20
TRAINED_ON, LEAST = 60_000, 2_000
_START_US = 1_700_006_400_000_000


def measure(sizes: Sizes, folder: Path, say: Callable[[str], None]) -> Part:
    """Replay with one bundle, with two policies over one state, and with all families and their stack."""
    warm_up(say)
    scenario = _scenario({})
    say(f"replay: writing {sizes.replay:,} payments")
    path = write_payments(folder / "payments.parquet", sizes.replay)
    small = write_payments(folder / "small.parquet", min(TRAINED_ON, max(sizes.replay, LEAST)))
    say("replay: training a forest")
    bundle = _trained(scenario, small)
    other = _with_percentile(bundle, 99.5)
    _timed([Side("A", bundle)], small)  # compiles
    say("replay: by one bundle")
    one, first_s, replayed = _timed([Side("A", bundle)], path)
    say("replay: by two policies")
    two, _, _ = _timed([Side("A", bundle), Side("B", other)], path)
    before = time.process_time()
    compare(replayed, matrix=CostMatrix(500, 200, 0.9), budget=100)
    took = time.process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    del replayed
    features = len(bundle.scenario.feature_names)
    model = "rules alone" if bundle.model is None else "a forest of 200 trees"
    note = f"{features} features, {model}, {RULES} rules; from Parquet, processor time"
    figures = [
        Figure("replay, one bundle", one, "events/s", EVENTS_A_SECOND, at_most=False, note=note),
        Figure("replay, two policies over one state", two, "events/s", note=note),
        Figure("figures with intervals", took, "s"),
        Figure("resident at most", peak, "MB", MEMORY_MB, note=f"{sizes.replay:,} events"),
        Figure("first progress", first_s, "s", PROGRESS_S, note="by the clock, behind the first events"),
        _all_families(small, path, say),
    ]
    return Part("replay", figures)


def write_payments(path: Path, count: int) -> Path:
    """A Parquet file of so many simulated payments, in time order, with labels."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    users = max(1_000, count // DAYS)
    chunks = simulate_columns(count, SEED, start_us=_START_US, days=DAYS, users=users, population_seed=SEED)
    first = pa.table(next(chunks))
    with pq.ParquetWriter(path, first.schema) as out:
        out.write_table(first)
        for chunk in chunks:
            out.write_table(pa.table(chunk, schema=first.schema))
    return path


def _stream(scenario: Scenario, path: Path) -> EventStream:
    label = Field(scenario.label_field, FieldType.STRING, required=False)
    rows: Any = open_rows(path, (*scenario.fields, label), [])
    return EventStream(rows, scenario.schema(ignore_unknown=True), "", lambda _letter: None, label.name)


def _timed(sides: Sequence[Side], path: Path) -> tuple[float, float, Replayed]:
    """(events a second of processor time, seconds to the first progress, what was found)."""
    before, began, first = time.process_time(), time.perf_counter(), [0.0]

    def progress(_so_far: Progress) -> None:
        first[0] = first[0] or time.perf_counter() - began

    chunks = _stream(sides[0].bundle.scenario, path).column_chunks()
    replayed = replay(sides, chunks, on_progress=progress)
    return len(replayed.tape) / (time.process_time() - before), first[0], replayed


def _all_families(small: Path, path: Path, say: Callable[[str], None]) -> Figure:
    """A replay by six kinds of models and the stack that joins them."""
    what = "replay, all families and their stack"
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        return Figure(what, None, "", note=f"not installed: {', '.join(missing)}")
    say("replay: training all families")
    detectors = [{"kind": kind, "parameters": dict(given)} for kind, given in KINDS.items()]
    bundle = _trained(_scenario({"detectors": detectors, "ensemble": "stacking"}), small)
    sides = [Side("A", bundle)]
    _timed(sides, small)  # compiles
    say("replay: by all families")
    rate, _, _ = _timed(sides, path)
    note = f"{', '.join(KINDS)}; {RULES} rules; from Parquet, processor time"
    return Figure(what, rate, "events/s", ALL_A_SECOND, at_most=False, note=note)


def _scenario(model: Mapping[str, Any]) -> Scenario:
    """Card payments with twenty rules, by variants of their own; with another model where one is given."""
    scenario = load_scenario("card_payments")
    given = list(scenario.parts["rules"])
    more = [
        {**rule, "code": f"{rule['code']}_{at}", "action": "watch"}
        for at, rule in enumerate(given[: RULES - len(given)])
    ]
    parts = {**scenario.parts, "rules": [*given, *more]}
    return scenario_from_parts({**parts, "model": model} if model else parts)


def _trained(scenario: Scenario, path: Path) -> Bundle:
    return train(scenario, _stream(scenario, path).column_chunks(), seed=SEED, about={}).bundle


def _with_percentile(bundle: Bundle, percentile: float) -> Bundle:
    scenario = bundle.scenario
    policy = {**scenario.parts["policy"], "percentile": percentile}
    return make_bundle(scenario_from_parts({**scenario.parts, "policy": policy}), bundle.model)
