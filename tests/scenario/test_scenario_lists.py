"""A scenario declares lists: what they are of, what they do, who is on them from the beginning."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from riskloom.bundle import make_bundle, read_bundle, write_bundle
from riskloom.domain.decision import Outcome
from riskloom.domain.event import Event
from riskloom.errors import DataInvalid, NotFound, ScenarioInvalid
from riskloom.explain.reasons import ReasonTexts
from riskloom.pipeline import NO_LISTS, Pipeline
from riskloom.rules.list_csv import read_entries, write_entries
from riskloom.rules.lists import Entry, Lists
from riskloom.scenario.list_keys import changes_of, find_list, initial_changes, value_reader
from riskloom.scenario.load import load_scenario, scenario_from_parts
from riskloom.scenario.scenario import Scenario
from support.scenarios import SMALL

LISTS = """
lists:
  - {name: blocked, of: user_id, kind: deny, message: "{user_id} is blocked", entries: [eve]}
  - {name: trusted, of: [user_id], kind: allow, entries: [{value: ann, until: 2030-01-01T00:00:00Z}, eve]}
  - {name: seen, of: user_id, kind: watch, describe: Looked at before, entries: [bob]}
  - {name: risky, of: currency, entries: [XAU]}
rules:
  - {code: RISKY, when: currency in @risky, action: reject, message: m}
  - {code: NOT_SEEN, when: amount > 1 and not user_id in @seen, message: m}
"""
TEXT = SMALL.partition("rules:")[0] + LISTS


def scenario(folder: Path, text: str = TEXT) -> Scenario:
    (folder / "scenario.yaml").write_text(text, encoding="utf-8")
    return load_scenario(folder)


def event(at: int, user: str | None, currency: str = "USD", time_us: int = 1_000_000) -> Event:
    values = {
        "event_id": f"e{at}",
        "timestamp": time_us,
        "user_id": user,
        "amount": 500,
        "currency": currency,
    }
    return Event(f"e{at}", time_us, time_us, values, {})


def decide(pipeline: Pipeline, user: str | None, currency: str = "USD", **more: int) -> tuple[Any, list[str]]:
    decision = pipeline.score_one(event(1, user, currency, **more), 1)
    return decision.outcome, [reason.code for reason in decision.reasons]


def test_deny_comes_before_allow_and_allow_before_rules(tmp_path: Path) -> None:
    pipeline = Pipeline(make_bundle(scenario(tmp_path), None))
    assert decide(pipeline, "eve") == (Outcome.REJECTED, ["LIST_BLOCKED", "LIST_TRUSTED", "NOT_SEEN"])
    assert decide(pipeline, "ann", "XAU") == (Outcome.APPROVED, ["LIST_TRUSTED", "RISKY", "NOT_SEEN"])
    assert decide(pipeline, "bob") == (Outcome.APPROVED, ["LIST_SEEN"])
    assert decide(pipeline, "dan", "XAU") == (Outcome.REJECTED, ["RISKY", "NOT_SEEN"])
    assert decide(pipeline, None) == (Outcome.APPROVED, [])  # unknown is neither on a list nor not on it


def test_an_entry_ends_when_it_says(tmp_path: Path) -> None:
    pipeline = Pipeline(make_bundle(scenario(tmp_path), None))
    assert decide(pipeline, "ann", time_us=1_893_456_000_000_000 - 1)[1][0] == "LIST_TRUSTED"
    assert decide(pipeline, "ann", time_us=1_893_456_000_000_000)[1] == ["NOT_SEEN"]


def test_the_lists_handed_over_are_asked_as_they_were_at_each_arrival(tmp_path: Path) -> None:
    found = scenario(tmp_path)
    lists = Lists(initial_changes(found))
    pipeline = Pipeline(make_bundle(found, None), lists=lists)
    blocked = find_list(found, "blocked")
    for change in changes_of(found, blocked, Entry("dan"), after=2):
        lists.apply(change)
    events = [event(at, "dan") for at in (1, 2, 3)]
    wanted = [Outcome.FLAGGED, Outcome.FLAGGED, Outcome.REJECTED]
    assert [pipeline.score_one(one, at).outcome for at, one in enumerate(events, 1)] == wanted
    assert pipeline.score_many(events, 1).outcomes == wanted


def test_without_lists_nobody_is_known_to_be_on_one_and_that_is_said(tmp_path: Path) -> None:
    pipeline = Pipeline(make_bundle(scenario(tmp_path), None))
    pipeline.lists_known = False
    decision = pipeline.score_one(event(1, "eve"), 1)
    assert (decision.outcome, decision.reasons) == (Outcome.APPROVED, ())
    assert NO_LISTS in decision.degraded
    batch = pipeline.score_many([event(1, "eve")], 1)
    assert not batch.met.any()
    assert batch.outcomes == [Outcome.APPROVED]


def test_lists_are_a_part_of_the_bundle_only_where_there_are_any(tmp_path: Path) -> None:
    found = scenario(tmp_path)
    (tmp_path / "plain").mkdir()
    assert "lists" not in scenario(tmp_path / "plain", SMALL).parts
    again = read_bundle(write_bundle(make_bundle(found, None), tmp_path / "bundle")).scenario
    assert (again.lists, again.rules) == (found.lists, found.rules)
    assert scenario_from_parts(json.loads(json.dumps(found.parts))).fingerprint() == found.fingerprint()


def test_a_match_reads_as_a_sentence_from_the_parts_alone(tmp_path: Path) -> None:
    parts = scenario(tmp_path).parts
    said = ReasonTexts([*parts["rules"], *(one for one in parts["lists"] if "code" in one)], "USD", {})
    decision = Pipeline(make_bundle(scenario(tmp_path), None)).score_one(event(1, "eve"), 1)
    assert [said.sentence(reason.code, reason.values) for reason in decision.reasons][:2] == [
        "eve is blocked",
        "On the list trusted",
    ]


def test_a_list_of_two_fields_holds_the_values_of_both(tmp_path: Path) -> None:
    both = "  - {name: both, of: [user_id, currency], kind: deny, entries: [eve, XAU]}\nrules:"
    pipeline = Pipeline(make_bundle(scenario(tmp_path, SMALL.replace("rules:", "lists:\n" + both)), None))
    for user, currency, value in (("eve", "USD", "eve"), ("dan", "XAU", "XAU")):
        (reason,) = pipeline.score_one(event(1, user, currency), 1).reasons
        assert reason.values == {"value": value}
    assert decide(pipeline, "dan") == (Outcome.APPROVED, [])


def test_entries_of_personal_fields_are_held_by_their_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("riskloom.privacy.protect.key_of", lambda field, value: f"{field}/{value}")
    found = scenario(tmp_path, TEXT.replace("entity: user}", "entity: user, pii: true}"))
    assert {change.key for change in initial_changes(found)} == {
        "user_id/eve", "user_id/ann", "user_id/bob", "XAU",
    }  # fmt: skip


def test_a_file_of_entries_comes_on_a_list_and_off_again(tmp_path: Path) -> None:
    found = scenario(
        tmp_path, TEXT.replace("currency: {type: category}", "currency: {type: category, values: [USD, XAU]}")
    )
    risky, lists = find_list(found, "risky"), Lists(initial_changes(found))
    read = value_reader(found, risky)
    with pytest.raises(DataInvalid, match="line 3, value: expected one of USD, XAU"):
        read_entries("value\nUSD\nEUR\n", read)
    (entry,) = read_entries("value,reason\nUSD,a test\n", read, "ana")
    for after, added in ((4, True), (6, False)):
        for change in changes_of(found, risky, entry, after=after, added=added):
            lists.apply(change)
    assert [lists.holds("risky", "USD", arrival, 0) for arrival in (4, 5, 6, 7)] == [False, True, True, False]
    exported = [
        Entry(one.key, one.from_us, one.until_us, one.reason, one.author) for one in lists.entries("risky", 0)
    ]
    assert [one.value for one in read_entries(write_entries(exported), read)] == ["XAU"]


def test_an_example_speaks_of_memberships_and_is_on_no_list_where_it_says_nothing(tmp_path: Path) -> None:
    examples = ", examples: [{hit: {amount: 5}}, {miss: {amount: 5, user_id in @seen: true}}]}"
    scenario(tmp_path, TEXT.replace("@seen, message: m}", "@seen, message: m" + examples))


@pytest.mark.parametrize(
    ("old", "new", "line", "where", "said"),
    [
        ("in @risky", "in @rsky", 19, "rules[0].when", "column 13 of 'currency in @rsky'"),
        ("in @risky", "in @seen", 19, "rules[0].when", "of: [user_id, currency]"),
        ("of: currency", "of: curency", 17, "lists[3].of", "'currency'"),
        ("of: currency", "of: amount", 17, "lists[3].of", "text fields"),
        ("of: currency", "of: []", 17, "lists[3].of", "1 to 8"),
        ("name: risky", "name: the risky", 17, "lists[3].name", "a name"),
        ("kind: watch", "kind: wach", 16, "lists[2].kind", "'watch'"),
        ("name: seen", "name: trusted", 16, "lists[2].name", "of its own"),
        ("entries: [XAU]", "code: X", 17, "lists[3].code", "it only for a list that"),
        ("entries: [XAU]", "entries: [5]", 17, "lists[3].entries[0].value", "text"),
        ("entries: [XAU]", "entries: [a, a]", 17, "lists[3].entries[1]", "once"),
        ("2030-01-01T00:00:00Z", "2030-01-01", 15, "lists[1].entries[0].until", "a time with Z"),
        ("{user_id} is", "{usr_id} is", 14, "lists[0].message", "'user_id'"),
        ("code: RISKY", "code: LIST_SEEN", 19, "rules[0].code", "of its own"),
    ],
)
def test_one_mistake_is_one_fault_at_its_line(
    tmp_path: Path, old: str, new: str, line: int, where: str, said: str
) -> None:
    assert old in TEXT
    with pytest.raises(ScenarioInvalid) as caught:
        scenario(tmp_path, TEXT.replace(old, new, 1))
    found = next(fault for fault in caught.value.faults if fault.where == where)
    assert found.line == line
    assert said in str(found)


def test_a_list_that_is_not_there_is_named_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="did you mean 'blocked'"):
        find_list(scenario(tmp_path), "bloked")
