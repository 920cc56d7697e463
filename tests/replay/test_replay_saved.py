"""A replay that goes on from what it saved ends as one that was never interrupted."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np
import pytest

from riskloom.bundle import Bundle, make_bundle
from riskloom.domain.columns import EventColumns, Labelled
from riskloom.replay.compare import compare
from riskloom.replay.present import as_data
from riskloom.replay.run import Period, Progress, Replayed, replay
from riskloom.replay.saved import Saved
from riskloom.replay.side import Side
from riskloom.scenario.load import scenario_from_parts
from support.events import NOW_US, SECOND_US, burst, history
from support.recorded import in_chunks, labelled, other_policy


def remembering(bundle: Bundle, *, is_aware: bool = True) -> Bundle:
    """With a budget and, when aware, a feature of known frauds and a rule on it with a limit."""
    parts = dict(bundle.scenario.parts)
    head = dict(parts["features"])
    head["event"] = {**head["event"], "label_delay": "2m"}
    known = {"name": "user_frauds", "entity": "user", "aggregate": "fraud_count", "window": "1h"}
    head["features"] = [*head["features"], *([known] if is_aware else [])]
    policy = {"percentile": 70, "budget": {"per_day": 3, "entity": "user_id"}}
    often = {"code": "OFTEN", "when": "user_tx_count_5m >= 3", "message": "Often {value}"}
    rules: list[dict[str, Any]] = [{**often, "value": "user_tx_count_5m"}]
    if is_aware:
        limit = {"per_hour": 2}
        rules.append({"code": "KNOWN", "when": "user_frauds > 0", "message": "Known", "limit": limit})
    scenario = scenario_from_parts({**parts, "features": head, "rules": rules, "policy": policy})
    return make_bundle(scenario, bundle.model)


def told(replayed: Replayed) -> tuple[Any, ...]:
    """Everything a replay found, comparable."""
    tape = replayed.tape
    columns = [tape.labels, tape.days, tape.amounts, tape.entities, tape.segments]
    tracks = [
        (name, track.outcomes.tolist(), track.by_model.tolist(), track.packed.tolist(), track.rules)
        for name, track in tape.tracks.items()
    ]
    listed = [(cell, [one.as_data() for one in found]) for cell, found in replayed.examples.items()]
    counts = replayed.warm_up, replayed.too_late, replayed.first_us, replayed.last_us, replayed.states
    kept = [None if column is None else (column.dtype.str, column.tolist()) for column in columns]
    return kept, tape.segment_names, tracks, listed, counts, as_data(replayed, compare(replayed, budget=2))


def through_a_file(saved: Saved) -> Saved:
    """What is read back of what was written."""
    file = io.BytesIO()
    np.savez(file, **saved.arrays)  # type: ignore[arg-type]
    file.seek(0)
    with np.load(file, allow_pickle=False) as held:
        arrays = {name: held[name] for name in held.files}
    return Saved(arrays, msgspec.json.decode(msgspec.json.encode(saved.told)))


@pytest.fixture(scope="module")
def sides(trained: Bundle) -> list[Side]:
    first = remembering(trained)
    policies = [first, other_policy(first, percentile=60), remembering(trained, is_aware=False)]
    return [Side(name, each) for name, each in zip("ABC", policies, strict=True)]


@pytest.mark.parametrize("segment", ["channel", ""])
@pytest.mark.parametrize("is_columns", [False, True])
def test_from_every_chunk_on(sides: list[Side], segment: str, is_columns: bool) -> None:
    rows = [*history(400, seed=4), *(row for each in range(4) for row in burst(8, f"u{each}", 30 * each))]
    listed = labelled(sides[0].bundle.scenario, rows, [float(at % 5 == 0) for at in range(len(rows))])
    chunks: list[Sequence[Labelled]] = in_chunks(listed, 61)
    if is_columns:
        chunks = [EventColumns.of(chunk, sides[0].bundle.scenario.fields) for chunk in chunks]
    given: dict[str, Any] = {"period": Period(NOW_US + 2 * SECOND_US - 10**13), "segment": segment}
    if segment:
        given["period"] = Period(NOW_US - 86_400 * SECOND_US)
    saved: list[Saved] = []

    def keep(save: Callable[[], Saved]) -> None:
        saved.append(through_a_file(save()))

    whole = told(replay(sides, chunks, keep=keep, **given))
    assert len(saved) == len(chunks)
    assert [one.events for one in saved[:2]] == [61, 122]
    for since in (*saved[::2], saved[-1]):
        seen: list[Progress] = []
        again = replay(sides, chunks, since=since, on_progress=seen.append, **given)
        assert told(again) == whole
        assert seen[0].warm_up + seen[0].counted == since.events


def test_a_chunk_may_be_cut_where_it_goes_on(sides: list[Side]) -> None:
    listed = labelled(sides[0].bundle.scenario, history(90, seed=6))
    saved: list[Saved] = []
    whole = replay(sides, in_chunks(listed, 30), keep=lambda save: saved.append(through_a_file(save())))
    again = replay(sides, in_chunks(listed, 45), since=saved[0])
    for name, track in whole.tape.tracks.items():
        assert again.tape.tracks[name].outcomes.tolist() == track.outcomes.tolist()
