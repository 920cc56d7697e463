"""Figures of a replay, against counts made by hand."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskloom.bundle import Bundle
from riskloom.measure.cost import CostMatrix
from riskloom.replay.compare import compare
from riskloom.replay.page import render_page
from riskloom.replay.present import as_data
from riskloom.replay.rules import measure_rules
from riskloom.replay.run import Replayed, replay
from riskloom.replay.side import Side
from riskloom.replay.tape import UNKNOWN, Tape, Track
from riskloom.rules.rule_set import Action, Rule, Severity
from riskloom.scenario.load import load_scenario
from support.events import burst
from support.recorded import in_chunks, labelled, other_policy

WHEN = load_scenario("card_payments").rules[0].when


def track(outcomes: list[int], by_model: list[int], met: list[list[int]]) -> Track:
    """`met` by event and rule."""
    bits = np.array(met, np.bool_).reshape(len(outcomes), -1)
    packed = np.packbits(bits, axis=1)
    return Track(np.array(outcomes, np.uint8), np.array(by_model, np.uint8), packed, bits.shape[1])


def tape(labels: list[int], tracks: dict[str, Track], **given: object) -> Tape:
    count = len(labels)
    plain: dict[str, object] = {
        "labels": np.array(labels, np.int8),
        "days": np.zeros(count, np.int32),
        "amounts": np.full(count, 100, np.int64),
        "entities": np.arange(count, dtype=np.int32),
        "segments": None,
        "segment_names": (),
    }
    return Tape(**{**plain, "tracks": tracks, **given})  # type: ignore[arg-type]


def rule(code: str, action: Action = Action.FLAG) -> Rule:
    return Rule(code, WHEN, Severity.LOW, action, "")


def replayed_of(made: Tape, bundle: Bundle) -> Replayed:
    sides = tuple(Side(name, bundle) for name in made.tracks)
    return Replayed(sides, made, {}, 0, 0, 0, 1, 1)


def test_a_side_is_counted_by_events_customers_and_money(bundle: Bundle) -> None:
    labels = [1, 1, 0, 0, 0, UNKNOWN, 0]
    a = track([1, 0, 1, 2, 0, 1, 1], [0] * 7, [[0]] * 7)
    made = tape(
        labels,
        {"A": a},
        amounts=np.array([500, 300, 1, 1, 1, 1, 1]),
        entities=np.array([0, 1, 2, 2, 3, 4, UNKNOWN], np.int32),
    )
    bare = replace(bundle, scenario=replace(bundle.scenario, rules=()))
    counts = compare(replayed_of(made, bare), replicates=5).sides[0].counts
    assert (counts.events, counts.flagged, counts.rejected) == (7, 5, 1)
    assert (counts.frauds, counts.caught, counts.annoyed, counts.annoyed_customers) == (2, 1, 3, 1)
    assert (counts.precision.value, counts.recall.value) == (0.25, 0.5)
    assert counts.money is not None
    assert (counts.money.caught, counts.money.missed, counts.money.share) == (500, 300, 0.625)


def test_alerts_a_day_count_each_customer_once_and_quiet_days_too(bundle: Bundle) -> None:
    made = tape(
        [0] * 6,
        {"A": track([1, 1, 1, 1, 0, 1], [0] * 6, [[0]] * 6)},
        days=np.array([10, 10, 10, 10, 11, 13], np.int32),
        entities=np.array([0, 0, UNKNOWN, UNKNOWN, 0, 0], np.int32),
    )
    bare = replace(bundle, scenario=replace(bundle.scenario, rules=()))
    alerts = compare(replayed_of(made, bare), budget=2).sides[0].alerts
    assert alerts is not None
    assert alerts.days == (10, 11, 12, 13)
    assert alerts.by_day == (4, 0, 0, 1)
    assert alerts.entities_by_day == (3, 0, 0, 1)
    assert (alerts.mean, alerts.entities_mean, alerts.over_budget) == (1.25, 1.0, 1)


def test_cost_and_what_a_change_saves_are_those_of_the_matrix(bundle: Bundle) -> None:
    labels = [1, 1, 1, 0, 0, 0]
    tracks = {
        "A": track([1, 0, 0, 1, 1, 0], [0] * 6, [[0]] * 6),
        "B": track([1, 1, 0, 0, 0, 0], [0] * 6, [[0]] * 6),
    }
    made = tape(labels, tracks, amounts=np.array([1000, 2000, 4000, 9, 9, 9]))
    bare = replace(bundle, scenario=replace(bundle.scenario, rules=()))
    found = compare(replayed_of(made, bare), matrix=CostMatrix(10, 5, 1.0), replicates=200)
    costs = [side.cost.value for side in found.sides if side.cost is not None]
    assert costs == [6000 + 3 * 10 + 2 * 5, 4000 + 2 * 10]
    assert [side.saved.value for side in found.sides if side.saved is not None] == [960, 2980]
    (change,) = found.changes
    assert change.saved is not None
    assert change.saved.value == 2020
    assert change.saved.low <= 2020 <= change.saved.high
    assert change.matrix == ((2, 1, 0), (2, 1, 0), (0, 0, 0))
    assert change.fraud == ((1, 1, 0), (0, 1, 0), (0, 0, 0))
    assert change.honest == ((1, 0, 0), (2, 0, 0), (0, 0, 0))
    assert change.flipped == 3


def test_without_labels_there_are_counts_and_no_costs(bundle: Bundle) -> None:
    made = tape([UNKNOWN] * 3, {"A": track([1, 0, 0], [0] * 3, [[0]] * 3)})
    bare = replace(bundle, scenario=replace(bundle.scenario, rules=()))
    (side,) = compare(replayed_of(made, bare), matrix=CostMatrix(1)).sides
    assert (side.counts.flagged, side.cost, side.saved) == (1, None, None)
    assert np.isnan(side.counts.precision.value)


def test_a_rule_is_worth_what_would_be_lost_without_it() -> None:
    #        fraud, fraud, honest, honest, fraud, fraud
    labels = [1, 1, 0, 0, 1, 1]
    by_model = [0, 1, 0, 0, 0, 0]
    met = [  # ALONE, BESIDE, WRONG, NEVER, WATCHED
        [1, 0, 0, 0, 1],
        [1, 1, 0, 0, 1],
        [1, 0, 0, 0, 1],
        [0, 0, 1, 0, 0],
        [0, 0, 0, 0, 1],
        [1, 1, 0, 0, 0],
    ]
    rules = [rule("ALONE"), rule("BESIDE", Action.REJECT), rule("WRONG"), rule("NEVER")]
    rules.append(rule("WATCHED", Action.WATCH))
    made = tape(labels, {"A": track([1, 1, 1, 1, 0, 2], by_model, met)})
    alone, beside, wrong, never, watched = measure_rules(made, made.tracks["A"], rules, timed=True)
    assert (alone.hits, alone.frauds, alone.honest, alone.value) == (4, 3, 1, 300)
    assert (alone.alone, alone.frauds_alone, alone.honest_alone, alone.value_alone) == (2, 1, 1, 100)
    assert (alone.precision.value, alone.overlap, alone.verdict) == (0.75, 0.5, "")
    assert (alone.most_with, alone.most_share) == ("WATCHED", 0.75)
    assert (beside.alone, beside.verdict) == (0, "adds nothing: all it flags is flagged without it")
    assert wrong.verdict.startswith("adds no fraud")
    assert never.verdict == "adds nothing: never met"
    assert (watched.hits, watched.alone, watched.verdict) == (4, 0, "")


def test_decay_is_by_week_and_by_month_when_there_are_enough() -> None:
    for days, names in (
        ([0, 6, 7], ["1970-01-01", "1970-01-08"]),
        ([0, 31, 59, 90], ["1970-01", "1970-02", "1970-03", "1970-04"]),
    ):
        count = len(days)
        made = tape(
            [1] * count,
            {"A": track([1] * count, [0] * count, [[1]] * count)},
            days=np.array(days, np.int32),
        )
        (figures,) = measure_rules(made, made.tracks["A"], [rule("R")], timed=True)
        assert [each.name for each in figures.decay] == names
        assert sum(each.hits for each in figures.decay) == count


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([0, 1, UNKNOWN]), st.integers(0, 2)), min_size=1, max_size=30),
    st.integers(1, 11),
    st.randoms(use_true_random=False),
)
def test_dropping_a_rule_loses_exactly_what_it_flagged_alone(
    rows: list[tuple[int, int]], count: int, chance: random.Random
) -> None:
    labels = [row[0] for row in rows]
    by_model = [row[1] for row in rows]
    met = [[chance.random() < 0.3 for _ in range(count)] for _ in rows]
    actions = [list(Action)[chance.randrange(len(Action))] for _ in range(count)]
    rules = [rule(f"R{at}", action) for at, action in enumerate(actions)]
    acts = [action.value in ("flag", "reject", "deny") for action in actions]

    def flagged(dropped: int) -> list[bool]:
        return [
            bool(model) or any(hit and acts[at] and at != dropped for at, hit in enumerate(hits))
            for model, hits in zip(by_model, met, strict=True)
        ]

    made = tape(labels, {"A": track([0] * len(rows), by_model, met)})
    whole = flagged(-1)
    for at, found in enumerate(measure_rules(made, made.tracks["A"], rules, timed=False)):
        lost = [row for row, (a, b) in enumerate(zip(whole, flagged(at), strict=True)) if a and not b]
        assert found.hits == sum(hits[at] for hits in met)
        assert found.alone == len(lost)
        assert found.frauds_alone == sum(labels[row] == 1 for row in lost)
        assert found.honest_alone == sum(labels[row] == 0 for row in lost)


@pytest.fixture
def changed(bundle: Bundle) -> Replayed:
    """Two bursts, one of them a fraud whose ids try to be markup; the second side lacks a rule."""
    rows = [*burst(7, "a", -3600.0), *burst(7, "<script>alert(1)</script>", 3600.0, user_id="<b>eve")]
    listed = labelled(bundle.scenario, rows, [0.0] * 7 + [1.0] * 7)
    sides = [Side("A", bundle), Side("B", other_policy(bundle, without="VELOCITY_5M"))]
    return replay(sides, in_chunks(listed), segment="user_id")


def test_figures_and_examples_are_plain_data(changed: Replayed) -> None:
    found = as_data(changed, compare(changed, matrix=CostMatrix(100), budget=1, replicates=50))
    told = json.loads(json.dumps(found, allow_nan=False))
    assert told["currency"] == "USD"
    assert told["changes"][0]["flipped"] > 0
    assert [side["name"] for side in told["sides"]] == ["A", "B"]
    assert "FLAGGED -> APPROVED, fraud" in told["examples"]
    assert set(told["sides"][0]["by_segment"]) == {"ann", "<b>eve"}


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_fetches_nothing_and_takes_no_markup_from_data(changed: Replayed) -> None:
    comparison = compare(changed, matrix=CostMatrix(100), budget=1, replicates=50)
    page = render_page(changed, comparison, "<i>file</i>.csv")
    tags = _Tags()
    tags.feed(page)
    assert tags.open == []
    assert not {"script", "i"} & set(tags.seen)
    assert all(link.startswith("#") for link in tags.links)
    assert page.count("<svg") == 2
    assert "VELOCITY_5M" in page
    assert page == render_page(changed, comparison, "<i>file</i>.csv")
