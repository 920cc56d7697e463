"""`riskloom rules`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from riskloom.cli.console import bar, print_json, say

if TYPE_CHECKING:
    from riskloom.domain.columns import EventColumns
    from riskloom.replay.present import Units
    from riskloom.replay.rules import RuleFigures

app = typer.Typer(no_args_is_help=True)


@app.callback()
def root() -> None:
    """Rules."""


@app.command()
def suggest(
    data: Annotated[Path, typer.Option(help="Labelled history, CSV or Parquet.")],
    bundle: Annotated[
        str, typer.Option("--bundle", "-b", help="A bundle's folder, or a scenario.")
    ] = "card_payments",
    most: Annotated[int, typer.Option(help="How many rules.", min=1, max=50)] = 5,
    depth: Annotated[int, typer.Option(help="Conditions of a rule at most.", min=1, max=6)] = 3,
    min_precision: Annotated[
        float, typer.Option(help="Share of frauds among a rule's hits, where it is learned.", min=0, max=1)
    ] = 0.5,
    missed: Annotated[
        bool, typer.Option("--missed", help="Learn only from what the bundle lets pass today.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Propose rules from labelled history, as YAML to paste into a scenario's rules.

    Learned from the first 70 % of the events; the figures beside each rule are those of a replay over the
    rest, together with the bundle's own rules and model. Needs the extra `train`.
    """
    from riskloom.cli.replay import recorded
    from riskloom.replay.condition import as_yaml
    from riskloom.replay.present import Units
    from riskloom.replay.suggest import suggest as propose
    from riskloom.scorer import load_bundle
    from riskloom.stream import OutOfOrder

    loaded = load_bundle(bundle)

    def chunks(is_ordered: bool) -> Iterator[EventColumns]:
        with bar("events") as progress:
            task = progress.add_task(f"reading {data.name}", total=None)
            for chunk in recorded(data, loaded.scenario, is_ordered=is_ordered):
                progress.advance(task, len(chunk))
                yield chunk

    given = {"most": most, "depth": depth, "min_precision": min_precision, "missed": missed}
    try:
        found = propose(loaded, lambda: chunks(True), **given)  # type: ignore[arg-type]
    except OutOfOrder:
        say(f"{data.name} is not in time order: sorting it in memory first")
        found = propose(loaded, lambda: chunks(False), **given)  # type: ignore[arg-type]
    units = Units(loaded.scenario)
    if as_json:
        print_json(found.as_data())
    else:
        for each in found.rules:
            typer.echo(f"{_remark(each.figures, units)}\n{as_yaml(each.spec)}")
    until = units.time(found.learned_until_us)
    say(
        f"{len(found.rules)} rules learned from {found.learned_from:,} events before {until}, "
        f"{found.frauds:,} of them frauds; the figures are of the {found.tried_on:,} events from then on"
    )


def _remark(figures: RuleFigures, units: Units) -> str:
    """What a rule did, as comments above it."""
    from riskloom.training.report.words import percent

    low, high = percent(figures.precision.low), percent(figures.precision.high)
    money = "" if figures.value is None else f", {units.money(figures.value)} of fraud"
    lines = [
        f"{figures.hits:,} hits, {figures.frauds:,} of them fraud: {percent(figures.precision.value)} "
        f"({low} to {high}){money}",
        f"{figures.alone:,} hits that nothing else flags, {figures.frauds_alone:,} of them fraud",
    ]
    lines += [figures.verdict] if figures.verdict else []
    return "\n".join(f"# {line}" for line in lines)
