"""What a dossier's PDF is made of: headings, facts, tables and notes, in a font that this machine has.

Imports ReportLab; only `dossier_pdf` may ask for it. What the font cannot show is written as its code point,
such as U+4E2D: nothing is left out silently.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any, BinaryIO

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import cm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFError, TTFont
from reportlab.platypus import (
    CondPageBreak,
    KeepTogether,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    Table,
    TableStyle,
)

INK, QUIET, GRID, LINE = (HexColor(code) for code in ("#1d2429", "#5b666e", "#e6e8e6", "#c3cac6"))
TONES = {"critical": "#a02b20", "high": "#a02b20", "medium": "#8a5a00", "low": "#1f6f8b"}
WIDTH = 18.0
TIMES, TIME_WIDTH = ("time", "when (UTC)", "due", "done"), 3.3
PADDING = 6
"""Points that ReportLab leaves free around what stands on a page."""
_BODY, _BOLD = "RiskloomSans", "RiskloomSans-Bold"
_FONTS = (
    ("/usr/share/fonts/truetype/dejavu", "DejaVuSans.ttf", "DejaVuSans-Bold.ttf"),
    ("/usr/share/fonts/dejavu-sans-fonts", "DejaVuSans.ttf", "DejaVuSans-Bold.ttf"),
    ("/usr/share/fonts/TTF", "DejaVuSans.ttf", "DejaVuSans-Bold.ttf"),
    ("/System/Library/Fonts/Supplemental", "Arial.ttf", "Arial Bold.ttf"),
    ("C:/Windows/Fonts", "arial.ttf", "arialbd.ttf"),
)
_OWN = ("Vera.ttf", "VeraBd.ttf")
"""ReportLab brings these: Western European letters."""


class Paper:
    """A document that grows from top to bottom."""

    def __init__(self, name: str) -> None:
        self._glyphs = _register()
        self._name = name
        self._parts: list[Any] = []
        self._styles = {
            "title": _style(_BOLD, 18, 22, 2),
            "heading": _style(_BOLD, 12.5, 16, 3, before=13),
            "name": _style(_BOLD, 10, 13, 0, before=8),
            "body": _style(_BODY, 9, 12.5, 2),
            "quiet": _style(_BODY, 8, 11, 3, color=QUIET),
            "cell": _style(_BODY, 8, 10.5, 0),
            "head": _style(_BODY, 7.5, 10, 0, color=QUIET),
            "big": _style(_BOLD, 11.5, 14, 0),
        }

    def title(self, below: str) -> None:
        """The name of the document, and a line below it."""
        self._parts += [self._text(self._name, "title"), self._text(below, "quiet")]

    def heading(self, text: str) -> None:
        """A heading, with room for something below it."""
        self._parts += [CondPageBreak(2.5 * cm), self._text(text, "heading")]

    def quiet(self, text: str) -> None:
        """A remark."""
        self._parts.append(self._text(text, "quiet"))

    def figures(self, figures: Sequence[tuple[str, str, str]]) -> None:
        """A row of boxes: what, the figure, and a small line."""
        cells = [
            [self._text(what, "head"), self._text(value, "big"), self._text(small, "head")]
            for what, value, small in figures
        ]
        drawn = Table([cells], colWidths=[WIDTH / len(cells) * cm] * len(cells))
        drawn.setStyle(
            TableStyle(
                [
                    ("BOX", (0, 0), (-1, -1), 0.6, LINE),
                    ("INNERGRID", (0, 0), (-1, -1), 0.6, LINE),
                    ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ]
            )
        )
        self._parts += [Spacer(1, 6), drawn]

    def facts(self, facts: Sequence[tuple[str, str]]) -> None:
        """Names and what they are."""
        self._parts.append(self._facts(facts))

    def event(self, name: str, state: str, facts: Sequence[tuple[str, str]]) -> None:
        """An event: its name, what was decided, its fields."""
        head = [self._text(name, "name"), self._text(state, "quiet")]
        self._parts.append(KeepTogether([*head, self._facts(facts, columns=2)]))

    def reason(self, severity: str, message: str, code: str) -> None:
        """Why, in a sentence."""
        tone = TONES.get(severity, TONES["medium"])
        marked = (
            f'<font color="{tone}">{self._safe(severity)}</font>  {self._safe(message)}'
            f'  <font color="#5b666e" size="7">{self._safe(code)}</font>'
        )
        style = self._styles["body"]
        self._parts.append(Paragraph(marked, ParagraphStyle("reason", style, spaceBefore=5, keepWithNext=1)))

    def note(self, text: str, by: str) -> None:
        """A note, line by line as it was written."""
        for line in text.splitlines():
            self._parts.append(self._text(line or " ", "body"))
        self._parts.append(self._text(by, "quiet"))

    def table(
        self, head: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[float] | None = None
    ) -> None:
        """A table whose head stands on each page; widths in centimetres, by the head where none are given."""
        given = widths or _widths(head)
        cells = [[self._text(cell, "head") for cell in head]]
        cells += [[self._text(cell, "cell") for cell in row] for row in rows]
        drawn = Table(cells, colWidths=[width * cm for width in given], repeatRows=1)
        drawn.setStyle(
            TableStyle(
                [
                    ("LINEBELOW", (0, 0), (-1, 0), 0.6, LINE),
                    ("LINEBELOW", (0, 1), (-1, -1), 0.4, GRID),
                    ("VALIGN", (0, 0), (-1, -1), "TOP"),
                    ("LEFTPADDING", (0, 0), (-1, -1), 0),
                    ("RIGHTPADDING", (0, 0), (-1, -1), 6),
                    ("TOPPADDING", (0, 0), (-1, -1), 2.5),
                    ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
                ]
            )
        )
        self._parts.append(drawn)

    def write(self, out: BinaryIO, made: str, digest: str) -> None:
        """Write it, with a line at the foot of each page."""

        def foot(canvas: Any, document: Any) -> None:
            canvas.setFont(_BODY, 7)
            canvas.setFillColor(QUIET)
            canvas.drawString(1.5 * cm, 1.25 * cm, self._shown(f"{self._name}. {made}."))
            canvas.drawString(1.5 * cm, 0.9 * cm, digest)
            canvas.drawRightString(A4[0] - 1.5 * cm, 1.25 * cm, f"page {document.page}")

        document = SimpleDocTemplate(
            out,
            pagesize=A4,
            leftMargin=1.5 * cm - PADDING,
            rightMargin=1.5 * cm - PADDING,
            topMargin=1.6 * cm,
            bottomMargin=1.9 * cm,
            title=self._shown(self._name),
            author="Riskloom",
            invariant=1,
        )
        document.build(self._parts, onFirstPage=foot, onLaterPages=foot)

    def _facts(self, facts: Sequence[tuple[str, str]], columns: int = 1) -> Any:
        cells = [[self._text(name, "head"), self._text(value, "cell")] for name, value in facts]
        cells += [["", ""]] * (-len(cells) % columns)
        rows = [
            [cell for pair in cells[at : at + columns] for cell in pair]
            for at in range(0, len(cells), columns)
        ]
        name = 3.0 * cm
        drawn = Table(rows or [[""]], colWidths=[name, (WIDTH / columns) * cm - name] * columns)
        padding = [
            (f"{side}PADDING", (0, 0), (-1, -1), points)
            for side, points in (("LEFT", 0), ("RIGHT", 4), ("TOP", 1), ("BOTTOM", 1.5))
        ]
        drawn.setStyle(TableStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), *padding]))
        return drawn

    def _text(self, text: str, style: str) -> Any:
        return Paragraph(self._safe(text), self._styles[style])

    def _safe(self, text: str) -> str:
        return escape(self._shown(text), quote=False)

    def _shown(self, text: str) -> str:
        """Text with its code points where the font has no letter."""
        plain = " ".join(text.split())
        if all(ord(letter) in self._glyphs for letter in plain):
            return plain
        return "".join(
            letter if ord(letter) in self._glyphs else f"[U+{ord(letter):04X}]" for letter in plain
        )


@functools.cache
def _register() -> frozenset[int]:
    """Make the font known to ReportLab; the letters that it has."""
    regular, bold = _find()
    pdfmetrics.registerFont(TTFont(_BODY, regular))
    pdfmetrics.registerFont(TTFont(_BOLD, bold))
    faces = [pdfmetrics.getFont(name).face.charToGlyph for name in (_BODY, _BOLD)]
    return frozenset(faces[0]) & frozenset(faces[1])


def _find() -> tuple[str, str]:
    for folder, regular, bold in _FONTS:
        found = Path(folder) / regular, Path(folder) / bold
        if all(path.is_file() for path in found):
            try:
                TTFont(_BODY, str(found[0]))
            except TTFError:
                continue
            return str(found[0]), str(found[1])
    return _OWN


def _widths(head: Sequence[str]) -> list[float]:
    """Room for a moment in one line where there is one; all others alike."""
    moments = sum(name in TIMES for name in head)
    other = (WIDTH - moments * TIME_WIDTH) / max(len(head) - moments, 1)
    return [TIME_WIDTH if name in TIMES else other for name in head]


def _style(
    font: str, points: float, leading: float, after: float, *, before: float = 0, color: Any = INK
) -> ParagraphStyle:
    return ParagraphStyle(
        f"{font}-{points}",
        fontName=font,
        fontSize=points,
        leading=leading,
        spaceAfter=after,
        spaceBefore=before,
        textColor=color,
        splitLongWords=1,
    )
