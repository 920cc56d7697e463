"""Rules proposed from history: readable, loadable as they are, with figures of what came later."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import yaml

from riskloom.bundle import Bundle, make_bundle
from riskloom.domain.columns import Labelled
from riskloom.errors import DataInvalid
from riskloom.replay.condition import Condition, as_yaml, tightest
from riskloom.replay.run import Period, replay
from riskloom.replay.side import Side
from riskloom.replay.suggest import Suggestions, suggest
from riskloom.scenario.load import load_scenario, scenario_from_parts
from support.events import at, payment
from support.recorded import in_chunks, labelled

DAY_S = 86_400


def planted(count: int = 3_000) -> list[Labelled]:
    """Frauds are payments above 300 online; a quarter of those are honest. Nothing else tells anything."""
    chance = np.random.default_rng(3)
    rows, labels = [], []
    for number in range(count):
        amount = round(float(chance.uniform(1, 400)), 2)
        channel = str(chance.choice(["online", "pos", "it's"]))
        seconds = -5 * DAY_S + number * 60
        rows.append(
            payment(
                f"p{number}", amount=amount, channel=channel, timestamp=at(seconds), user_id=f"u{number % 40}"
            )
        )
        labels.append(float(amount > 300 and channel == "online" and chance.random() < 0.75))
    return labelled(load_scenario("card_payments"), rows, labels)


@pytest.fixture(scope="module")
def events() -> list[Labelled]:
    return planted()


@pytest.fixture(scope="module")
def found(events: list[Labelled]) -> Suggestions:
    bundle = make_bundle(load_scenario("card_payments"), None)
    return suggest(bundle, lambda: in_chunks(events, 500), most=2)


def test_the_planted_pattern_is_found(found: Suggestions) -> None:
    when = found.rules[0].spec["when"]
    assert {"channel == 'online'", "is_online"} & {*when.split(" and ")}
    (bound,) = [part.split() for part in when.split(" and ") if part.startswith("amount_base")]
    assert bound[1] == ">"
    assert float(bound[2]) == pytest.approx(300, abs=8)


def test_figures_are_those_of_the_rule_on_what_came_later(found: Suggestions, events: list[Labelled]) -> None:
    first = found.rules[0].figures
    later = [(event, label) for event, label in events if event.arrived_us >= found.learned_until_us]
    assert found.tried_on == len(later)
    assert found.learned_from + found.tried_on == len(events)
    assert len(later) == pytest.approx(0.3 * len(events), abs=2)
    bound = float(next(part for part in found.rules[0].spec["when"].split(" and ") if ">" in part).split()[2])
    hits = [
        label
        for event, label in later
        if event.values["channel"] == "online" and float(str(event.values["amount"])) / 100 > bound
    ]
    assert (first.hits, first.frauds) == (len(hits), int(sum(hits)))


def test_the_text_is_a_rule_that_loads_and_its_examples_run(
    found: Suggestions, events: list[Labelled]
) -> None:
    parts = dict(load_scenario("card_payments").parts)
    text = "".join(as_yaml(each.spec) for each in found.rules)
    rules = yaml.safe_load(text)
    assert rules == [each.spec for each in found.rules]
    bundle = make_bundle(scenario_from_parts({**parts, "rules": rules}), None)
    replayed = replay(
        [Side("A", bundle)], in_chunks(events, 500), period=Period(found.learned_until_us), examples=0
    )
    assert [int(replayed.tape.tracks["A"].met(number).sum()) for number in range(len(rules))] == [
        each.figures.hits for each in found.rules
    ]


def test_the_same_history_gives_the_same_rules(found: Suggestions, events: list[Labelled]) -> None:
    bundle = make_bundle(load_scenario("card_payments"), None)
    again = suggest(bundle, lambda: in_chunks(events, 77), most=2)
    assert again.as_data() == found.as_data()


def test_what_is_flagged_today_is_left_out_when_asked(events: list[Labelled]) -> None:
    parts = dict(load_scenario("card_payments").parts)
    known: dict[str, Any] = {
        "code": "KNOWN", "when": "amount > 300 and channel == 'online'", "message": "Known",
    }  # fmt: skip
    bundle = make_bundle(scenario_from_parts({**parts, "rules": [known]}), None)
    with pytest.raises(DataInvalid, match="at least 10 known frauds"):
        suggest(bundle, lambda: in_chunks(events, 500), missed=True)


def test_a_history_without_labels_is_refused(bundle: Bundle) -> None:
    nameless = labelled(bundle.scenario, [payment("a"), payment("b", timestamp=at(1))])
    with pytest.raises(DataInvalid, match="got 0"):
        suggest(bundle, lambda: [nameless])


def test_of_several_bounds_only_the_narrowest_stays() -> None:
    conditions = [
        Condition("x", ">=", 2), Condition("x", ">=", 5), Condition("x", "<=", 9), Condition("x", "<=", 7),
        Condition("c", "!=", "a"), Condition("c", "!=", "b"), Condition("d", "!=", "a"),
        Condition("d", "==", "b"), Condition("e", "==", True), Condition("f", "!=", True),
    ]  # fmt: skip
    assert " and ".join(map(str, tightest(conditions))) == (
        "x >= 5 and x <= 7 and c != 'a' and c != 'b' and d == 'b' and e and not f"
    )
    assert str(Condition("c", "==", "it's")) == 'c == "it\'s"'
