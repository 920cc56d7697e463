"""Figures, the floors they are held against, and how both are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

WORDS = {None: "", True: "yes", False: "NO"}


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value. `floor` is what was asked for: a least value, or a greatest where `at_most`."""

    what: str
    value: float | None
    unit: str
    floor: float | None = None
    at_most: bool = True
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the floor is met; None without a floor or a value."""
        if self.floor is None or self.value is None:
            return None
        return self.value <= self.floor if self.at_most else self.value >= self.floor

    def as_dict(self) -> dict[str, object]:
        """For machines."""
        floor = None if self.floor is None else {"at_most" if self.at_most else "at_least": self.floor}
        return {
            "what": self.what,
            "value": self.value,
            "unit": self.unit,
            "floor": floor,
            "met": self.met,
            "note": self.note,
        }


@dataclass(frozen=True, slots=True)
class Part:
    """What one part measured: figures, and a table of its own where figures do not say all."""

    name: str
    figures: Sequence[Figure]
    title: str = ""
    header: Sequence[str] = ()
    rows: Sequence[Sequence[object]] = field(default_factory=tuple)

    def as_dict(self) -> dict[str, object]:
        """For machines."""
        listed: list[dict[str, object]] = [dict(zip(self.header, row, strict=True)) for row in self.rows]
        return {
            "figures": [figure.as_dict() for figure in self.figures],
            **({"table": listed} if self.rows else {}),
        }


def show(parts: Sequence[Part], machine: Mapping[str, object]) -> None:
    """Print tables on stdout."""
    console = Console(highlight=False)
    table = Table(
        "part", "figure", "measured", "asked for", "met", "note", header_style="bold", show_edge=False
    )
    for part in parts:
        for figure in part.figures:
            style = "red" if figure.met is False else ""
            value = "-" if figure.value is None else f"{spell(figure.value)} {figure.unit}"
            table.add_row(
                part.name, figure.what, value, _floor(figure), WORDS[figure.met], figure.note, style=style
            )
    console.print(table)
    for part in parts:
        if part.rows:
            own = Table(*part.header, title=part.title, header_style="bold", show_edge=False)
            for row in part.rows:
                own.add_row(*(spell(cell) if isinstance(cell, float) else str(cell) for cell in row))
            console.print()
            console.print(own)
    console.print()
    console.print("; ".join(f"{name} {value}" for name, value in machine.items()), soft_wrap=True)


def _floor(figure: Figure) -> str:
    if figure.floor is None:
        return ""
    return f"{'<=' if figure.at_most else '>='} {spell(figure.floor)} {figure.unit}"


def spell(value: float) -> str:
    """A number to three digits or, from a thousand on, whole with marks.

    >>> spell(5.6789), spell(227_123.4), spell(0.00012)
    ('5.68', '227,123', '0.00012')
    """
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
