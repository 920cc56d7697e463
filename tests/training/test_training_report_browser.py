"""The page in a real browser: nothing is fetched, nothing overflows, both themes are readable."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from riskloom.measure.cost import CostMatrix
from riskloom.training.report import write_report
from riskloom.training.report.evaluate import Judged, Scored, evaluate_many
from riskloom.training.report.evaluation import DataFacts, Evaluation, PartFacts, SplitFacts

CHROMIUM = Path(os.environ.get("RISKLOOM_CHROMIUM", "/usr/bin/chromium"))
WIDTHS = (390, 768, 1280)
WORDS = [
    "body", "h2", ".rl-meta", "figcaption", "caption", "thead th", "nav a", ".rl-small", ".rl-card dt",
    "svg .rl-tick", "svg .rl-note", "svg .rl-ink-fraud", "svg .rl-ink-best",
]  # fmt: skip

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no Chromium at {CHROMIUM}; set RISKLOOM_CHROMIUM"),
]


def evaluation() -> Evaluation:
    """Four detectors with long names over five months."""
    chance = np.random.default_rng(0)
    rows = 4_000
    matrix = CostMatrix(500, 100)
    labels = (chance.random(rows) < 0.05).astype(int)
    shops = np.array(["groceries_and_household", "travel", "x"])
    judged = Judged(
        labels=labels,
        days=17_700 + np.arange(rows) * 150 // rows,
        months=np.array([f"2018-0{month}" for month in range(4, 9)])[np.arange(rows) * 5 // rows],
        entities=chance.integers(0, 800, rows),
        entity="customer",
        amounts=chance.integers(100, 90_000, rows),
        segments={"merchant_category": shops[chance.integers(0, 3, rows)]},
    )
    strengths = {"stacking": 4, "logistic_regression": 3, "half_space_trees": 1, "ecod": 0.5}
    leaned_on = {f"customer_amount_mean_{at}d_over_all": 1 / (at + 1) for at in range(20)}
    scored = []
    for name, strength in strengths.items():
        scores = chance.normal(size=rows) + strength * labels - 4
        scored.append(Scored(name, scores, -1.0, 1 / (1 + np.exp(-scores)), leaned_on, "gain"))
    frauds = int(labels.sum())
    parts = (PartFacts("train", 9_000, 400, 0, 10**12), PartFacts("test", rows, frauds, 10**13, 10**14))
    return Evaluation(
        scenario="card_payments",
        describe="Card payments.",
        detectors=evaluate_many(judged, scored, chosen="stacking", matrix=matrix, k=20, replicates=50),
        chosen="stacking",
        data=DataFacts("a.csv", 13_000, 600, "f" * 64, "label"),
        split=SplitFacts("time", parts, 10**12),
        threshold_rule="least expected cost on validation",
        seed=1,
        created="2026-11-21",
        currency="EUR",
        matrix=matrix,
        hashes={"bundle": "e" * 64},
    )


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(tmp_path_factory.mktemp("report") / "evaluation.html", evaluation())[0]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        running = started.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"]
        )
        yield running
        running.close()


def show(browser: Any, path: Path, width: int, scheme: str) -> tuple[Any, list[str]]:
    """The page at a width in a theme, and what it complained about or asked for."""
    page = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme).new_page()
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("request", lambda request: heard.append(request.url) if request.url != path.as_uri() else None)
    page.goto(path.as_uri())
    return page, heard


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_fetched_and_only_tables_and_pictures_scroll(
    browser: Any, page_file: Path, width: int
) -> None:
    page, heard = show(browser, page_file, width, "light")
    assert heard == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.title() == "card_payments: stacking – evaluation"
    page.context.close()


def test_no_text_of_a_picture_leaves_it(browser: Any, page_file: Path) -> None:
    page, _ = show(browser, page_file, 1280, "light")
    outside = page.evaluate(
        """() => [...document.querySelectorAll('.rl-draw svg')].flatMap(svg => {
            const frame = svg.getBoundingClientRect();
            return [...svg.querySelectorAll('text')].filter(text => {
                const box = text.getBoundingClientRect();
                return box.left < frame.left - 1 || box.right > frame.right + 1
                    || box.top < frame.top - 1 || box.bottom > frame.bottom + 1;
            }).map(text => text.textContent);
        })"""
    )
    assert outside == []
    page.context.close()


def luminance(colour: str) -> float:
    """WCAG's relative luminance of `rgb(r, g, b)`."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_in_both_themes(browser: Any, page_file: Path, scheme: str) -> None:
    page, _ = show(browser, page_file, 1280, scheme)
    paper = luminance(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert (paper > 0.5) == (scheme == "light")
    colours = page.evaluate(
        """names => Object.fromEntries(names.map(name => {
            const style = getComputedStyle(document.querySelector(name));
            return [name, name.startsWith('svg') ? style.fill : style.color];
        }))""",
        WORDS,
    )
    for name, colour in colours.items():
        bright, dark = sorted((luminance(colour), paper), reverse=True)
        assert (bright + 0.05) / (dark + 0.05) >= 4.5, (name, colour)
    page.context.close()
