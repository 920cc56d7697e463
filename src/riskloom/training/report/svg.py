"""Pictures as text: a panel with axes, and what is drawn in it. Colours are classes, so a page's theme rules.

Numbers only, and texts that are escaped here: nothing that comes from data can become markup.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from riskloom.training.report.scale import Scale
from riskloom.training.report.words import text

Form = Callable[[float], str]


def picture(width: float, height: float, parts: Iterable[str], says: str) -> str:
    """An image with what it says for those who do not see it."""
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{text(says)}">{"".join(parts)}</svg>'
    )


class Panel:
    """A frame given by two scales; what is drawn is kept in `parts`, in order."""

    def __init__(self, x: Scale, y: Scale) -> None:
        self.x, self.y = x, y
        self.parts: list[str] = []

    def axis_x(self, form: Form, label: str = "", *, about: int = 5, grid: bool = False) -> None:
        """Round values below the frame, and what they are."""
        bottom, top = self.y.start, self.y.end
        self.parts.append(_line(self.x.start, bottom, self.x.end, bottom, "rl-base"))
        for tick in self.x.ticks(about):
            at = self.x.at(tick)
            if grid:
                self.parts.append(_line(at, bottom, at, top, "rl-grid"))
            self.parts.append(_line(at, bottom, at, bottom + 4, "rl-base"))
            self.words(at, bottom + 18, form(tick), "rl-tick", "middle")
        if label:
            self.words((self.x.start + self.x.end) / 2, bottom + 36, label, "rl-name", "middle")

    def axis_y(self, form: Form, label: str = "", *, about: int = 4) -> None:
        """Round values left of the frame with lines across it, and what they are, above."""
        for tick in self.y.ticks(about):
            at = self.y.at(tick)
            self.parts.append(_line(self.x.start, at, self.x.end, at, "rl-grid"))
            self.words(self.x.start - 7, at + 4, form(tick), "rl-tick", "end")
        if label:
            self.words(self.x.start - 40, self.y.end - 12, label, "rl-name", "start")

    def line(
        self, xs: Sequence[float], ys: Sequence[float], kind: str, *, dash: str = "", says: str = ""
    ) -> None:
        """Points joined; where one is not defined the line breaks."""
        path: list[str] = []
        pen = "M"
        for x, y in zip(xs, ys, strict=True):
            if math.isnan(x) or math.isnan(y):
                pen = "M"
                continue
            path.append(f"{pen}{self.x.at(x):.1f} {self.y.at(y):.1f}")
            pen = "L"
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self.parts.append(f'<path class="rl-line {kind}" d="{"".join(path)}"{dashed}>{_title(says)}</path>')

    def band(self, xs: Sequence[float], lows: Sequence[float], highs: Sequence[float], kind: str) -> None:
        """The area between two lines."""
        there = [f"{self.x.at(x):.1f} {self.y.at(y):.1f}" for x, y in zip(xs, highs, strict=True)]
        back = [f"{self.x.at(x):.1f} {self.y.at(y):.1f}" for x, y in zip(xs, lows, strict=True)]
        points = "L".join(there + back[::-1])
        self.parts.append(f'<path class="rl-band {kind}" d="M{points}Z"/>')

    def box(
        self, x0: float, x1: float, y0: float, y1: float, kind: str, *, says: str = "", gap: float = 0
    ) -> None:
        """A filled box between values."""
        left, right = sorted((self.x.at(x0), self.x.at(x1)))
        top, bottom = sorted((self.y.at(y0), self.y.at(y1)))
        width = max(0.0, right - left - gap)
        self.parts.append(
            f'<rect class="rl-fill {kind}" x="{left + gap / 2:.1f}" y="{top:.1f}" width="{width:.1f}" '
            f'height="{bottom - top:.1f}">{_title(says)}</rect>'
        )

    def dot(self, x: float, y: float, kind: str, *, radius: float = 4, says: str = "") -> None:
        """A point."""
        self.parts.append(
            f'<circle class="rl-dot {kind}" cx="{self.x.at(x):.1f}" cy="{self.y.at(y):.1f}" '
            f'r="{radius:g}">{_title(says)}</circle>'
        )

    def upright(self, x: float, kind: str, *, low: float | None = None, high: float | None = None) -> None:
        """A line straight up at a value, over the whole height or between two values."""
        at = self.x.at(x)
        bottom = self.y.start if low is None else self.y.at(low)
        top = self.y.end if high is None else self.y.at(high)
        self.parts.append(_line(at, bottom, at, top, kind))

    def level(self, y: float, kind: str) -> None:
        """A line across at a value."""
        at = self.y.at(y)
        self.parts.append(_line(self.x.start, at, self.x.end, at, kind))

    def words(self, x: float, y: float, says: str, kind: str, anchor: str = "start") -> None:
        """A text at a place on the paper."""
        self.parts.append(
            f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text(says)}</text>'
        )

    def note(
        self, x: float, y: float, says: str, *, kind: str = "rl-note", dx: float = 8, dy: float = 4,
        anchor: str = "start",
    ) -> None:  # fmt: skip
        """A text beside a value."""
        self.words(self.x.at(x) + dx, self.y.at(y) + dy, says, kind, anchor)


def _line(x0: float, y0: float, x1: float, y1: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}"/>'


def _title(says: str) -> str:
    return f"<title>{text(says)}</title>" if says else ""
