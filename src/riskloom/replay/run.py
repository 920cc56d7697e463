"""Runs bundles over recorded events in arrival order, by the functions that serve.

Sides whose features part is equal share one state and one computation of the vectors.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from riskloom.domain.columns import EventColumns, Labelled
from riskloom.domain.decision import Decision
from riskloom.domain.field import FieldType
from riskloom.errors import DataInvalid, Fault, ParameterInvalid, show
from riskloom.features.state import WindowState
from riskloom.pipeline import TOO_LATE, Pipeline
from riskloom.replay.evidence import with_last
from riskloom.replay.example import Cell, Example, Examples
from riskloom.replay.saved import Saved, behind, under, within
from riskloom.replay.side import Decided, Side, check_segment, check_sides, decide_many
from riskloom.replay.tape import EventIds, Recorder, Tape
from riskloom.rules.lists import Lists
from riskloom.scenario.list_keys import initial_lists
from riskloom.scenario.scenario import Scenario
from riskloom.training.history import LabelFeed

Vector = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
_FIRST_US, _LAST_US = -(1 << 62), 1 << 62


@dataclass(frozen=True, slots=True)
class Period:
    """What is counted: events that arrived from `from_us` on and before `to_us`.

    Earlier ones warm the state up. For a scenario without time these are numbers of rows, from 1.
    """

    from_us: int = _FIRST_US
    to_us: int = _LAST_US

    def __post_init__(self) -> None:
        if self.from_us >= self.to_us:
            raise ParameterInvalid(Fault("to", "a time behind `from`", show(self.to_us)))


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a replay is: events that warmed the state up, and events counted."""

    warm_up: int = 0
    counted: int = 0


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay kept.

    Parameters
    ----------
    warm_up, too_late
        Events before the period; counted events that came too late for the windows.
    first_us, last_us
        The arrivals of the first and the last event that was counted.
    states
        How many states were kept: one for each different features part.
    """

    sides: tuple[Side, ...]
    tape: Tape
    examples: Mapping[Cell, tuple[Example, ...]]
    warm_up: int
    too_late: int
    first_us: int
    last_us: int
    states: int


def replay(
    sides: Sequence[Side],
    chunks: Iterable[Sequence[Labelled]],
    *,
    period: Period | None = None,
    segment: str = "",
    examples: int = 3,
    lists_of: Callable[[Scenario], Lists] = initial_lists,
    on_progress: Callable[[Progress], None] = lambda _progress: None,
    since: Saved | None = None,
    keep: Callable[[Callable[[], Saved]], None] = lambda _save: None,
) -> Replayed:
    """Decide recorded events by every side.

    Parameters
    ----------
    chunks
        Events in arrival order, each with its label as it is known now; windows see a label once its delay
        has passed.
    segment
        A field that figures are parted by.
    examples
        How many events of each kind of difference are shown with reasons and evidence.
    lists_of
        Who was on a scenario's lists; events are numbered from 1 as they come.
    since
        How far the same replay was once: it goes on from there. `chunks` are the same, from the first.
    keep
        Called behind every chunk with what gives how far it is then.

    Raises
    ------
    ParameterInvalid
        When the sides do not read the same events, or the field is unknown.
    DataInvalid
        When no event lies in the period.

    Notes
    -----
    Some thirty bytes an event are kept, and the state of the windows.
    """
    check_sides(sides)
    if segment:
        check_segment(sides[0], segment)
    work = _Work(sides, period or Period(), segment, examples, lists_of)
    if since is not None:
        work.restore(since)
        on_progress(work.progress)
    with _without_collector():
        for chunk in behind(chunks, work.events):
            work.take(chunk)
            on_progress(work.progress)
            if work.is_over:
                break
            keep(work.save)
    return work.finish()


@contextlib.contextmanager
def _without_collector() -> Iterator[None]:
    """The collector of cycles at rest: events hold none, and it took a seventh of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class _Group:
    """The sides of one features part: the first one's pipeline computes, all decide."""

    def __init__(self, sides: Sequence[Side], lists_of: Callable[[Scenario], Lists]) -> None:
        lead = Pipeline(sides[0].bundle, lists=lists_of(sides[0].bundle.scenario))
        own = [
            lead,
            *(Pipeline(side.bundle, lead.state, lists_of(side.bundle.scenario)) for side in sides[1:]),
        ]
        self.lead = lead
        self.labels = LabelFeed(lead)
        self.pipelines = dict(zip((side.name for side in sides), own, strict=True))

    def save(self) -> Saved:
        """The state, the labels on their way, and what each side's policy remembers."""
        memories = {name: pipeline.deciding.judge.as_data() for name, pipeline in self.pipelines.items()}
        return Saved(self.lead.state.snapshot(), {"labels": self.labels.as_data(), "policies": memories})

    def restore(self, saved: Saved) -> None:
        """Go on from what `save` gave."""
        scenario = self.lead.scenario
        state = WindowState.restore(
            scenario.windows, scenario.columns, scenario.max_lateness_us, saved.arrays
        )
        self.labels.restore(saved.told["labels"])
        for name, pipeline in self.pipelines.items():
            pipeline.state = state
            pipeline.deciding.judge.restore(saved.told["policies"][name])


class _Work:
    def __init__(
        self,
        sides: Sequence[Side],
        period: Period,
        segment: str,
        examples: int,
        lists_of: Callable[[Scenario], Lists],
    ) -> None:
        scenario = sides[0].bundle.scenario
        self._sides = tuple(sides)
        self._period = period
        self._fields = scenario.fields
        parts: dict[str, list[Side]] = {}
        for side in sides:
            parts.setdefault(side.bundle.scenario.fingerprint("features"), []).append(side)
        self._groups = [_Group(group, lists_of) for group in parts.values()]
        self._recorder = Recorder(scenario, [side.name for side in sides], segment)
        money = next((field.name for field in scenario.fields if field.type is FieldType.MONEY), "")
        self._examples = Examples(sides, examples, money, scenario.main_entity)
        self._ids = EventIds()
        self._arrival = 1
        self._too_late = 0
        self._first_us, self._last_us = _LAST_US, _FIRST_US
        self.progress = Progress()
        self.is_over = False

    @property
    def events(self) -> int:
        """How many events were read."""
        return self._arrival - 1

    def save(self) -> Saved:
        """How far it is."""
        recorded, groups = self._recorder.save(), [group.save() for group in self._groups]
        arrays = {**under("ids", self._ids.save()), **under("tape", recorded.arrays)}
        for at, group in enumerate(groups):
            arrays |= under(f"state {at}", group.arrays)
        told = {
            "arrival": self._arrival,
            "counts": [self._too_late, self._first_us, self._last_us],
            "progress": [self.progress.warm_up, self.progress.counted],
            "tape": recorded.told,
            "examples": self._examples.as_data(),
            "groups": [group.told for group in groups],
        }
        return Saved(arrays, told)

    def restore(self, saved: Saved) -> None:
        """Go on from what `save` gave."""
        told = saved.told
        self._arrival = told["arrival"]
        self._too_late, self._first_us, self._last_us = told["counts"]
        self.progress = Progress(*told["progress"])
        self._ids.restore(within("ids", saved.arrays))
        self._recorder.restore(Saved(within("tape", saved.arrays), told["tape"]))
        self._examples.restore(told["examples"])
        for at, group in enumerate(self._groups):
            group.restore(Saved(within(f"state {at}", saved.arrays), told["groups"][at]))

    def take(self, chunk: Sequence[Labelled]) -> None:
        """One chunk: every event goes into the windows, those of the period are decided."""
        events = EventColumns.of(chunk, self._fields)
        arrived = events.arrived_us
        counted = (arrived >= self._period.from_us) & (arrived < self._period.to_us)
        rows = np.flatnonzero(counted)
        numbers, moments = (self._arrival + rows).tolist(), arrived[counted].tolist()
        ids = events.ids[counted].tolist()
        decided: dict[str, Decided] = {}
        computed: dict[str, tuple[Vector, Flags]] = {}
        for group in self._groups:
            facts = group.labels.take(events, self._arrival)
            vectors, columns, late = group.lead.compute_columns(events, self._arrival, facts)
            if not rows.size:
                continue
            own = vectors
            if rows.size < len(events):
                own, columns = vectors[counted], {name: column[counted] for name, column in columns.items()}
            for name, pipeline in group.pipelines.items():
                decided[name] = decide_many(pipeline, own, columns, numbers, moments, ids)
                computed[name] = vectors, late
        self._ids.add(events.ids.tolist())
        if rows.size:
            ordered = {side.name: decided[side.name] for side in self._sides}
            self._keep(events if rows.size == len(events) else events.take(rows), rows, ordered, computed)
            self._first_us = min(self._first_us, int(arrived[counted].min()))
            self._last_us = max(self._last_us, int(arrived[counted].max()))
            self._too_late += int(computed[self._sides[0].name][1][counted].sum())
        self._arrival += len(events)
        before = int((arrived < self._period.from_us).sum())
        self.progress = Progress(self.progress.warm_up + before, self.progress.counted + rows.size)
        self.is_over = bool((arrived >= self._period.to_us).all())

    def _keep(
        self,
        chunk: EventColumns,
        rows: npt.NDArray[np.intp],
        decided: Mapping[str, Decided],
        computed: Mapping[str, tuple[Vector, Flags]],
    ) -> None:
        def decide(at: int) -> dict[str, Decision]:
            row = int(rows[at])
            found = {}
            for group in self._groups:
                for name, pipeline in group.pipelines.items():
                    vectors, late = computed[name]
                    event, degraded = chunk.event(at), (TOO_LATE,) if late[row] else ()
                    decision = pipeline.score_stored(event, self._arrival + row, vectors[row], degraded)
                    found[name] = with_last(pipeline, event, decision)
            return found

        self._recorder.add(chunk, decided)
        self._examples.offer(chunk, decided, decide)

    def finish(self) -> Replayed:
        """What was kept.

        Raises
        ------
        DataInvalid
            When nothing was counted.
        """
        tape = self._recorder.finish()
        if tape is None:
            got = f"{self.progress.warm_up:,} events before it"
            raise DataInvalid(Fault("data", "events in the period", got, "move --from or --to"))
        return Replayed(
            self._sides,
            tape,
            self._examples.finish(self._ids),
            self.progress.warm_up,
            self._too_late,
            self._first_us,
            self._last_us,
            len(self._groups),
        )
