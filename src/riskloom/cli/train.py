"""`riskloom train`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from riskloom.cli.console import FileEvents, bar, complete_scenario, dead_letter_path, print_json, say
from riskloom.scenario.load import load_scenario


def train(
    data: Annotated[Path, typer.Option(help="History to train on, CSV or Parquet.")],
    out: Annotated[Path, typer.Option(help="The folder of the bundle; must be new.")],
    scenario: Annotated[
        str,
        typer.Option(
            "--scenario",
            "-s",
            help="A shipped scenario, a folder, or a YAML file.",
            autocompletion=complete_scenario,
        ),
    ] = "card_payments",
    seed: Annotated[int, typer.Option(help="The same seed and data give the same bundle.")] = 7,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Train a scenario's detector on history and write an immutable bundle.

    Features are computed as they were at each event. Needs the extra `train` (scikit-learn).
    """
    from riskloom.bundle import write_bundle
    from riskloom.training.train import train_bundle

    found = load_scenario(scenario)
    events = FileEvents(data, found, dead_letter_path(out))
    start = time.perf_counter()
    with bar("trees") as progress:
        task = progress.add_task("growing", total=None, visible=False)
        bundle = train_bundle(
            found,
            events.chunks(),
            seed=seed,
            about={"source": data.name, "source_sha256": events.digest},
            on_trees=lambda done, total: progress.update(task, completed=done, total=total, visible=True),
        )
    write_bundle(bundle, out)
    took = time.perf_counter() - start
    model = bundle.model
    rows = 0 if model is None else model.info["trained_rows"]
    if as_json:
        print_json({"bundle": bundle.fingerprint, "folder": str(out), "trained_rows": rows, "seconds": took})
    say(f"trained {found.detector.kind} on {rows:,} events in {took:.1f} s: {out} ({bundle.version})")
    say(f"next: riskloom serve --bundle {out}   or   riskloom score --bundle {out} --data FILE --out FILE")
