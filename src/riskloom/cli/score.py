"""`riskloom score`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from riskloom.cli.console import FileEvents, TableWriter, dead_letter_path, print_json, say

if TYPE_CHECKING:
    from riskloom.bundle import Bundle
    from riskloom.domain.event import Event
    from riskloom.pipeline import Batch


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
    events = FileEvents(data, loaded.scenario, dead_letter_path(out))
    pipeline = Pipeline(loaded)
    counts = dict.fromkeys((outcome.value for outcome in Outcome), 0)
    start, arrival = time.perf_counter(), 1
    with TableWriter(out) as table:
        for chunk in events.chunks():
            batch = pipeline.score_many(chunk, arrival)
            arrival += len(chunk)
            columns = _columns(loaded, chunk, batch)
            for outcome in columns["outcome"]:
                counts[outcome] += 1
            table.write(columns)
    took = time.perf_counter() - start
    if as_json:
        print_json({"events": events.read, "outcomes": counts, "bundle": loaded.fingerprint, "seconds": took})
    said = ", ".join(f"{count:,} {outcome}" for outcome, count in counts.items())
    say(f"{events.read:,} events in {took:.1f} s: {said}: {out}")


def _columns(bundle: Bundle, events: Sequence[Event], batch: Batch) -> dict[str, Any]:
    """What the table says of a chunk; reasons are codes parted by spaces, the model's among them."""
    from riskloom.domain.decision import MODEL_REASON, Outcome

    found = bundle.scenario
    missing = np.full(len(events), np.nan)
    risks = missing if batch.risk_scores is None else batch.risk_scores
    codes = np.array([rule.code for rule in found.rules], object)
    return {
        found.id_field: [event.id for event in events],
        "outcome": [outcome.value for outcome in batch.outcomes],
        "flagged": [outcome is not Outcome.APPROVED for outcome in batch.outcomes],
        "anomaly_score": missing if batch.anomaly_scores is None else batch.anomaly_scores,
        "risk_score": risks,
        "probability": missing if batch.probabilities is None else batch.probabilities,
        "reasons": [
            " ".join([*codes[met], *([MODEL_REASON] if too else [])])
            for met, too in zip(batch.met, batch.by_model.tolist(), strict=True)
        ],
        "degraded": [" ".join(missing) for missing in batch.degraded],
    }
