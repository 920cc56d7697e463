"""Cases as values: which moves there are, what dispositions mean, links from both sides."""

from __future__ import annotations

import itertools

import pytest

from riskloom.domain.alert import Disposition
from riskloom.domain.case import (
    COLLECTING,
    MEANINGS,
    MOVES,
    OPPOSITE,
    CaseMove,
    CaseState,
    LinkKind,
    moved,
    needs_second,
)
from riskloom.errors import MoveInvalid


@pytest.mark.parametrize(("state", "move"), [*itertools.product(CaseState, CaseMove)])
def test_a_case_moves_where_it_may_and_nowhere_else(state: CaseState, move: CaseMove) -> None:
    origin, to = MOVES[move]
    if state is origin:
        assert moved(state, move) is to
    else:
        with pytest.raises(MoveInvalid, match=f"A case that is {state} cannot {move}"):
            moved(state, move)


def test_every_case_can_come_to_an_end_and_back() -> None:
    reached = {CaseState.OPEN}
    for _ in CaseState:
        reached |= {to for origin, to in MOVES.values() if origin in reached}
    assert reached == set(CaseState)
    assert all(any(origin is state for origin, _ in MOVES.values()) for state in CaseState)
    assert set(COLLECTING) == {CaseState.OPEN, CaseState.PENDING}


def test_every_disposition_says_what_label_it_is() -> None:
    assert set(MEANINGS) == set(Disposition)
    told = {disposition: meaning for disposition, meaning in MEANINGS.items() if meaning is not None}
    assert set(Disposition) - set(told) == {Disposition.INSUFFICIENT_INFORMATION}
    assert {disposition for disposition, meaning in told.items() if meaning.fraud} == {
        Disposition.CONFIRMED_FRAUD,
        Disposition.SUSPECTED,
    }
    assert told[Disposition.SUSPECTED].confidence < told[Disposition.CONFIRMED_FRAUD].confidence == 1
    assert all(0 < meaning.confidence <= 1 for meaning in told.values())


@pytest.mark.parametrize("kind", LinkKind)
def test_a_link_read_from_the_other_side_and_back_is_itself(kind: LinkKind) -> None:
    assert OPPOSITE[OPPOSITE[kind]] is kind
    assert (OPPOSITE[kind] is kind) is (kind is LinkKind.RELATED)


@pytest.mark.parametrize(
    ("amount", "above", "needed"),
    [(None, 10, False), (10, None, False), (10, 10, False), (11, 10, True), (1, 0, True), (0, 0, False)],
)
def test_a_second_person_is_needed_above_the_amount(
    amount: int | None, above: int | None, needed: bool
) -> None:
    assert needs_second(amount, above) is needed
