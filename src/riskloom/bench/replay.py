"""A replay of simulated card payments by one model and twenty rules, and of two policies at once.

The time that simulating and reading events takes is taken off: what is measured is windows, scores, rules,
outcomes and what is kept of them, and the figures at the end.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from riskloom.bench.history import DAYS, SEED
from riskloom.bench.report import Figure, Part
from riskloom.bench.sizes import Sizes
from riskloom.bundle import Bundle, make_bundle
from riskloom.domain.columns import Labelled
from riskloom.domain.event import Event, decode_json
from riskloom.features.kernel import warm_up
from riskloom.measure.cost import CostMatrix
from riskloom.replay.compare import compare
from riskloom.replay.run import Replayed, replay
from riskloom.replay.side import Side
from riskloom.scenario.load import load_scenario, scenario_from_parts
from riskloom.scenario.scenario import Scenario
from riskloom.simulate.cards import simulate_columns
from riskloom.training.train import train

EVENTS_A_SECOND, MEMORY_MB = 60_000.0, 1_500.0
CHUNK = 8_192
RULES = 20
TRAINED_ON, LEAST = 60_000, 2_000
_START_US = 1_700_006_400_000_000


class _Events:
    """Labelled payments in chunks; `took` is the processor time that making them took."""

    def __init__(self, scenario: Scenario, count: int) -> None:
        self._scenario = scenario
        self._count = count
        self.took = 0.0

    def chunks(self) -> Iterator[list[Labelled]]:
        """The payments, in time order."""
        schema, names = self._scenario.schema(), [field.name for field in self._scenario.fields]
        before, chunk = time.process_time(), list[Labelled]()
        users = max(1_000, self._count // DAYS)
        for columns in simulate_columns(
            self._count, SEED, start_us=_START_US, days=DAYS, users=users, population_seed=SEED
        ):
            rows = zip(*(columns[name] for name in names), strict=True)
            for row, label in zip(rows, columns[self._scenario.label_field], strict=True):
                body = msgspec.json.encode(dict(zip(names, row, strict=True)))
                event = schema.parse_one(decode_json(body), 1 << 60, make_id=str)
                event = Event(event.id, event.time_us, event.time_us, event.values, event.sent)
                chunk.append((event, float(str(label))))
                if len(chunk) == CHUNK:
                    self.took += time.process_time() - before
                    yield chunk
                    before, chunk = time.process_time(), []
        self.took += time.process_time() - before
        if chunk:
            yield chunk


def measure(sizes: Sizes, folder: Path, say: Callable[[str], None]) -> Part:
    """Replay with one bundle, then with two policies over one state."""
    warm_up(say)
    bundle = _bundle(min(TRAINED_ON, max(sizes.replay, LEAST)), say)
    other = _with_percentile(bundle, 99.5)
    _timed([Side("A", bundle)], _Events(bundle.scenario, CHUNK))  # compiles
    say(f"replay: {sizes.replay:,} payments by one bundle")
    one, replayed = _timed([Side("A", bundle)], _Events(bundle.scenario, sizes.replay))
    say(f"replay: {sizes.replay:,} payments by two policies")
    two, _ = _timed([Side("A", bundle), Side("B", other)], _Events(bundle.scenario, sizes.replay))
    before = time.process_time()
    compare(replayed, matrix=CostMatrix(500, 200, 0.9), budget=100)
    took = time.process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    features, model = (
        len(bundle.scenario.feature_names),
        "rules alone" if bundle.model is None else "a forest",
    )
    note = f"{features} features, {model}, {RULES} rules; one thread, processor time, without reading"
    return Part(
        "replay",
        [
            Figure("replay, one bundle", one, "events/s", EVENTS_A_SECOND, at_most=False, note=note),
            Figure("replay, two policies over one state", two, "events/s", note=note),
            Figure("figures with intervals", took, "s"),
            Figure("resident at most", peak, "MB", MEMORY_MB, note=f"{sizes.replay:,} events"),
        ],
    )


def _timed(sides: list[Side], events: _Events) -> tuple[float, Replayed]:
    """Events a second of processor time, without making them."""
    before = time.process_time()
    replayed = replay(sides, events.chunks())
    return len(replayed.tape) / (time.process_time() - before - events.took), replayed


def _bundle(trained_on: int, say: Callable[[str], None]) -> Bundle:
    """Card payments with a forest and, by variants of its own rules, twenty of them."""
    scenario = load_scenario("card_payments")
    given = list(scenario.parts["rules"])
    more = [
        {**rule, "code": f"{rule['code']}_{at}", "action": "watch"}
        for at, rule in enumerate(given[: RULES - len(given)])
    ]
    scenario = scenario_from_parts({**scenario.parts, "rules": [*given, *more]})
    say(f"replay: training a forest on {trained_on:,} payments")
    history = (
        [(event, float("nan")) for event, _ in chunk] for chunk in _Events(scenario, trained_on).chunks()
    )
    return train(scenario, history, seed=SEED, about={}).bundle


def _with_percentile(bundle: Bundle, percentile: float) -> Bundle:
    scenario = bundle.scenario
    policy = {**scenario.parts["policy"], "percentile": percentile}
    return make_bundle(scenario_from_parts({**scenario.parts, "policy": policy}), bundle.model)
