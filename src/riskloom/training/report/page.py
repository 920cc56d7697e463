"""The report as one HTML page: no script, nothing fetched, readable by people and by screen readers."""

from __future__ import annotations

import math
from collections.abc import Iterator

from riskloom.training.report import plots, tables
from riskloom.training.report.card import Section, model_card
from riskloom.training.report.evaluation import Evaluation
from riskloom.training.report.style import STYLE
from riskloom.training.report.threshold_plot import thresholds
from riskloom.training.report.words import count, figure, interval, moment, money, number, percent, text

_LONG = 8
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def render_report(evaluation: Evaluation) -> str:
    """The whole page.

    Raises
    ------
    LookupError
        When the chosen detector is none of those evaluated.
    """
    sections = [
        (anchor, title, body)
        for anchor, title, body in (
            ("detectors", "Which detector", _detectors(evaluation)),
            ("threshold", "Where the threshold lies", _threshold(evaluation)),
            ("scores", "What the scores look like", _scores(evaluation)),
            ("days", "Day by day", _days(evaluation)),
            ("groups", "For whom it works", _groups(evaluation)),
            ("features", "What it looks at", _features(evaluation)),
            ("leakage", "Is the answer in the data?", _leakage(evaluation)),
            ("card", "Model card", _card(evaluation)),
        )
        if body
    ]
    links = "".join(f'<a href="#{anchor}">{text(title)}</a>' for anchor, title, _ in sections)
    body = "".join(
        f'<section id="{anchor}"><h2>{text(title)}</h2>{body}</section>' for anchor, title, body in sections
    )
    title = f"{evaluation.scenario}: {evaluation.chosen}"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{text(title)} – evaluation</title><style>{STYLE}</style></head><body><main>"
        f'<header><h1>{text(title)}</h1><p class="rl-meta">{_meta(evaluation)}</p><nav>{links}</nav></header>'
        f'<p class="rl-lead">{text(_lead(evaluation))}</p>{_figures(evaluation)}{body}'
        "<footer>Made by riskloom train. Every figure is of the test unless it says otherwise.</footer>"
        "</main></body></html>\n"
    )


def _meta(evaluation: Evaluation) -> str:
    test = evaluation.split.part("test")
    when = ""
    if test is not None and test.first_us is not None:
        when = f", {moment(test.first_us)} to {moment(test.last_us)}"
    drawn = (
        "" if evaluation.split.scheme == "time" else " They were drawn by chance, as the data have no time."
    )
    rows, frauds = evaluation.best.at.rows, evaluation.best.at.frauds
    describe = f"{evaluation.describe.rstrip('.')}. " if evaluation.describe else ""
    return text(
        f"{describe}Judged on {count(rows)} events with {count(frauds)} frauds{when}.{drawn} "
        f"{evaluation.data.source}, {evaluation.created}"
    )


def _lead(evaluation: Evaluation) -> str:
    at = evaluation.best.at
    if not at.alerts:
        return "At the chosen threshold nothing is flagged."
    daily = f"{figure(at.alerts_per_day)} events a day" if at.days else f"{count(at.alerts)} events"
    of_all = percent(at.alerts / at.rows)
    worth = ""
    if at.value is not None and at.value:
        worth = f" and {percent(at.value_detected)} of their money"
    return (
        f"At the chosen threshold ({evaluation.threshold_rule}) {evaluation.chosen} flags {daily}, {of_all} "
        f"of all; {percent(at.precision)} of these are fraud. It finds {percent(at.recall)} of the "
        f"frauds{worth}."
    )


def _figures(evaluation: Evaluation) -> str:
    """The five or six figures that a committee asks for first."""
    best, currency, decimals = evaluation.best, evaluation.currency, evaluation.decimals
    at = best.at
    rows = [
        ("Frauds found", percent(at.recall), f"{count(at.found)} of {count(at.frauds)}", "recall"),
        ("Alerts that are fraud", percent(at.precision), _wrong(at.false_positives_per_fraud), "precision"),
    ]
    if at.days:
        rows.append(
            ("Alerts a day", figure(at.alerts_per_day), f"{percent(at.alerts / at.rows)} of all events", "")
        )
    if at.value is not None and at.value_found is not None:
        found = money(at.value_found, currency, decimals)
        rows.append(
            (
                "Fraud found by value",
                percent(at.value_detected),
                f"{found} of {money(at.value, currency, decimals)}",
                "value_detected",
            )
        )
    if at.cost is not None:
        possible = (
            "" if math.isnan(at.cost.saved_share) else f"{percent(at.cost.saved_share)} of what is possible"
        )
        rows.append(("Saved by flagging", money(at.cost.saved, currency, decimals), possible, ""))
    rows.append(
        ("Average precision", figure(best.estimate("average_precision").value), "", "average_precision")
    )
    tiles = []
    for name, value, remark, measure in rows:
        held = best.estimates.get(measure)
        ends = interval(measure, held) if held else ""
        small = "<br>".join(text(part) for part in (remark, f"95 %: {ends}" if ends else "") if part)
        long = " rl-long" if len(value) > _LONG else ""
        tiles.append(
            f'<div><dt>{text(name)}</dt><dd class="rl-big{long}">{text(value)}</dd>'
            f'<dd class="rl-small">{small}</dd></div>'
        )
    return f'<dl class="rl-figures">{"".join(tiles)}</dl>'


def _wrong(each: float) -> str:
    return "" if math.isnan(each) else f"{each:.2f} wrong for each fraud found"


def _figure(title: str, how: str, drawing: str, kind: str = "") -> str:
    if not drawing:
        return ""
    return (
        f"<figure><figcaption><b>{text(title)}</b>{text(how)}</figcaption>"
        f'<div class="rl-draw {kind}" tabindex="0" role="group" aria-label="{text(title)}">{drawing}</div>'
        "</figure>"
    )


def _two(*figures: str) -> str:
    return f'<div class="rl-two">{"".join(figures)}</div>' if any(figures) else ""


def _detectors(evaluation: Evaluation) -> str:
    how = (
        "Each line is a detector; the ring is the chosen threshold. The dashed level is the share of fraud, "
        "what flagging at random would give."
    )
    more = tables.differences(evaluation)
    details = f"<details><summary>Differences to the chosen one</summary>{more}</details>" if more else ""
    return (
        tables.comparison(evaluation)
        + details
        + _two(
            _figure("Precision over recall", how, plots.precision_recall(evaluation)),
            _figure(
                "Recall over false positives",
                "The ROC curve with a logarithmic axis: in service only its left end counts. Dashed: chance.",
                plots.roc(evaluation),
            ),
        )
        + _legend(evaluation)
    )


def _legend(evaluation: Evaluation) -> str:
    if len(evaluation.detectors) < 2:
        return ""
    items = "".join(f"<li>{tables.detector_name(evaluation, each)}</li>" for each in evaluation.detectors)
    return f'<ul class="rl-legend" aria-label="Detectors in the two pictures">{items}</ul>'


def _threshold(evaluation: Evaluation) -> str:
    best = evaluation.best
    words = (
        f"The threshold {number(best.at.threshold)} was chosen by {evaluation.threshold_rule}; the curves "
        "show what it and all others did on the test."
    )
    before = ""
    if best.validation is not None:
        then = best.validation
        before = (
            f"<p>On validation, where it was chosen, it had a precision of {percent(then.precision)} and a "
            f"recall of {percent(then.recall)}; on the test {percent(best.at.precision)} and "
            f"{percent(best.at.recall)}.</p>"
        )
    shown = ["Precision", "recall"]
    shown += ["alerts a day"] if best.sweep.alerts_per_day else []
    shown += ["cost"] if best.sweep.cost else []
    return (
        f"<p>{text(words)}</p>{before}"
        + _figure(
            f"{', '.join(shown[:-1])} and {shown[-1]} over the threshold",
            "The band shows quiet and busy days (10th to 90th percentile)." if best.sweep.alerts_low else "",
            thresholds(evaluation),
            "rl-full",
        )
        + tables.outcome(evaluation)
        + tables.other_thresholds(evaluation)
    )


def _scores(evaluation: Evaluation) -> str:
    held = evaluation.best.calibration
    how = "Each point holds a tenth of the expected frauds, with its 95 % interval."
    if held is not None:
        how += (
            f" Brier score {held.brier:.5f} (skill {figure(held.brier_skill)}), log loss "
            f"{held.log_loss:.5f}, expected calibration error {held.expected_calibration_error:.5f}."
        )
    return _two(
        _figure(
            "Scores of frauds and of the rest",
            "Each side adds up to 100 %. What lies right of the line is flagged.",
            plots.distribution(evaluation),
        ),
        _figure("What a probability means", how, plots.calibration(evaluation)),
    )


def _days(evaluation: Evaluation) -> str:
    drawn = []
    for held in evaluation.best.days:
        own, ceiling = held.precision, held.ceiling
        what = "single events" if held.what == "rows" else f"{held.what}, each by its highest score"
        found = f"{figure(own.mean * own.k)} of {own.k} on average; perfect: {figure(ceiling.mean * own.k)}"
        drawn.append(
            _figure(f"{own.k} looks a day, at {what}", f"Found: {found} (pale bars).", plots.days(held))
        )
    return _two(*drawn)


def _groups(evaluation: Evaluation) -> str:
    best = evaluation.best
    parts = [tables.segments(evaluation, field, groups) for field, groups in best.segments.items() if groups]
    if len(best.months) > 1:
        how = "Filled: recall, hollow: precision, with 95 % intervals."
        parts.append(_two(_figure("Month by month", how, plots.months(best.months))))
        parts.append(tables.segments(evaluation, "month", best.months))
    return "".join(parts)


def _features(evaluation: Evaluation) -> str:
    if not evaluation.best.importances:
        return ""
    how = "The more a feature matters, the longer its bar; it says nothing about the direction."
    listed = f"<details><summary>All as a table</summary>{tables.importances(evaluation)}</details>"
    return _figure("Importance of features", how, plots.importances(evaluation), "rl-middle") + listed


def _leakage(evaluation: Evaluation) -> str:
    held = evaluation.leakage
    if held is None:
        return ""
    if not held.findings:
        return (
            f"<p>{len(held.checked)} fields were checked; none is known too late or suspiciously perfect.</p>"
        )
    items = "".join(
        f'<li><span class="rl-pill rl-{one.severity}">{one.severity}</span><span>{text(one.says)}</span></li>'
        for one in held.findings
    )
    words = (
        "A leak is known only after the event. What is suspicious is too good to be true and must be "
        "explained. A notice is a hint."
    )
    return f'<p>{words}</p><ul class="rl-findings">{items}</ul>{tables.leakage_scores(evaluation)}'


def _card(evaluation: Evaluation) -> str:
    return f'<div class="rl-card">{"".join(_section(each) for each in model_card(evaluation))}</div>'


def _section(section: Section) -> str:
    return "".join(_section_parts(section))


def _section_parts(section: Section) -> Iterator[str]:
    yield f"<h3>{text(section.title)}</h3>"
    for sentence in section.sentences:
        yield f"<p>{text(sentence)}</p>"
    if section.facts:
        rows = "".join(f"<dt>{text(name)}</dt><dd>{text(value)}</dd>" for name, value in section.facts)
        yield f"<dl>{rows}</dl>"
    if section.points:
        yield f"<ul>{''.join(f'<li>{text(point)}</li>' for point in section.points)}</ul>"
