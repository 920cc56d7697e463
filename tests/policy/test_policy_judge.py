"""The judge joins order, costs, budget, brakes and switches, and says what fell to shadow and why."""

from __future__ import annotations

import math

import pytest

from riskloom.domain.decision import Limit, Outcome
from riskloom.policy.brakes import MINUTE_US
from riskloom.policy.budget import DAY_US, Budget
from riskloom.policy.judge import MODEL, Asked, Judge, Terms, Verdict
from riskloom.policy.policy import Policy

RULES = [
    Terms("DENIED", "deny"),
    Terms("ALLOWED", "allow"),
    Terms("BAD", "reject", Limit(per_minute=1)),
    Terms("GOOD", "approve"),
    Terms("ODD", "flag", Limit(per_hour=1)),
    Terms("SEEN", "watch"),
]
AT = {term.code: at for at, term in enumerate(RULES)}
FLAGGED, APPROVED, REJECTED = Outcome.FLAGGED, Outcome.APPROVED, Outcome.REJECTED


def ask(
    judge: Judge, *codes: str, risk: float | None = 0.0, at_us: int = 0, entity: str | None = "a"
) -> Verdict:
    """A decision that is remembered."""
    verdict = judge.judge_one(Asked(at_us, [AT[code] for code in codes], risk, entity=entity))
    judge.advance()
    return verdict


def test_a_rule_beyond_its_limit_keeps_its_reason_and_decides_nothing() -> None:
    judge = Judge(Policy(90), RULES)
    assert ask(judge, "ODD", "SEEN") == (FLAGGED, False, {}, (), None, None)
    braked = ask(judge, "ODD", "SEEN", at_us=1)
    assert braked == (APPROVED, False, {AT["ODD"]: "brake"}, ("brake:rule:ODD",), None, None)
    assert ask(judge, "ODD", risk=95.0, at_us=2).outcome is FLAGGED  # the model says so by itself
    assert ask(judge, "BAD", "GOOD", at_us=3).outcome is REJECTED
    assert ask(judge, "BAD", "GOOD", at_us=4).outcome is APPROVED
    assert ask(judge, "BAD", at_us=3 + MINUTE_US).outcome is REJECTED


def test_a_look_that_is_not_followed_up_is_not_remembered() -> None:
    judge = Judge(Policy(90), RULES)
    for _ in range(2):
        judge.judge_one(Asked(0, [AT["ODD"]], 0.0))
        judge.pending = None
        judge.advance()
    assert ask(judge, "ODD").outcome is FLAGGED


def test_a_policy_beyond_its_limit_leaves_lists_alone() -> None:
    judge = Judge(Policy(90, limit=Limit(per_minute=1)), RULES)
    assert ask(judge, "DENIED").outcome is REJECTED  # not counted
    assert ask(judge, risk=95.0).outcome is FLAGGED
    quiet = ask(judge, "BAD", "SEEN", risk=95.0)
    assert quiet.outcome is APPROVED
    assert quiet.degraded == ("brake:policy",)
    assert quiet.shadow == {AT["BAD"]: "policy", MODEL: "policy"}
    assert ask(judge, "DENIED", risk=95.0).outcome is REJECTED
    assert ask(judge, "ALLOWED", risk=95.0).degraded == ()
    assert ask(judge, "BAD", at_us=MINUTE_US).outcome is REJECTED


@pytest.mark.parametrize(
    ("off", "codes", "outcome", "degraded"),
    [
        ({"rule:BAD"}, ("BAD", "ODD"), FLAGGED, ("off:rule:BAD",)),
        ({"rule:BAD"}, ("ODD",), FLAGGED, ()),
        ({"rule:DENIED"}, ("DENIED", "ALLOWED"), APPROVED, ("off:rule:DENIED",)),
        ({"policy"}, ("BAD",), APPROVED, ("off:policy",)),
        ({"policy"}, ("DENIED",), REJECTED, ()),
        ({"model"}, ("SEEN",), APPROVED, ("off:model",)),
    ],
)
def test_what_is_switched_off_falls_to_shadow_and_says_so(
    off: set[str], codes: tuple[str, ...], outcome: Outcome, degraded: tuple[str, ...]
) -> None:
    judge = Judge(Policy(90), RULES)
    assert not Judge(Policy(90), [Terms("A", "flag")]).remembers
    judge.off = frozenset(off)
    assert judge.remembers
    verdict = ask(judge, *codes, risk=None)
    assert (verdict.outcome, verdict.degraded) == (outcome, degraded)


def test_the_budget_holds_the_model_back_and_nothing_else() -> None:
    judge = Judge(Policy(90, 99, budget=Budget(1, "user")), RULES)
    assert ask(judge, risk=95.0, entity="a").outcome is FLAGGED
    held = ask(judge, risk=95.0, entity="b")
    assert (held.outcome, held.by_model, held.shadow) == (APPROVED, True, {MODEL: "budget"})
    assert ask(judge, risk=95.0, entity="a").outcome is FLAGGED  # free
    assert ask(judge, "ODD", risk=95.0, entity="b").outcome is FLAGGED
    assert ask(judge, risk=99.0, entity="c").outcome is REJECTED
    assert ask(judge, risk=95.0, entity="c").outcome is FLAGGED  # free, it was rejected today


def test_the_threshold_of_the_budget_takes_the_place_of_the_percentile() -> None:
    judge = Judge(Policy(90, budget=Budget(1, "user")), RULES)
    ask(judge, risk=70.0, entity="a")
    ask(judge, risk=60.0, entity="b")
    below = ask(judge, risk=69.0, at_us=DAY_US, entity="c")
    above = ask(judge, risk=70.0, at_us=DAY_US, entity="c")
    assert (below.outcome, below.threshold) == (APPROVED, 70.0)
    assert (above.outcome, above.threshold) == (FLAGGED, 70.0)


def test_what_a_list_or_rule_decided_alone_moves_no_threshold() -> None:
    judge = Judge(Policy(90, budget=Budget(1, "user")), RULES)
    ask(judge, "GOOD", risk=99.0, entity="a")
    ask(judge, "ALLOWED", risk=98.0, entity="b")
    ask(judge, risk=60.0, entity="c")
    assert ask(judge, risk=60.0, at_us=DAY_US, entity="d").threshold == 60.0


def test_what_rules_flag_uses_the_budget_up() -> None:
    judge = Judge(Policy(90, budget=Budget(1, "user")), RULES)
    ask(judge, "ODD", entity="a")
    ask(judge, risk=95.0, entity="b")
    assert ask(judge, risk=100.0, at_us=DAY_US, entity="c").threshold == math.inf
