"""`riskloom features list | compute`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from riskloom.cli.console import (
    FileEvents,
    TableWriter,
    complete_scenario,
    dead_letter_path,
    print_json,
    print_table,
    say,
)
from riskloom.domain.duration import format_duration
from riskloom.scenario.load import load_scenario
from riskloom.scenario.scenario import Feature

app = typer.Typer(no_args_is_help=True)
Scenario = Annotated[
    str,
    typer.Option(
        "--scenario",
        "-s",
        help="A shipped scenario, a folder, or a YAML file.",
        autocompletion=complete_scenario,
    ),
]


@app.command("list")
def list_features(
    scenario: Scenario = "card_payments",
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """List the feature vector of a scenario, in order."""
    found = load_scenario(scenario)
    if as_json:
        print_json([{"name": f.name, "describe": f.describe, "how": _how(f)} for f in found.features])
        return
    print_table(("feature", "how", "what it is"), [(f.name, _how(f), f.describe) for f in found.features])


@app.command()
def compute(
    data: Annotated[Path, typer.Option(help="Events, CSV or Parquet.")],
    out: Annotated[Path, typer.Option(help="Where the feature table goes, CSV or Parquet.")],
    scenario: Scenario = "card_payments",
) -> None:
    """Compute the features of every event of a file, each as it was when the event arrived.

    The file is read in time order and streamed; rows that cannot be read go to OUT.dead-letters.jsonl.
    """
    from riskloom.bundle import make_bundle
    from riskloom.pipeline import Pipeline
    from riskloom.training.history import compute_features

    found = load_scenario(scenario)
    events = FileEvents(data, found, dead_letter_path(out), labels=counts_frauds(found.features))
    pipeline = Pipeline(make_bundle(found, None))
    start = time.perf_counter()
    with TableWriter(out) as table:
        for chunk, vectors in compute_features(pipeline, events.labelled_chunks()):
            columns: dict[str, Any] = {found.id_field: [event.id for event, _ in chunk]}
            columns |= {name: vectors[:, at] for at, name in enumerate(found.feature_names)}
            table.write(columns)
    took = time.perf_counter() - start
    say(f"{events.read:,} events, {len(found.features)} features in {took:.1f} s: {out}")


def counts_frauds(features: Sequence[Feature]) -> bool:
    """Whether any of them needs labels."""
    return any(f.window is not None and f.window.aggregate.startswith("fraud_") for f in features)


def _how(feature: Feature) -> str:
    window = feature.window
    if window is None:
        return feature.expression.text if feature.expression is not None else ""
    of = f" of {', '.join(window.of)}" if window.of else ""
    delay = f", ended {format_duration(window.delay_us)} ago" if window.delay_us else ""
    current = ", this event included" if window.include_current else ""
    over = f"over {format_duration(window.window_us)}{delay}{current}"
    return f"{window.aggregate}{of} by {window.entity_column} {over}"
