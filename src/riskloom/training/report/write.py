"""Writes a report and its model card as files."""

from __future__ import annotations

import os
from pathlib import Path

from riskloom.training.report.card import render_model_card
from riskloom.training.report.evaluation import Evaluation
from riskloom.training.report.page import render_report


def write_report(path: str | Path, evaluation: Evaluation) -> tuple[Path, Path]:
    """Write the HTML page to `path` and the model card beside it, as Markdown; replaces what is there.

    Returns
    -------
    The page and the card: `evaluation.html` and `evaluation.model_card.md`.

    Notes
    -----
    Both are rendered before either is written, and each is moved into place when it is complete. The same
    evaluation gives the same bytes.
    """
    page = Path(path)
    card = page.with_name(f"{page.stem}.model_card.md")
    contents = {page: render_report(evaluation), card: render_model_card(evaluation)}
    page.parent.mkdir(parents=True, exist_ok=True)
    for target, content in contents.items():
        part = target.with_name(f".{target.name}.part")
        part.write_text(content, encoding="utf-8", newline="\n")
        os.replace(part, target)
    return page, card
