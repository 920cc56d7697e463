"""`riskloom score`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from riskloom.cli.console import FileEvents, TableWriter, dead_letter_path, print_json, say


def score(
    bundle: Annotated[Path, typer.Option(help="The folder of a trained bundle, or a scenario.")],
    data: Annotated[Path, typer.Option(help="Events, CSV or Parquet.")],
    out: Annotated[Path, typer.Option(help="Where the decisions go, CSV or Parquet.")],
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Decide every event of a file, by the functions that serve; no server, no side effects.

    Rows that cannot be read go to OUT.dead-letters.jsonl.
    """
    from riskloom.domain.decision import Outcome
    from riskloom.pipeline import Pipeline
    from riskloom.scorer import load_bundle

    loaded = load_bundle(bundle)
    found = loaded.scenario
    events = FileEvents(data, found, dead_letter_path(out))
    pipeline = Pipeline(loaded)
    codes = np.array([rule.code for rule in found.rules], object)
    counts = dict.fromkeys((outcome.value for outcome in Outcome), 0)
    start, arrival = time.perf_counter(), 1
    with TableWriter(out) as table:
        for chunk in events.chunks():
            batch = pipeline.score_many(chunk, arrival)
            arrival += len(chunk)
            outcomes = [outcome.value for outcome in batch.outcomes]
            for outcome in outcomes:
                counts[outcome] += 1
            missing = np.full(len(chunk), np.nan)
            columns: dict[str, Any] = {
                found.id_field: [event.id for event in chunk],
                "outcome": outcomes,
                "flagged": [outcome != "APPROVED" for outcome in outcomes],
                "anomaly_score": missing if batch.anomaly_scores is None else batch.anomaly_scores,
                "risk_score": missing if batch.risk_scores is None else batch.risk_scores,
                "reasons": [" ".join(codes[met]) for met in batch.met],
            }
            table.write(columns)
    took = time.perf_counter() - start
    if as_json:
        print_json({"events": events.read, "outcomes": counts, "bundle": loaded.fingerprint, "seconds": took})
    said = ", ".join(f"{count:,} {outcome}" for outcome, count in counts.items())
    say(f"{events.read:,} events in {took:.1f} s: {said}: {out}")
