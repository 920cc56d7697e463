"""A replay: what is counted, what is shared, what is shown; no side effect of any kind."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import Any

import pytest

from riskloom.bundle import Bundle, make_bundle
from riskloom.domain.decision import LADDER
from riskloom.errors import DataInvalid, ParameterInvalid
from riskloom.pipeline import Pipeline
from riskloom.replay.run import Period, Progress, Replayed, replay
from riskloom.replay.side import Side, with_policy
from riskloom.replay.tape import UNKNOWN, EventIds
from riskloom.scenario.load import scenario_from_parts
from support.events import NOW_US, SECOND_US, at, burst, history, payment
from support.recorded import NOBODY_KNOWS, in_chunks, labelled, other_policy


def outcomes_of(replayed: Replayed, side: str = "A") -> list[str]:
    return [LADDER[rank].value for rank in replayed.tape.tracks[side].outcomes.tolist()]


def test_outcomes_are_those_of_scoring_one_by_one(trained: Bundle) -> None:
    listed = labelled(trained.scenario, history(500))
    strict = other_policy(trained, percentile=60)
    replayed = replay([Side("A", trained), Side("B", strict)], in_chunks(listed, 64))
    assert replayed.states == 1
    for name, bundle in (("A", trained), ("B", strict)):
        decisions = list(Pipeline(bundle).decisions([event for event, _ in listed], 1))
        assert outcomes_of(replayed, name) == [decision.outcome.value for decision in decisions]
        track = replayed.tape.tracks[name]
        asked = [bundle.scenario.policy.of_model(decision.risk_score).rank for decision in decisions]
        assert track.by_model.tolist() == asked
        for number, rule in enumerate(bundle.scenario.rules):
            met = [any(reason.code == rule.code for reason in decision.reasons) for decision in decisions]
            assert track.met(number).tolist() == met
    assert len({*outcomes_of(replayed, "A")}) > 1
    assert outcomes_of(replayed, "A") != outcomes_of(replayed, "B")


def test_what_arrived_before_the_period_warms_up_and_is_not_counted(bundle: Bundle) -> None:
    listed = labelled(bundle.scenario, burst(8))
    cold = replay([Side("A", bundle)], [listed[4:]])
    warm = replay([Side("A", bundle)], in_chunks(listed, 3), period=Period(NOW_US + 4 * SECOND_US))
    assert (warm.warm_up, len(warm.tape)) == (4, 4)
    assert outcomes_of(cold) == ["APPROVED"] * 4
    assert outcomes_of(warm) == ["FLAGGED"] * 4


def test_what_arrived_behind_the_period_is_not_read(bundle: Bundle) -> None:
    listed = labelled(bundle.scenario, burst(9))
    read: list[int] = []

    def chunks() -> Any:
        for chunk in in_chunks(listed, 2):
            read.append(len(chunk))
            yield chunk

    replayed = replay([Side("A", bundle)], chunks(), period=Period(to_us=NOW_US + 3 * SECOND_US))
    assert len(replayed.tape) == 3
    assert sum(read) == 6


def test_an_empty_period_is_refused_with_what_lies_before_it(bundle: Bundle) -> None:
    listed = labelled(bundle.scenario, burst(3))
    with pytest.raises(DataInvalid, match="3 events before it"):
        replay([Side("A", bundle)], [listed], period=Period(NOW_US * 2))
    with pytest.raises(ParameterInvalid, match="behind"):
        Period(5, 5)


def test_the_collector_of_cycles_is_as_it_was_even_after_a_failure(bundle: Bundle) -> None:
    def broken() -> Any:
        assert not gc.isenabled()
        raise OSError("gone")
        yield

    with pytest.raises(OSError, match="gone"):
        replay([Side("A", bundle)], broken())
    assert gc.isenabled()


def test_progress_tells_warm_up_and_counted_apart(bundle: Bundle) -> None:
    told: list[Progress] = []
    listed = labelled(bundle.scenario, burst(5))
    replay(
        [Side("A", bundle)],
        in_chunks(listed, 2),
        period=Period(NOW_US + 3 * SECOND_US),
        on_progress=told.append,
    )
    assert told == [Progress(2, 0), Progress(3, 1), Progress(3, 2)]


def test_labels_amounts_and_segments_are_kept(bundle: Bundle) -> None:
    rows = [payment("a", amount="1.50"), payment("b", user_id="bob", channel="pos"), payment("c")]
    listed = labelled(bundle.scenario, rows, [1.0, 0.0, NOBODY_KNOWS])
    tape = replay([Side("A", bundle)], [listed], segment="channel").tape
    assert tape.labels.tolist() == [1, 0, UNKNOWN]
    assert tape.amounts is not None
    assert tape.amounts.tolist() == [150, 1250, 1250]
    assert tape.entities is not None
    assert tape.entities.tolist() == [0, 1, 0]
    assert tape.segments is not None
    names = [tape.segment_names[number] for number in tape.segments.tolist()]
    assert names == ["online", "pos", "online"]


def test_what_flipped_is_shown_with_reasons_and_the_ids_of_the_evidence(bundle: Bundle) -> None:
    lax = other_policy(bundle, without="VELOCITY_5M")
    listed = labelled(bundle.scenario, burst(6), [0.0] * 5 + [1.0])
    replayed = replay([Side("A", bundle), Side("B", lax)], in_chunks(listed, 4), examples=5)
    assert set(replayed.examples) == {((1, 0), 0), ((1, 0), 1)}
    (example,) = replayed.examples[((1, 0), 1)]
    assert (example.event_id, example.fraud, example.entity) == ("b-5", True, "ann")
    (reason,) = [each for each in example.sides["A"].reasons if each.code == "VELOCITY_5M"]
    assert reason.evidence == ("b-0", "b-1", "b-2", "b-3", "b-4")
    assert reason.message.startswith("5 payments in the 5 minutes before this one")
    assert example.sides["B"].outcome == "APPROVED"


def test_examples_have_the_evidence_of_deciding_live(trained: Bundle) -> None:
    rows = history(900, seed=8)
    jump = {"user_id": "ann", "device_id": "d-ann"}
    rows += [payment("home", timestamp=at(0), **jump), payment("far", timestamp=at(60), lat=-33.9, **jump)]
    rows += [
        payment("farther", timestamp=at(60), lat=60.0, **jump),
        payment("back", timestamp=at(90), **jump),
    ]
    listed = labelled(trained.scenario, rows)
    replayed = replay([Side("A", trained)], in_chunks(listed, 450), examples=10_000)
    shown = {one.event_id: one.sides["A"] for found in replayed.examples.values() for one in found}
    pipeline, ids, compared = Pipeline(trained), [row["event_id"] for row in rows], set()
    for decision in pipeline.decisions([event for event, _ in listed], 1):
        if not decision.flagged:
            continue
        for live, again in zip(decision.reasons, shown[decision.event_id].reasons, strict=True):
            assert again.evidence == tuple(ids[number - 1] for number in live.evidence)
            compared |= {live.code} if live.evidence else set()
    assert {"IMPOSSIBLE_TRAVEL", "VELOCITY_5M"} <= compared


def test_windows_see_a_label_once_its_delay_has_passed_and_figures_at_once(bundle: Bundle) -> None:
    parts = dict(bundle.scenario.parts)
    head = dict(parts["features"])
    head["event"] = {**head["event"], "label_delay": "2s"}
    known = {"name": "user_frauds", "entity": "user", "aggregate": "fraud_count", "window": "1h"}
    head["features"] = [*head["features"], known]
    rule = {"code": "KNOWN", "when": "user_frauds > 0", "message": "Known"}
    aware = make_bundle(scenario_from_parts({**parts, "features": head, "rules": [rule]}), None)
    listed = labelled(aware.scenario, burst(5), [1.0, 0.0, 0.0, 0.0, 0.0])
    for size in (1, 5):
        replayed = replay([Side("A", aware)], in_chunks(listed, size))
        assert outcomes_of(replayed) == ["APPROVED", "APPROVED", "FLAGGED", "FLAGGED", "FLAGGED"]
        assert replayed.tape.labels.tolist() == [1, 0, 0, 0, 0]


def test_evidence_may_lie_before_the_period_in_the_same_chunk(bundle: Bundle) -> None:
    listed = labelled(bundle.scenario, burst(7))
    replayed = replay([Side("A", bundle)], [listed], period=Period(NOW_US + 6 * SECOND_US))
    ((example,),) = replayed.examples.values()
    (reason,) = [each for each in example.sides["A"].reasons if each.code == "VELOCITY_5M"]
    assert (example.event_id, reason.evidence) == ("b-6", ("b-0", "b-1", "b-2", "b-3", "b-4", "b-5"))


def test_no_more_examples_than_asked_for_and_the_same_ones_in_any_chunks(bundle: Bundle) -> None:
    lax = other_policy(bundle, without="VELOCITY_5M")
    sides = [Side("A", bundle), Side("B", lax)]
    rows = [row for number in range(9) for row in burst(6, f"u{number}", 20 * number, user_id=f"u{number}")]
    listed = labelled(bundle.scenario, rows)
    found = [
        [example.event_id for (_, listed_of) in replayed.examples.items() for example in listed_of]
        for replayed in (replay(sides, in_chunks(listed, size), examples=2) for size in (5, 54))
    ]
    assert found[0] == found[1]
    assert len(found[0]) == 2
    assert replay(sides, [listed], examples=0).examples == {}


def test_sides_with_other_features_keep_a_state_of_their_own(bundle: Bundle) -> None:
    parts = dict(bundle.scenario.parts)
    head = dict(parts["features"])
    head["features"] = [
        {**feature, "window": "1s"} if feature["name"] == "user_tx_count_5m" else feature
        for feature in head["features"]
    ]
    other = make_bundle(scenario_from_parts({**parts, "features": head}), None)
    listed = labelled(bundle.scenario, burst(6))
    replayed = replay([Side("A", bundle), Side("B", other), Side("C", bundle)], in_chunks(listed))
    assert replayed.states == 2
    assert outcomes_of(replayed, "A") == outcomes_of(replayed, "C") != outcomes_of(replayed, "B")


def test_bundles_that_read_other_events_are_refused_all_at_once(bundle: Bundle) -> None:
    parts = dict(bundle.scenario.parts)
    parts["features"] = {**parts["features"], "event": {**parts["features"]["event"], "label_delay": "9d"}}
    other = make_bundle(scenario_from_parts(parts), None)
    with pytest.raises(ParameterInvalid) as caught:
        replay([Side("A", bundle), Side("A", other)], [])
    assert len(caught.value.faults) == 2
    with pytest.raises(ParameterInvalid, match="did you mean 'channel'"):
        replay([Side("A", bundle)], [], segment="chanel")


def test_another_policy_leaves_model_and_features_alone(trained: Bundle, bundle: Bundle) -> None:
    lax = other_policy(bundle, percentile=99.9, without="VELOCITY_5M")
    mixed = with_policy(trained, lax)
    assert mixed.model is trained.model
    assert mixed.scenario.policy.percentile == 99.9
    assert "VELOCITY_5M" not in {rule.code for rule in mixed.scenario.rules}
    assert mixed.scenario.fingerprint("features", "model") == trained.scenario.fingerprint(
        "features", "model"
    )


def test_ids_are_found_by_number_in_any_chunk() -> None:
    ids = EventIds()
    ids.add(["a", "b"])
    ids.add([])
    ids.add(["c", "d\n", "\x00"])
    assert ids.of([5, 1, 4, 3]) == ["\x00", "a", "d\n", "c"]


_FORBIDDEN = ("socket.", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "subprocess.", "sqlite3.")


@pytest.fixture(scope="module")
def watch() -> list[list[str]]:
    """What a program does to the outside goes to the last list, where there is one; a hook stays for good."""
    watching: list[list[str]] = []

    def hook(name: str, given: tuple[Any, ...]) -> None:
        writes = name == "open" and isinstance(given[1], str) and set(given[1]) & set("wax+")
        if watching and (writes or name.startswith(_FORBIDDEN)):
            watching[-1].append(f"{name} {given}")

    sys.addaudithook(hook)
    return watching


def test_nothing_is_written_and_no_socket_is_opened(trained: Bundle, watch: list[list[str]]) -> None:
    listed = labelled(trained.scenario, history(60))
    sides = [Side("A", trained), Side("B", other_policy(trained, percentile=50))]
    watch.append([])
    replay(sides, in_chunks(listed))
    assert watch.pop() == []


def test_the_watch_sees_a_file_that_is_written(tmp_path: Path, watch: list[list[str]]) -> None:
    watch.append([])
    (tmp_path / "x").write_text("x")
    assert len(watch.pop()) == 1


def test_events_at_the_edges_of_the_period_count_from_it_on_and_before_its_end(bundle: Bundle) -> None:
    rows = [payment("a", timestamp=at(0)), payment("b", timestamp=at(1)), payment("c", timestamp=at(2))]
    period = Period(NOW_US + SECOND_US, NOW_US + 2 * SECOND_US)
    replayed = replay([Side("A", bundle)], [labelled(bundle.scenario, rows)], period=period)
    assert (replayed.warm_up, len(replayed.tape)) == (1, 1)
    assert replayed.first_us == replayed.last_us == NOW_US + SECOND_US
