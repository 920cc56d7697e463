"""What can be declared: the columns of an event and the features over windows of earlier events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from riskloom.errors import Fault, nearest, show
from riskloom.graph.spec import HUB

SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US
DEFAULT_WINDOW_US = 90 * DAY_US
LONGEST_US = 10 * 366 * DAY_US
"""The engine's own bound for a window, a delay and the lateness; a scenario may allow less."""

MAX_ENTITIES = 16
MAX_PAIRS = 8
MAX_LINKS = 4
LARGEST_HUB = 100
COMPONENT_SIZE, FRAUD_NEIGHBOURS = LINKED = ("component_size", "fraud_neighbours")
"""The aggregates over who is linked with whom."""
FOREVER_US = 1 << 60


@dataclass(frozen=True, slots=True)
class Column:
    """One column of an event that features read."""

    name: str
    kind: Literal["id", "integer"]
    """`id`: text, interned (str or None). `integer`: a scaled int64 (or None)."""
    scale: int = 1
    """What an integer is divided by to give the value people read: 100 for cents."""
    dictionary: str = ""
    """Columns of one dictionary share their ids; its own name when empty."""


@dataclass(frozen=True, slots=True)
class WindowFeature:
    """An aggregate over one entity's events that arrived before and lie in (t - delay - window, t - delay].

    `include_current` adds the event itself, whatever its time; only without delay, and only for aggregates of
    values.
    """

    name: str
    entity_column: str
    aggregate: str
    of: tuple[str, ...] = ()
    window_us: int = DEFAULT_WINDOW_US
    delay_us: int = 0
    include_current: bool = False
    hub: int = HUB
    """Of `LINKED` aggregates: a value with more neighbours links nobody."""

    @property
    def reach_us(self) -> int:
        """How far back an event may lie that it looks at."""
        return FOREVER_US if self.aggregate in LINKED else self.window_us + self.delay_us


@dataclass(frozen=True, slots=True)
class Aggregate:
    """What an aggregate needs and whether it may include the current event."""

    inputs: tuple[str, ...]
    """The kind of each column it reads."""
    current: bool
    meaning: str


AGGREGATES: Mapping[str, Aggregate] = {
    "count": Aggregate((), True, "number of events"),
    "sum": Aggregate(("integer",), True, "sum of the present values; 0 when there are none"),
    "mean": Aggregate(("integer",), True, "mean of the present values; null when there are none"),
    "std": Aggregate(
        ("integer",), True, "population standard deviation of the present values; null when none"
    ),
    "min": Aggregate(("integer",), True, "least present value; null when there are none"),
    "max": Aggregate(("integer",), True, "greatest present value; null when there are none"),
    "distinct": Aggregate(("id",), True, "number of different present values"),
    "first_seen": Aggregate(("id",), False, "1 when no event of the window has this event's value, else 0"),
    "seconds_since_last": Aggregate((), False, "seconds since the newest event; null when there is none"),
    "last": Aggregate(("integer",), False, "the newest event's value; null when it has none"),
    "travel_km": Aggregate(
        ("integer", "integer"), False, "kilometres from the newest event's place to this one's"
    ),
    "travel_speed": Aggregate(
        ("integer", "integer"), False, "km/h from the newest event's place, over at least 1 s"
    ),
    "fraud_count": Aggregate((), False, "number of events that are known to be frauds by now"),
    "fraud_share": Aggregate((), False, "share of events that are known to be frauds by now; null when none"),
    COMPONENT_SIZE: Aggregate((), True, "number of entities that hang together by shared values; ever"),
    FRAUD_NEIGHBOURS: Aggregate((), True, "number of others with a shared value and a known fraud; ever"),
}
"""In the order of their codes in `layout`. All are null for a missing entity and a too-late event."""


def check_features(features: Sequence[WindowFeature], columns: Sequence[Column]) -> list[Fault]:
    """All that is wrong with a declaration; empty when it can be compiled. `where` names the part."""
    faults: list[Fault] = []
    by_name = {column.name: column for column in columns}
    for what, names in (("column", [c.name for c in columns]), ("feature", [f.name for f in features])):
        twice = sorted({name for name in names if names.count(name) > 1})
        faults += [Fault(f"{what} {name}", "each name once", "it twice") for name in twice]
    for column in columns:
        if column.kind not in ("id", "integer"):
            faults.append(Fault(f"column {column.name}.kind", "id or integer", show(column.kind)))
        if column.scale < 1:
            faults.append(Fault(f"column {column.name}.scale", "a whole number >= 1", show(column.scale)))
    for feature in features:
        faults += _check_feature(feature, by_name)
    return faults + _check_sizes(features)


def _check_feature(feature: WindowFeature, columns: Mapping[str, Column]) -> list[Fault]:
    where = f"feature {feature.name}"
    faults = _check_column(f"{where}.entity_column", feature.entity_column, "id", columns)
    aggregate = AGGREGATES.get(feature.aggregate)
    if aggregate is None:
        hint = nearest(feature.aggregate, AGGREGATES)
        expected = f"one of {', '.join(AGGREGATES)}"
        faults.append(Fault(f"{where}.aggregate", expected, show(feature.aggregate), hint))
    elif feature.aggregate in LINKED:
        faults += _check_links(where, feature, columns)
    elif len(feature.of) != len(aggregate.inputs):
        expected = f"{len(aggregate.inputs)} column(s) for {feature.aggregate}"
        faults.append(Fault(f"{where}.of", expected, show(list(feature.of))))
    else:
        for name, kind in zip(feature.of, aggregate.inputs, strict=True):
            faults += _check_column(f"{where}.of", name, kind, columns)
    if not 1 <= feature.window_us <= LONGEST_US:
        faults.append(Fault(f"{where}.window_us", f"1 to {LONGEST_US} microseconds", show(feature.window_us)))
    if not 0 <= feature.delay_us <= LONGEST_US:
        faults.append(Fault(f"{where}.delay_us", f"0 to {LONGEST_US} microseconds", show(feature.delay_us)))
    if feature.include_current and feature.delay_us:
        faults.append(Fault(f"{where}.include_current", "no delay beside include_current", "both"))
    if feature.include_current and aggregate is not None and not aggregate.current:
        able = ", ".join(name for name, each in AGGREGATES.items() if each.current)
        faults.append(Fault(f"{where}.include_current", f"one of {able}", feature.aggregate))
    return faults


def _check_links(where: str, feature: WindowFeature, columns: Mapping[str, Column]) -> list[Fault]:
    faults = [fault for name in feature.of for fault in _check_column(f"{where}.of", name, "id", columns)]
    different = {*feature.of, feature.entity_column}
    if not 1 <= len(feature.of) <= MAX_LINKS or len(different) != len(feature.of) + 1:
        expected = f"1 to {MAX_LINKS} different columns, none of them the entity's"
        faults.append(Fault(f"{where}.of", expected, show(list(feature.of))))
    if not 1 <= feature.hub <= LARGEST_HUB:
        faults.append(Fault(f"{where}.hub", f"1 to {LARGEST_HUB} neighbours", show(feature.hub)))
    if feature.delay_us:
        faults.append(Fault(f"{where}.delay_us", "no delay", show(feature.delay_us)))
    return faults


def _check_column(where: str, name: str, kind: str, columns: Mapping[str, Column]) -> list[Fault]:
    column = columns.get(name)
    if column is None:
        return [Fault(where, "a column that is declared", show(name), nearest(name, columns))]
    if column.kind != kind:
        wanted = "text" if kind == "id" else "numbers"
        return [Fault(where, f"a column of {wanted} ({kind})", f"{name!r} ({column.kind})")]
    return []


def _check_sizes(features: Sequence[WindowFeature]) -> list[Fault]:
    told_apart: dict[str, set[str]] = {}
    for feature in (feature for feature in features if feature.aggregate not in LINKED):
        values = told_apart.setdefault(feature.entity_column, set())
        if feature.aggregate in ("distinct", "first_seen"):
            values.update(feature.of)
    faults: list[Fault] = []
    if len(told_apart) > MAX_ENTITIES:
        faults.append(Fault("features", f"at most {MAX_ENTITIES} entity columns", str(len(told_apart))))
    for entity, values in told_apart.items():
        if len(values) > MAX_PAIRS:
            expected = f"at most {MAX_PAIRS} columns in distinct and first_seen of one entity"
            faults.append(Fault(f"entity {entity}", expected, str(len(values))))
    return faults
