"""The bench of rules measures what it says: twenty rules, one of them asking a list."""

from __future__ import annotations

from riskloom.bench.rules import twenty_rules


def test_there_are_twenty_rules_and_one_asks_a_list() -> None:
    scenario = twenty_rules()
    assert len(scenario.rules) == 20
    assert scenario.memberships == (("merchant_category", "risky"),)
