"""Whether an event's values are on the lists that rules ask, as that event saw them when it arrived."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from riskloom.expression.tree import membership
from riskloom.rules.lists import Lists
from riskloom.scenario.scenario import Scenario


class Memberships:
    """The `field in @list` of a scenario's rules, asked of lists; false where no rule asks any.

    Parameters
    ----------
    lists
        May change between events.
    """

    def __init__(self, scenario: Scenario, lists: Lists) -> None:
        at = {name: place for place, name in enumerate(scenario.rule_inputs)}
        self._pairs = scenario.memberships
        self._asked = tuple((at[field], lists.reader(name)) for field, name in self._pairs)

    def __len__(self) -> int:
        return len(self._asked)

    def one(self, row: Sequence[Any], arrival: int, arrived_us: int, known: bool) -> list[bool | None]:
        """The memberships of a row of rule inputs; None for all where the lists are not `known`."""
        if not known:
            return [None] * len(self._asked)
        return [holds(row[at], arrival, arrived_us) for at, holds in self._asked]

    def many(
        self,
        columns: dict[str, npt.NDArray[Any]],
        arrivals: Sequence[int],
        arrived_us: Sequence[int],
        known: bool,
    ) -> None:
        """Add the columns of `one` for many events, by their arrival numbers and times."""
        for (field, name), (_, holds) in zip(self._pairs, self._asked, strict=True):
            told = np.full(len(arrived_us), -1, np.int8)
            rows = zip(columns[field].tolist(), arrivals, arrived_us, strict=True) if known else ()
            for at, (value, arrival, moment_us) in enumerate(rows):
                if value is not None:
                    told[at] = holds(value, arrival, moment_us) is True
            columns[membership(field, name)] = told
