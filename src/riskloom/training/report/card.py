"""The model card: what a model is, what it was made of, what it does and does badly, in words and figures.

Made once as plain sections, written as Markdown here and as HTML by the page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from riskloom.domain.duration import format_duration
from riskloom.training.report.evaluation import Evaluation
from riskloom.training.report.weaknesses import weaknesses
from riskloom.training.report.words import (
    MEASURES,
    NONE,
    count,
    figure,
    interval,
    measure,
    moment,
    money,
    number,
    percent,
)

_BAD_MARKDOWN = "\\`*_{}[]<>#|"


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, then sentences, names with values, and a list of points, each where there are any."""

    title: str
    sentences: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    points: tuple[str, ...] = ()


def model_card(evaluation: Evaluation) -> tuple[Section, ...]:
    """All sections of the card, in order."""
    return (
        Section("Model", facts=tuple(_model(evaluation))),
        Section("Intended use", (evaluation.intended_use or _NO_USE,)),
        Section("Data", facts=tuple(_data(evaluation))),
        Section("Train and test", _how_split(evaluation), tuple(_parts(evaluation))),
        Section("On the test, at the chosen threshold", facts=tuple(_measures(evaluation))),
        Section("What it does badly", points=weaknesses(evaluation)),
        Section("Limits", points=(*evaluation.limits, *_limits(evaluation))),
        Section("Leakage check", points=_leakage(evaluation)),
        Section(
            "To repeat it",
            facts=(
                ("seed", str(evaluation.seed)),
                *evaluation.hashes.items(),
                *((f"version of {name}", version) for name, version in evaluation.versions.items()),
            ),
        ),
    )


_NO_USE = "Nobody has said what this model is for: whoever puts it into service must."


def render_model_card(evaluation: Evaluation) -> str:
    """The card as Markdown."""
    lines = [f"# Model card: {_plain(evaluation.scenario)}, {_plain(evaluation.chosen)}", ""]
    if evaluation.describe:
        lines += [_plain(evaluation.describe), ""]
    for section in model_card(evaluation):
        lines += [f"## {_plain(section.title)}", ""]
        lines += [line for sentence in section.sentences for line in (_plain(sentence), "")]
        if section.facts:
            lines += ["| | |", "|---|---|"]
            lines += [f"| {_plain(name)} | {_plain(value)} |" for name, value in section.facts]
            lines.append("")
        if section.points:
            lines += [*(f"- {_plain(point)}" for point in section.points), ""]
    return "\n".join(lines).rstrip() + "\n"


def _plain(words: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    flat = " ".join(words.split())
    return "".join(f"\\{letter}" if letter in _BAD_MARKDOWN else letter for letter in flat)


def _model(evaluation: Evaluation) -> Iterator[tuple[str, str]]:
    best = evaluation.best
    yield "scenario", evaluation.scenario
    yield "detector", f"{best.name} {best.detail}".strip()
    yield "threshold", f"{number(best.at.threshold)} ({evaluation.threshold_rule})"
    if evaluation.features:
        yield "features", f"{len(evaluation.features)}: {', '.join(evaluation.features)}"
    if best.seconds is not None:
        yield "time to train", f"{best.seconds:.1f} s"
    yield "made on", evaluation.created


def _data(evaluation: Evaluation) -> Iterator[tuple[str, str]]:
    data = evaluation.data
    yield "source", data.source
    yield "events", count(data.rows)
    yield "frauds", f"{count(data.frauds)} ({percent(data.frauds / data.rows if data.rows else 0.0)})"
    first = [part.first_us for part in evaluation.split.parts if part.first_us is not None]
    last = [part.last_us for part in evaluation.split.parts if part.last_us is not None]
    if first and last:
        yield "period", f"{moment(min(first))} to {moment(max(last))}"
    yield "label", data.label or NONE
    if data.licence:
        yield "licence", data.licence
    if data.sha256:
        yield "SHA-256", data.sha256


def _how_split(evaluation: Evaluation) -> tuple[str, ...]:
    split = evaluation.split
    if split.scheme != "time":
        return (
            "The data have no time. Train and test were drawn by chance with the same share of fraud in "
            "each (a seeded stratified split): the figures say nothing about how the model ages.",
        )
    gap = ""
    if split.delay_us:
        gap = f", with a gap of {format_duration(split.delay_us)} between the parts, as labels come that late"
    known = ""
    if split.dropped:
        known = (
            f" {count(split.dropped)} test events were left out because their {split.entity or 'entity'} was "
            "known to be compromised by then."
        )
    return (f"By time{gap}.{known}",)


def _parts(evaluation: Evaluation) -> Iterator[tuple[str, str]]:
    for part in evaluation.split.parts:
        rate = percent(part.frauds / part.rows) if part.rows else NONE
        when = "" if part.first_us is None else f", {moment(part.first_us)} to {moment(part.last_us)}"
        yield part.name, f"{count(part.rows)} events, {count(part.frauds)} frauds ({rate}){when}"


def _measures(evaluation: Evaluation) -> Iterator[tuple[str, str]]:
    best, currency, decimals = evaluation.best, evaluation.currency, evaluation.decimals
    at = best.at
    yield "Alerts", f"{count(at.alerts)} ({percent(at.alerts / at.rows if at.rows else 0.0)} of all events)"
    if at.days:
        yield "Alerts a day", figure(at.alerts_per_day)
    for name in MEASURES:
        held = best.estimates.get(name)
        if held is not None:
            ends = interval(name, held, currency, decimals)
            ends = f" ({ends})" if ends else ""
            yield evaluation.name_of(name), f"{measure(name, held.value, currency, decimals)}{ends}"
    if at.cost:
        yield "Cost if nothing were flagged", money(at.cost.without, currency, decimals)
    if best.calibration:
        yield "Brier score", f"{best.calibration.brier:.5f} (skill {figure(best.calibration.brier_skill)})"
        yield "Log loss", f"{best.calibration.log_loss:.5f}"
        yield "Expected calibration error", f"{best.calibration.expected_calibration_error:.5f}"


def _limits(evaluation: Evaluation) -> Iterator[str]:
    if evaluation.replicates:
        yield (
            f"Intervals are at 95 %, from {count(evaluation.replicates)} bootstrap replicates over "
            f"{evaluation.interval_by}; those by day rest on as many values as there are days."
        )
    if evaluation.matrix:
        costs = evaluation.matrix
        named: Mapping[str, float] = {
            "a review": costs.review_cost,
            "a wrong alert beyond it": costs.insult_cost,
        }
        listed = ", ".join(
            f"{what} {money(value, evaluation.currency, evaluation.decimals)}"
            for what, value in named.items()
        )
        yield (
            f"Costs assume: {listed}, {percent(costs.recovered_share)} of a found fraud's amount recovered."
        )
    yield "Labels are what was reported: fraud that nobody noticed counts as legitimate here."


def _leakage(evaluation: Evaluation) -> tuple[str, ...]:
    held = evaluation.leakage
    if held is None:
        return ("Not made.",)
    if not held.findings:
        return (f"{len(held.checked)} fields were checked; nothing was found.",)
    scores = []
    for one in held.scores:
        listed = ", ".join(
            f"{MEASURES.get(name, name)} {measure(name, value)}" for name, value in one.measures.items()
        )
        scores.append(f"Measured {one.name}: {listed}.")
    return (*(f"{one.severity}: {one.says}" for one in held.findings), *scores)
