"""A comparison as plain data, and what tables and pages share: money, names, words."""

from __future__ import annotations

from typing import Any

from riskloom.domain.field import FieldType
from riskloom.domain.show import show_time
from riskloom.measure.result import plain
from riskloom.replay.compare import Comparison
from riskloom.replay.example import name_cell
from riskloom.replay.run import Replayed
from riskloom.scenario.scenario import Scenario
from riskloom.training.report.words import money


class Units:
    """How amounts and times of a scenario are shown."""

    def __init__(self, scenario: Scenario) -> None:
        field = next((each for each in scenario.fields if each.type is FieldType.MONEY), None)
        self.currency = scenario.base_currency if field is not None else ""
        self.decimals = 0 if field is None else len(str(field.scale)) - 1
        self.timed = bool(scenario.time_field)

    def money(self, minor: float | None) -> str:
        """An amount of minor units; a dash where it is not known."""
        return "–" if minor is None else money(minor, self.currency, self.decimals)

    def time(self, time_us: int) -> str:
        """A time, or the number of a row."""
        return show_time(time_us) if self.timed else f"row {time_us}"


def as_data(replayed: Replayed, comparison: Comparison) -> dict[str, Any]:
    """Figures and examples for machines; amounts in minor units of `currency`."""
    scenario = replayed.sides[0].bundle.scenario
    units = Units(scenario)
    found: Any = comparison.as_data()
    return {
        "scenario": scenario.name,
        "currency": units.currency,
        "decimals": units.decimals,
        "from": units.time(comparison.first_us),
        "to": units.time(comparison.last_us),
        **found,
        "examples": {name_cell(cell): plain(listed) for cell, listed in replayed.examples.items()},
    }
