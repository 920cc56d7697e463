"""A declaration as data: the int64 table that the compiled kernel walks. A new plan compiles nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass, field

import numpy as np

from riskloom.errors import Fault, ParameterInvalid, show
from riskloom.features import layout as at
from riskloom.features.evidence import ALL, FRAUDS_ONLY, LAST_ONLY
from riskloom.features.layout import Ints
from riskloom.features.spec import AGGREGATES, LINKED, LONGEST_US, Column, WindowFeature, check_features

OPERATIONS = {name: code for code, name in enumerate(AGGREGATES)}
_SUMS = (at.SUM, at.MEAN, at.STD)
_TRAVELS = (at.TRAVEL_KM, at.TRAVEL_SPEED)
_FRAUDS = (at.FRAUD_COUNT, at.FRAUD_SHARE)


@dataclass(frozen=True, slots=True)
class Plan:
    """A compiled declaration."""

    names: tuple[str, ...]
    """The features, in the order of the vector."""
    columns: tuple[Column, ...]
    """The columns the features need, in the order of an event's row: ids first."""
    table: Ints
    row_width: int
    found_at: tuple[tuple[int, int, int], ...]
    """For each feature: its entity's row, its window's row, which events are its evidence."""
    fingerprint: str
    """Names what a state was built for: features, columns, lateness and layout."""


def compile_plan(features: Sequence[WindowFeature], columns: Sequence[Column], max_lateness_us: int) -> Plan:
    """Check and lay out a declaration.

    Raises
    ------
    ParameterInvalid
        With every fault of it.
    """
    faults = check_features(features, columns)
    if not 0 <= max_lateness_us <= LONGEST_US:
        faults.append(Fault("max_lateness_us", f"0 to {LONGEST_US} microseconds", show(max_lateness_us)))
    if faults:
        raise ParameterInvalid(faults)
    needed = {name for feature in features for name in (feature.entity_column, *feature.of)}
    used = tuple(sorted((c for c in columns if c.name in needed), key=lambda c: c.kind != "id"))
    rows = _Rows(used, features)
    said = [at.LAYOUT_VERSION, max_lateness_us, [astuple(f) for f in features], [astuple(c) for c in used]]
    return Plan(
        names=tuple(feature.name for feature in features),
        columns=used,
        table=rows.table(max_lateness_us),
        row_width=at.VALUES + len(used) + len(rows.places),
        found_at=rows.found_at(),
        fingerprint=hashlib.sha256(json.dumps(said).encode()).hexdigest(),
    )


@dataclass(slots=True)
class _Entity:
    """What one entity's blocks hold of an event, and its windows."""

    column: int
    keep: int = 1
    totals: list[int] = field(default_factory=list)
    squares: list[int] = field(default_factory=list)
    raws: list[int] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    scanned: list[int] = field(default_factory=list)
    pairs: list[int] = field(default_factory=list)
    windows: dict[tuple[int, int], list[tuple[int, WindowFeature]]] = field(default_factory=dict)

    def longs(self) -> list[tuple[int, int]]:
        """(what it holds, column) of each 64-bit word of a record: sums, squares in two limbs, raw values."""
        squares = [(kind, c) for c in self.squares for kind in (at.SQUARE_LOW, at.SQUARE_HIGH)]
        raws = [(at.RAW, c) for c in self.raws if c not in self.scanned]
        return [*((at.TOTAL, c) for c in self.totals), *squares, *raws]

    def shorts(self) -> int:
        """How many 32-bit values a record holds behind them: arrival, ids, counts."""
        return 1 + len(self.pairs) + len(self.counts)

    def record(self) -> int:
        """The words of a record."""
        return len(self.longs()) + (self.shorts() + 1) // 2


def _once(values: list[int], value: int) -> None:
    if value not in values:
        values.append(value)


class _Rows:
    """Collects the rows of the table section by section."""

    def __init__(self, columns: Sequence[Column], features: Sequence[WindowFeature]) -> None:
        self.index = {column.name: at.VALUES + i for i, column in enumerate(columns)}
        self.scale = {column.name: column.scale for column in columns}
        self.features = features
        self.places: dict[tuple[str, str], int] = {}
        self.entities: dict[str, _Entity] = {}
        for number, feature in enumerate(features):
            if feature.aggregate not in LINKED:
                self._collect(number, feature)

    def _column(self, feature: WindowFeature) -> int:
        """The place in an event's row of what the feature reads; a pair of degrees gets its own."""
        if OPERATIONS[feature.aggregate] in _FRAUDS:
            return at.ENTRY
        if not feature.of:
            return 0
        if len(feature.of) == 1:
            return self.index[feature.of[0]]
        pair = (feature.of[0], feature.of[1])
        return self.places.setdefault(pair, at.VALUES + len(self.index) + len(self.places))

    def _collect(self, number: int, feature: WindowFeature) -> None:
        entity = self.entities.setdefault(feature.entity_column, _Entity(self.index[feature.entity_column]))
        op, column = OPERATIONS[feature.aggregate], self._column(feature)
        if op in _SUMS:
            _once(entity.totals, column)
        if op in (at.MEAN, at.STD, *_FRAUDS):
            _once(entity.counts, column)
        if op == at.STD:
            _once(entity.squares, column)
        if op in (at.LAST, *_TRAVELS):
            _once(entity.raws, column)
        if op in (at.MIN, at.MAX):
            _once(entity.scanned, column)
        if op in (at.DISTINCT, at.FIRST_SEEN):
            _once(entity.pairs, column)
        entity.keep = max(entity.keep, feature.window_us + feature.delay_us)
        entity.windows.setdefault((feature.delay_us, feature.window_us), []).append((number, feature))

    def _feature_row(self, number: int, feature: WindowFeature, entity: _Entity) -> list[int]:
        op, column = OPERATIONS[feature.aggregate], self._column(feature)
        longs = entity.longs()
        row = [0] * at.PLAN_WIDTH
        row[at.OP], row[at.COLUMN], row[at.OUT] = op, column, number
        row[at.CURRENT] = int(feature.include_current)
        row[at.SCALE] = self.scale[feature.of[0]] if op in (*_SUMS, at.MIN, at.MAX, at.LAST) else 1
        if op in _SUMS:
            row[at.SUM_AT] = longs.index((at.TOTAL, column))
        if column in entity.counts:
            row[at.COUNT_AT] = 2 * len(longs) + 1 + len(entity.pairs) + entity.counts.index(column)
        if column in entity.squares:
            row[at.SQUARE_AT] = longs.index((at.SQUARE_LOW, column))
        if column in entity.scanned:
            row[at.RAW_LANE], row[at.RAW_STRIDE] = 1 + entity.scanned.index(column), 1
        elif column in entity.raws:
            row[at.RAW_LANE], row[at.RAW_STRIDE] = 1 + len(entity.scanned), entity.record()
            row[at.RAW_AT] = longs.index((at.RAW, column))
        if column in entity.pairs:
            row[at.PAIR] = entity.pairs.index(column)
        return row

    def table(self, lateness: int) -> Ints:
        """The whole table; row numbers inside it are absolute."""
        rows: list[list[int]] = [[0] * at.PLAN_WIDTH for _ in range(1 + len(self.entities))]

        def add(section: list[list[int]]) -> tuple[int, int]:
            begin = len(rows)
            rows.extend(row + [0] * (at.PLAN_WIDTH - len(row)) for row in section)
            return begin, len(rows)

        for number, entity in enumerate(self.entities.values(), 1):
            windows: list[list[int]] = []
            hints = 0
            for (delay, width), group in sorted(entity.windows.items()):
                begin, end = add([self._feature_row(i, feature, entity) for i, feature in group])
                has_sums = any(OPERATIONS[feature.aggregate] in _SUMS for _, feature in group)
                windows.append([width, delay, begin, end, hints, int(has_sums)])
                hints += 2 if delay else 1
            row = rows[number]
            row[at.ID], row[at.KEEP] = entity.column, entity.keep + lateness
            row[at.WINDOW0], row[at.WINDOW1] = add(windows)
            row[at.HINTS] = (hints + 1) // 2
            row[at.LANES], row[at.RECORD] = 1 + len(entity.scanned), entity.record()
            row[at.LONGS], row[at.SUMS] = len(entity.longs()), len(entity.totals)
            row[at.COUNTS], row[at.ENTITY_PAIRS] = len(entity.counts), len(entity.pairs)
            row[at.LANE0], _ = add([[at.TIME], *([column] for column in entity.scanned)])
            row[at.LONG0], _ = add([list(word) for word in entity.longs()])
            row[at.PAIR0], _ = add([[column] for column in entity.pairs])
            row[at.COUNT0], _ = add([[column] for column in entity.counts])
        head = rows[0]
        head[at.LATENESS], head[at.ENTITIES] = lateness, len(self.entities)
        head[at.FEATURES] = len(self.features)
        head[at.PAIRS] = sum(len(entity.pairs) for entity in self.entities.values())
        head[at.KEEP_MOST] = max((row[at.KEEP] for row in rows[1 : 1 + len(self.entities)]), default=1)
        head[at.PLACES] = len(self.places)
        head[at.WINDOWS] = sum(len(entity.windows) for entity in self.entities.values())
        places = [[self.index[lat], self.index[lon], out] for (lat, lon), out in self.places.items()]
        head[at.PLACE0], _ = add(places)
        return np.array(rows, np.int64)

    def found_at(self) -> tuple[tuple[int, int, int], ...]:
        """See `Plan.found_at`. Rows are laid out as in `table`."""
        table = self.table(0)
        numbers = {name: number for number, name in enumerate(self.entities, 1)}
        found = []
        for feature in self.features:
            if feature.aggregate in LINKED:
                found.append((0, 0, ALL))
                continue
            entity = numbers[feature.entity_column]
            windows = sorted(self.entities[feature.entity_column].windows)
            window = int(table[entity, at.WINDOW0]) + windows.index((feature.delay_us, feature.window_us))
            op = OPERATIONS[feature.aggregate]
            last = op in (at.SINCE_LAST, at.LAST, *_TRAVELS)
            found.append((entity, window, LAST_ONLY if last else FRAUDS_ONLY if op in _FRAUDS else ALL))
        return tuple(found)
