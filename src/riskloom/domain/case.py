"""A case: what a person makes of the alerts about one entity; its states, its moves, and what its end means.

Values only: who may make a move, and where a case is kept, is not known here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from riskloom.domain.alert import SEVERITIES, Disposition
from riskloom.errors import MoveInvalid


class CaseState(StrEnum):
    """Where a case stands; an entity has at most one that is not closed."""

    OPEN = "open"
    PENDING = "pending"  # closed by one person, not yet confirmed by a second
    CLOSING = "closing"  # decided; its labels are on their way
    CLOSED = "closed"


class CaseMove(StrEnum):
    """What can be done with a case as a whole."""

    PROPOSE = "propose"  # close above the amount that needs four eyes
    CLOSE = "close"
    CONFIRM = "confirm"  # a second person agrees
    DECLINE = "decline"  # or does not
    FINISH = "finish"  # its labels are durable and its alerts resolved
    REOPEN = "reopen"


MOVES: Mapping[CaseMove, tuple[CaseState, CaseState]] = MappingProxyType(
    {
        CaseMove.PROPOSE: (CaseState.OPEN, CaseState.PENDING),
        CaseMove.CLOSE: (CaseState.OPEN, CaseState.CLOSING),
        CaseMove.CONFIRM: (CaseState.PENDING, CaseState.CLOSING),
        CaseMove.DECLINE: (CaseState.PENDING, CaseState.OPEN),
        CaseMove.FINISH: (CaseState.CLOSING, CaseState.CLOSED),
        CaseMove.REOPEN: (CaseState.CLOSED, CaseState.OPEN),
    }
)
"""Each move: from which state, to which."""

PRIORITIES = SEVERITIES
"""How soon a case should be looked at, in the words of severities, rising."""

COLLECTING = (CaseState.OPEN, CaseState.PENDING)
"""States in which a case takes in further alerts of its entity."""


def moved(state: CaseState, move: CaseMove) -> CaseState:
    """Where a move takes a case.

    Raises
    ------
    MoveInvalid
        When the case is in another state than the move begins in.

    >>> moved(CaseState.PENDING, CaseMove.CONFIRM).value
    'closing'
    """
    origin, to = MOVES[move]
    if state is not origin:
        raise MoveInvalid(
            f"A case that is {state} cannot {move}.",
            hint=f"{move} needs a case that is {origin}",
        )
    return to


@dataclass(frozen=True, slots=True)
class Meaning:
    """The label that a disposition gives to an event."""

    fraud: bool
    confidence: float


MEANINGS: Mapping[Disposition, Meaning | None] = MappingProxyType(
    {
        Disposition.CONFIRMED_FRAUD: Meaning(fraud=True, confidence=1.0),
        Disposition.SUSPECTED: Meaning(fraud=True, confidence=0.6),
        Disposition.FALSE_POSITIVE: Meaning(fraud=False, confidence=1.0),
        Disposition.FRIENDLY_FRAUD: Meaning(fraud=False, confidence=0.8),
        Disposition.INSUFFICIENT_INFORMATION: None,
    }
)
"""The label of each disposition, None for none.

Friendly fraud is a claim of the customer against a payment that the customer made: the payment looks like
the customer because it was. Told as a fraud it would teach a model that this customer's habits are a
thief's; so it is no fraud by a third party, and its code tells it from a false positive.
"""


@dataclass(frozen=True, slots=True)
class CaseSpec:
    """What a scenario declares of its cases.

    `four_eyes_above_minor` is the amount in minor units of the base currency above which a second person
    confirms the end of a case; None where one always is enough.
    """

    four_eyes_above_minor: int | None = None


class LinkKind(StrEnum):
    """How one case is to another, read from the first."""

    RELATED = "related"
    DUPLICATES = "duplicates"
    DUPLICATED_BY = "duplicated_by"
    CAUSES = "causes"
    CAUSED_BY = "caused_by"
    PART_OF = "part_of"
    CONTAINS = "contains"


_PAIRS = (
    (LinkKind.RELATED, LinkKind.RELATED),
    (LinkKind.DUPLICATES, LinkKind.DUPLICATED_BY),
    (LinkKind.CAUSES, LinkKind.CAUSED_BY),
    (LinkKind.PART_OF, LinkKind.CONTAINS),
)
OPPOSITE: Mapping[LinkKind, LinkKind] = MappingProxyType(
    {**dict(_PAIRS), **{back: forth for forth, back in _PAIRS}}
)
"""The same link, read from the other case."""


def needs_second(amount_minor: int | None, above_minor: int | None) -> bool:
    """Whether a second person has to confirm the end of a case over this amount.

    >>> needs_second(100_001, 100_000), needs_second(100_000, 100_000), needs_second(5, None)
    (True, False, False)
    """
    return above_minor is not None and amount_minor is not None and amount_minor > above_minor
