"""The report says what was measured, needs nothing but itself, and no value from data becomes markup."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt
import pytest

from riskloom.errors import DataInvalid
from riskloom.measure.bootstrap import bootstrap_many
from riskloom.measure.calibration import measure_calibration
from riskloom.measure.cost import CostMatrix
from riskloom.measure.interval import Estimate
from riskloom.measure.ranking import average_precision, card_precision_at_k, daily_precision_at_k
from riskloom.measure.threshold import measure_at, sweep_thresholds
from riskloom.training.known import drop_known
from riskloom.training.leakage.finding import Finding, LeakageReport, ScoreWithout
from riskloom.training.report import plots, render_model_card, render_report, write_report
from riskloom.training.report.evaluate import Judged, Scored, evaluate_many, split_facts
from riskloom.training.report.evaluation import DataFacts, Evaluation, PartFacts, SplitFacts
from riskloom.training.report.weaknesses import weaknesses
from riskloom.training.split import split_by_durations, split_stratified

DAY = 86_400_000_000
MATRIX = CostMatrix(500, 200, 0.9)
Column = npt.NDArray[Any]


def judged(rows: int = 1_500, seed: int = 0, **changes: Any) -> Judged:
    """Rows of a test over three months."""
    chance = np.random.default_rng(seed)
    labels = (chance.random(rows) < 0.08).astype(int)
    held: dict[str, Any] = {
        "labels": labels,
        "days": 17_700 + np.arange(rows) * 70 // rows,
        "months": np.array(["2018-06", "2018-07", "2018-08"])[np.arange(rows) * 3 // rows],
        "entities": chance.integers(0, 300, rows),
        "entity": "card",
        "amounts": chance.integers(100, 50_000, rows),
        "segments": {"channel": np.array(["web", "app", "shop"])[chance.integers(0, 3, rows)]},
    }
    return Judged(**{**held, **changes})


def scored(rows: Judged, name: str = "xgboost", strength: float = 2.5, **changes: Any) -> Scored:
    """A detector that is right more or less often."""
    chance = np.random.default_rng(len(name))
    scores = chance.normal(size=rows.labels.size) + strength * rows.labels - 3
    held: dict[str, Any] = {
        "scores": scores,
        "threshold": -1.0,
        "probabilities": 1 / (1 + np.exp(-scores)),
        "importances": {"amount_1h": 0.6, "hour": 0.3, "speed_kmh": 0.1},
        "importance_of": "mean absolute contribution",
        "seconds": 1.5,
    }
    return Scored(name, **{**held, **changes})


def leakage() -> LeakageReport:
    """A check that found something."""
    finding = Finding("name", "leak", ("hour",), ("hour",), 0.0, "hour reads like the answer.")
    scores = (ScoreWithout("everything", (), {"roc_auc": 0.99, "lift": 3.5}),)
    return LeakageReport(1_500, 100, ("hour", "amount"), (finding,), scores)


def evaluation(rows: Judged | None = None, **changes: Any) -> Evaluation:
    """A whole evaluation of two detectors."""
    rows = rows or judged()
    every = [scored(rows), scored(rows, "isolation_forest", 1.0, probabilities=None, importances={})]
    detectors = evaluate_many(rows, every, chosen="xgboost", matrix=MATRIX, k=10, replicates=30)
    split = SplitFacts(
        "time",
        (PartFacts("train", 9_000, 700, 0, 40 * DAY), PartFacts("test", 1_500, 120, 50 * DAY, 80 * DAY)),
        7 * DAY,
        33,
        "card",
    )
    held: dict[str, Any] = {
        "scenario": "cards",
        "describe": "Card payments.",
        "detectors": detectors,
        "chosen": "xgboost",
        "data": DataFacts("payments.parquet", 12_000, 900, "ab12" * 16, "is_fraud", "CC BY 4.0"),
        "split": split,
        "threshold_rule": "least expected cost on validation",
        "seed": 42,
        "created": "2026-11-21",
        "features": ("amount_1h", "hour", "speed_kmh"),
        "currency": "EUR",
        "matrix": MATRIX,
        "leakage": leakage(),
        "hashes": {"bundle": "c0ffee"},
        "versions": {"xgboost": "3.2.0"},
        "intended_use": "To rank payments for review.",
        "limits": ("Made on one market.",),
        "interval_by": "cards",
        "replicates": 30,
    }
    return Evaluation(**{**held, **changes})


WHOLE = evaluation()


class Reader(HTMLParser):
    """Checks that tags close in order and collects what a page holds."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "title"):
            self.words.append(data.strip())

    def has(self, tag: str, **wanted: str) -> bool:
        return any(
            name == tag and all(attributes.get(key) == value for key, value in wanted.items())
            for name, attributes in self.tags
        )


def read(given: Evaluation) -> Reader:
    return Reader(render_report(given))


def headings(page: str) -> list[str]:
    return re.findall(r"<h2>(.*?)</h2>", page)


def test_a_detector_is_judged_by_the_measures_themselves() -> None:
    rows = judged()
    first, second = scored(rows), scored(rows, "isolation_forest", 1.0)
    got = evaluate_many(rows, [first, second], chosen="xgboost", matrix=MATRIX, k=10, seed=3, replicates=40)
    apart = bootstrap_many(
        rows.labels,
        {"xgboost": first.scores, "isolation_forest": second.scores},
        thresholds={"xgboost": -1.0, "isolation_forest": -1.0},
        against="xgboost",
        amounts=rows.amounts,
        matrix=MATRIX,
        blocks=rows.entities,
        seed=3,
        replicates=40,
    )
    one = got[0]
    assert one.at == measure_at(
        rows.labels, first.scores, -1.0, amounts=rows.amounts, days=rows.days, matrix=MATRIX
    )
    for name, expected in apart["xgboost"].measures.items():
        assert one.estimates[name] == expected
    assert got[1].differences == apart["isolation_forest"].differences
    assert one.differences == {}
    assert one.estimate("average_precision").value == pytest.approx(
        average_precision(rows.labels, first.scores)
    )
    assert one.calibration == measure_calibration(rows.labels, first.probabilities)
    by_rows, by_card = one.days
    assert by_rows.precision == daily_precision_at_k(rows.labels, first.scores, rows.days, 10)
    assert by_card.precision == card_precision_at_k(rows.labels, first.scores, rows.entities, rows.days, 10)
    assert by_card.what == "card"
    assert by_card.ceiling.mean >= by_card.precision.mean == one.estimate("entity_precision_at_k").value
    assert one.estimate("precision_at_k").value == by_rows.precision.mean
    assert [group.name for group in one.months] == ["2018-06", "2018-07", "2018-08"]
    assert {group.name for group in one.segments["channel"]} == {"web", "app", "shop"}


@pytest.mark.parametrize("tail", [False, True])
def test_a_sweep_is_what_each_threshold_would_do(tail: bool) -> None:
    rows = judged(300)
    scores = scored(rows).scores
    scores = np.exp(3 * scores) if tail else np.round(scores, 1)
    one = evaluate_many(
        rows, [Scored("a", scores, float(np.median(scores)))], chosen="a", matrix=MATRIX, k=5, replicates=2
    )[0]
    held = one.sweep
    assert held.scale == ("log" if tail else "linear")
    assert held.thresholds[-1] == pytest.approx(scores.max())
    assert held.flagged_share[0] >= 0.3
    for at, threshold in enumerate(held.thresholds):
        whole = measure_at(
            rows.labels, scores, threshold, amounts=rows.amounts, days=rows.days, matrix=MATRIX
        )
        assert held.precision[at] == pytest.approx(whole.precision, nan_ok=True)
        assert held.recall[at] == pytest.approx(whole.recall)
        assert held.flagged_share[at] == whole.alerts / whole.rows
        assert held.cost[at] == pytest.approx(whole.cost.total)
        assert held.alerts_per_day[at] == pytest.approx(whole.alerts_per_day)
        assert held.alerts_low[at] <= held.alerts_high[at]
    spread = one.distribution
    assert sum(spread.frauds) == rows.labels.sum()
    assert sum(spread.honest) == (rows.labels == 0).sum()
    assert spread.scale == held.scale


def test_rows_without_an_entity_are_each_their_own() -> None:
    rows = judged(60)
    nobody = replace(rows, entities=np.array([None] * 60, object))
    apart = replace(rows, entities=np.arange(60))
    found = [
        evaluate_many(each, [scored(each)], chosen="xgboost", k=3, replicates=5)[0].days[1]
        for each in (nobody, apart)
    ]
    assert found[0].precision.mean == found[1].precision.mean


def test_without_rows_there_is_nothing_to_judge() -> None:
    empty = Judged(np.empty(0, int))
    with pytest.raises(DataInvalid, match="test: expected rows to judge on"):
        evaluate_many(empty, [Scored("a", np.empty(0), 0.0)], chosen="a")


def test_a_split_is_told_in_figures() -> None:
    labels, times = np.array([0, 1, 0, 1, 0, 1]), np.array([0, 1, 9, 10, 12, 13]) * DAY
    split = split_by_durations(0, train="2d", delay="8d", test="4d")
    parts = drop_known(split.assign(times), times, labels, [1, 2, 3, 4, 2, 5])
    told = split_facts(parts, labels, times, entity="card")
    assert told == SplitFacts(
        "time",
        (PartFacts("train", 2, 1, 0, DAY), PartFacts("test", 2, 2, 10 * DAY, 13 * DAY)),
        8 * DAY,
        1,
        "card",
    )
    drawn = split_facts(split_stratified([0, 1] * 9, seed=1), np.array([0, 1] * 9), np.arange(18))
    assert [(part.rows, part.frauds, part.first_us) for part in drawn.parts] == [
        (10, 5, None), (4, 2, None), (4, 2, None),
    ]  # fmt: skip
    assert drawn.part("validation") == drawn.parts[1]
    assert drawn.part("gap") is None


def test_an_evaluation_is_plain_data() -> None:
    data = json.loads(json.dumps(WHOLE.as_data(), allow_nan=False))
    assert data["detectors"][0]["at"]["alerts"] == WHOLE.best.at.alerts
    assert data["leakage"]["findings"][0]["severity"] == "leak"
    assert data["split"]["parts"][1]["frauds"] == 120


def test_a_chosen_detector_that_was_not_judged_is_an_error() -> None:
    with pytest.raises(LookupError, match="'other' is none of"):
        render_report(replace(WHOLE, chosen="other"))


def test_the_drawn_precision_is_what_average_precision_adds_up() -> None:
    rows = judged(200)
    scores = np.round(scored(rows, strength=1.0).scores)
    sweep = sweep_thresholds(rows.labels, scores)
    xs, ys = plots._steps(sweep.recall[1:], sweep.precision[1:])
    area = sum((x1 - x0) * y for x0, x1, y in zip(xs[::2], xs[1::2], ys[1::2], strict=True))
    assert area == pytest.approx(average_precision(rows.labels, scores))


def test_a_line_on_the_logarithmic_axis_is_straight_on_a_plain_one() -> None:
    xs, ys = plots._dense([0, 0, 0.001, 0.5, 1], [0, 0.2, 0.2, 0.7, 1], 1e-4)
    assert (xs[0], ys[0], xs[-1], ys[-1]) == (1e-4, 0.2, 1, 1)
    assert all(high / low < 1.2 for low, high in itertools.pairwise(xs))
    assert np.interp(xs, [1e-4, 0.001, 0.5, 1], [0.2, 0.2, 0.7, 1]) == pytest.approx(ys)


def test_a_page_has_every_section_and_closes_every_tag() -> None:
    page = render_report(WHOLE)
    reader = Reader(page)
    assert headings(page) == [
        "Which detector", "Where the threshold lies", "What the scores look like", "Day by day",
        "For whom it works", "What it looks at", "Is the answer in the data?", "Model card",
    ]  # fmt: skip
    anchors = {attributes["href"] for tag, attributes in reader.tags if tag == "a"}
    ids = {f"#{attributes['id']}" for tag, attributes in reader.tags if "id" in attributes}
    assert anchors == ids
    assert len(re.findall("<figure>", page)) == 9


def test_every_picture_is_sound_and_says_what_it_shows() -> None:
    drawn = re.findall(r'<div class="rl-draw.*?>(<svg.*?</svg>)</div>', render_report(WHOLE))
    assert len(drawn) == 9
    for each in drawn:
        tree = ElementTree.fromstring(each)  # noqa: S314  # our own picture
        width, height = (float(size) for size in tree.attrib["viewBox"].split()[2:])
        assert tree.attrib["role"] == "img"
        assert len(tree.attrib["aria-label"]) > 20
        for part in tree.iter():
            for name, value in part.attrib.items():
                if name in ("x", "x1", "x2", "cx"):
                    assert -1 <= float(value) <= width + 1
                elif name in ("y", "y1", "y2", "cy"):
                    assert -1 <= float(value) <= height + 1
                elif name == "d":
                    numbers = [float(found) for found in re.findall(r"-?\d+\.\d", value)]
                    assert "nan" not in value
                    assert all(-1 <= found <= width + 1 for found in numbers)


def test_tables_have_captions_and_heads() -> None:
    page = render_report(WHOLE)
    tables = re.findall(r"<table>.*?</table>", page)
    assert len(tables) >= 7
    for table in tables:
        assert re.match(r"<table><caption>[^<]{10,}</caption><thead>", table)
        columns = len(re.findall(r'<th scope="col">', table))
        for row in re.findall(r"<tr>(.*?)</tr>", table.split("</thead>")[1]):
            assert row.startswith('<th scope="row">')
            assert len(re.findall(r"<td>", row)) == columns - 1


def test_a_page_fetches_nothing_and_runs_nothing() -> None:
    page = render_report(WHOLE)
    reader = Reader(page)
    assert not {tag for tag, _ in reader.tags} & {"script", "link", "img", "iframe", "object", "base", "form"}
    assert not re.search(r"(?:src|href)\s*=\s*[\"'](?!#)", page)
    assert "url(" not in page
    assert "@import" not in page
    assert "http://" not in page.replace('http-equiv="', "")
    assert "https://" not in page
    assert "default-src 'none'" in page


HOSTILE = "<script>alert(1)</script>\"'&amp;</style>|`*_"


def test_no_value_from_data_becomes_markup() -> None:
    rows = judged()
    names = np.where(rows.labels == 1, HOSTILE, "plain")
    rows = replace(rows, segments={HOSTILE: names}, entity=HOSTILE)
    every = [
        scored(rows, HOSTILE, importances={HOSTILE: 1.0}, importance_of=HOSTILE, detail=HOSTILE),
        scored(rows, "other"),
    ]
    detectors = evaluate_many(rows, every, chosen=HOSTILE, matrix=MATRIX, k=5, replicates=5)
    finding = Finding("name", "leak", (HOSTILE,), (HOSTILE,), 0.0, HOSTILE)
    report = LeakageReport(1, 1, (HOSTILE,), (finding,), (ScoreWithout(HOSTILE, (), {HOSTILE: 1.0}),))
    hostile = evaluation(
        rows,
        scenario=HOSTILE, describe=HOSTILE, detectors=detectors, chosen=HOSTILE, currency="EUR",
        data=DataFacts(HOSTILE, 1, 1, HOSTILE, HOSTILE, HOSTILE), threshold_rule=HOSTILE, created=HOSTILE,
        features=(HOSTILE,), leakage=report, hashes={HOSTILE: HOSTILE}, versions={HOSTILE: HOSTILE},
        intended_use=HOSTILE, limits=(HOSTILE,), interval_by=HOSTILE,
        split=SplitFacts("time", (PartFacts(HOSTILE, 1, 1, 0, 1),), DAY, 5, HOSTILE),
    )  # fmt: skip
    page = render_report(hostile)
    reader = Reader(page)
    assert "script" not in {tag for tag, _ in reader.tags}
    assert page.count("</style>") == 1
    assert all(not name.startswith("on") for _, attributes in reader.tags for name in attributes)
    card = render_model_card(hostile)
    assert "<script>" not in card
    assert not re.search(r"(?<!\\)\|.*(?<!\\)`", card)


def test_the_first_figures_are_those_of_the_threshold() -> None:
    page = render_report(WHOLE)
    at = WHOLE.best.at
    first = page[page.index("rl-lead") : page.index("<section")]
    for shown in (
        f"{at.recall * 100:.1f} %",
        f"{at.precision * 100:.1f} %",
        f"{at.value_detected * 100:.1f} %",
        f"{at.found:,} of {at.frauds:,}",
        f"EUR {at.cost.saved / 100:,.0f}",
        f"{WHOLE.best.estimate('average_precision').value:.3f}",
    ):
        assert shown in first, shown
    assert "Card payments. Judged on 1,500 events" in page


def test_the_comparison_holds_every_detector_with_its_interval_and_marks_the_best() -> None:
    page = render_report(WHOLE)
    first = page[page.index("<table>") : page.index("</table>")]
    rows = re.findall(r"<tr>(.*?)</tr>", first.split("</thead>")[1])
    assert [re.search(r"</svg>(\w+)", row)[1] for row in rows[:2]] == ["xgboost", "isolation_forest"]
    assert '<span class="rl-pill">chosen</span>' in rows[0]
    held = WHOLE.best.estimate("average_precision")
    assert f"<b>{held.value:.3f}</b>" in rows[0]
    assert f"({held.low:.3f} to {held.high:.3f})" in rows[0]
    assert "perfect ranking" in rows[2]
    assert f"{WHOLE.best.days[1].ceiling.mean:.3f}" in rows[2]
    assert "Precision among 10 a day, by card" in first
    assert "<details><summary>Differences" in page


def test_what_is_not_known_is_left_out() -> None:
    rows = judged(days=None, months=None, entities=None, amounts=None, segments={})
    bare = [scored(rows, probabilities=None, importances={}, seconds=None)]
    detectors = evaluate_many(rows, bare, chosen="xgboost", replicates=5)
    little = evaluation(
        rows, detectors=detectors, currency="", matrix=None, leakage=None, hashes={}, versions={},
        intended_use="", limits=(), replicates=0, describe="", features=(),
        split=SplitFacts("stratified", (PartFacts("train", 9, 1), PartFacts("test", 5, 1))),
        data=DataFacts("matrix.csv", 14, 2),
    )  # fmt: skip
    page = render_report(little)
    assert headings(page) == [
        "Which detector", "Where the threshold lies", "What the scores look like", "Model card",
    ]  # fmt: skip
    words = read(little).words
    assert not any(word in ("nan", "None", "EUR") for said in words for word in said.split())
    assert "They were drawn by chance, as the data have no time." in page
    assert "a seeded stratified split" in page
    assert "Precision and recall over the threshold" in page
    assert "Nobody has said what this model is for" in page
    assert "Not made." in page
    assert "Alerts a day" not in page


@pytest.mark.parametrize("threshold", [math.inf, -math.inf])
@pytest.mark.parametrize("labels", ["none", "all", "few"])
def test_extremes_are_drawn_without_fault(threshold: float, labels: str) -> None:
    chosen = {"none": np.zeros(40, int), "all": np.ones(40, int), "few": np.arange(40) // 38}[labels]
    rows = replace(judged(40), labels=chosen)
    for scores in (np.zeros(40), np.arange(40.0), np.append(np.arange(39.0), np.inf), -1e300 * np.ones(40)):
        one = Scored("a", scores, threshold, np.full(40, 0.5))
        detectors = evaluate_many(rows, [one], chosen="a", matrix=MATRIX, k=3, replicates=3)
        page = render_report(evaluation(rows, detectors=detectors, chosen="a"))
        Reader(page)
        assert ">nan" not in page
        assert "nan " not in page


def card_lines(given: Evaluation) -> Mapping[str, str]:
    """The Markdown card by heading."""
    parts = re.split(r"^## (.*)$", render_model_card(given), flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_a_model_card_says_what_it_takes_to_judge_and_repeat_a_model() -> None:
    card = card_lines(WHOLE)
    assert list(card) == [
        "Model", "Intended use", "Data", "Train and test", "On the test, at the chosen threshold",
        "What it does badly", "Limits", "Leakage check", "To repeat it",
    ]  # fmt: skip
    assert "3: amount\\_1h, hour, speed\\_kmh" in card["Model"]
    assert "least expected cost on validation" in card["Model"]
    assert "To rank payments for review." in card["Intended use"]
    for words in (
        "payments.parquet",
        "12,000",
        "900 (7.5 %)",
        "ab12ab12",
        "1970-01-01 to 1970-03-22",
        "CC BY",
    ):
        assert words in card["Data"], words
    assert "a gap of 7d" in card["Train and test"]
    assert "33 test events were left out because their card" in card["Train and test"]
    assert "| train | 9,000 events, 700 frauds (7.8 %), 1970-01-01 to 1970-02-10 |" in card["Train and test"]
    held = WHOLE.best.estimate("average_precision")
    assert (
        f"| Average precision | {held.value:.3f} ({held.low:.3f} to {held.high:.3f}) |"
        in (card["On the test, at the chosen threshold"])
    )
    assert "Made on one market." in card["Limits"]
    assert "30 bootstrap replicates over cards" in card["Limits"]
    assert "a review EUR 5.00" in card["Limits"]
    assert "leak: hour reads like the answer." in card["Leakage check"]
    assert "ROC-AUC 0.990" in card["Leakage check"]
    for words in ("| seed | 42 |", "| bundle | c0ffee |", "| version of xgboost | 3.2.0 |"):
        assert words in card["To repeat it"]


def test_the_card_of_the_page_is_the_card_of_the_file() -> None:
    page = " ".join(read(WHOLE).words)
    for line in render_model_card(WHOLE).splitlines():
        plain = line.replace("\\", "").strip("# -")
        for cell in filter(None, (part.strip(" -") for part in plain.split("|"))):
            if not cell.startswith("Model card:"):
                assert cell in page, cell


def sentences(**changes: Any) -> str:
    """What is said to be bad about the chosen detector with something changed about it."""
    best = replace(WHOLE.best, **changes)
    others = WHOLE.detectors[1:]
    return "\n".join(weaknesses(replace(WHOLE, detectors=(best, *others), leakage=None)))


def test_what_is_missed_and_what_is_wrong_is_counted() -> None:
    at = WHOLE.best.at
    said = sentences()
    assert f"{at.frauds - at.found} of {at.frauds}, worth EUR" in said
    assert f"{at.false_positives} legitimate events" in said
    assert "flags nothing at all" in sentences(at=replace(at, alerts=0, found=0, value_found=0.0))


def test_alerts_that_cost_more_than_they_save_are_named() -> None:
    at = WHOLE.best.at
    assert "more than they save" not in sentences()
    dear = replace(at, cost=replace(at.cost, total=at.cost.without + 12_300))
    assert "With the given costs its alerts cost EUR 123 more than they save." in sentences(at=dear)


def test_weaker_groups_are_named_with_their_figures() -> None:
    rows = judged()
    weak = rows.segments["channel"] == "shop"
    scores = np.where(weak, -4.0, scored(rows).scores)
    one = evaluate_many(rows, [scored(rows, scores=scores)], chosen="xgboost", replicates=3)[0]
    said = sentences(segments=one.segments, months=())
    assert re.search(
        r"By channel it finds clearly less than its [\d.]+ % among shop \(0.0 % of \d+ frauds\)", said
    )
    page = render_report(replace(WHOLE, detectors=(replace(WHOLE.best, segments=one.segments),)))
    assert page.count("rl-pill rl-warn") == 1
    assert "By channel" not in sentences(months=())


def test_a_better_detector_is_named_only_when_chance_does_not_explain_it() -> None:
    first, other = WHOLE.detectors
    sure = replace(other, differences={"roc_auc": Estimate(0.03, 0.01, 0.05)})
    unsure = replace(other, differences={"roc_auc": Estimate(0.03, -0.01, 0.05)})
    said = ["\n".join(weaknesses(replace(WHOLE, detectors=(first, each)))) for each in (sure, unsure)]
    assert "isolation_forest ranks better than it by more than chance explains: ROC-AUC +0.030" in said[0]
    assert "ranks better" not in said[1]


def test_probabilities_that_are_off_are_named() -> None:
    labels = np.arange(4_000) % 10 == 0
    assert "its score ranks" not in sentences()
    assert "without a calibrated probability" in sentences(calibration=None)
    right, wrong = (measure_calibration(labels, np.full(4_000, share)) for share in (0.1, 0.3))
    assert "probabilities" not in sentences(calibration=right)
    assert "in 1 of 1 bins: where it says 30.0 % on average, 10.0 % were fraud (400 of 4,000)" in sentences(
        calibration=wrong
    )


def test_a_moving_number_of_alerts_few_frauds_no_time_and_leaks_are_named() -> None:
    at = WHOLE.best.at
    assert "moves with time" in sentences(validation=replace(at, alerts=at.alerts * 2))
    assert "moves with time" not in sentences(validation=replace(at, alerts=at.alerts + 1))
    assert "only: all figures about fraud are uncertain" not in sentences()
    few = sentences(at=replace(at, frauds=99, found=50))
    assert "The test holds 99 frauds only" in few
    whole = "\n".join(weaknesses(WHOLE))
    assert "It uses hour, which the leakage check names" in whole
    drawn = replace(WHOLE, split=replace(WHOLE.split, scheme="stratified"))
    assert "The data have no time" in "\n".join(weaknesses(drawn))
    assert "The data have no time" not in whole


def test_a_report_and_its_card_are_written_whole_and_the_same_each_time(tmp_path: Path) -> None:
    target = tmp_path / "run" / "evaluation.html"
    page, card = write_report(target, WHOLE)
    assert (page, card) == (target, tmp_path / "run" / "evaluation.model_card.md")
    first = page.read_bytes(), card.read_bytes()
    assert first == (render_report(WHOLE).encode(), render_model_card(WHOLE).encode())
    write_report(str(target), WHOLE)
    assert (page.read_bytes(), card.read_bytes()) == first
    with pytest.raises(LookupError):
        write_report(target, replace(WHOLE, chosen="other"))
    assert page.read_bytes() == first[0]
    assert sorted(entry.name for entry in target.parent.iterdir()) == [page.name, card.name]
