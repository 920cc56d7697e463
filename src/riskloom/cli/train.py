"""`riskloom train`."""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from riskloom.cli.console import (
    FileEvents,
    bar,
    complete_scenario,
    dead_letter_path,
    print_json,
    print_table,
    say,
)
from riskloom.errors import Fault, ParameterInvalid, show
from riskloom.scenario.load import load_scenario

if TYPE_CHECKING:
    from riskloom.training.report import Evaluation
    from riskloom.training.report.evaluation import DetectorEvaluation
    from riskloom.training.train import Trained


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
    detector: Annotated[
        str,
        typer.Option(
            help="Detectors to compare, with commas between them, or all; else the model as it is declared."
        ),
    ] = "",
    split: Annotated[
        str, typer.Option(help="Shares of the history, in order of time: train, validation, test.")
    ] = "0.6,0.2,0.2",
    tune: Annotated[
        int,
        typer.Option(help="How many sets of parameters to try for each detector, on the validation.", min=0),
    ] = 0,
    report: Annotated[
        Path | None,
        typer.Option(help="Write the evaluation there as a page (HTML), and a model card beside it."),
    ] = None,
    leakage: Annotated[
        bool, typer.Option(help="Look for fields that give the answer away, and train without them to see.")
    ] = False,
    seed: Annotated[int, typer.Option(help="The same seed and data give the same bundle.")] = 7,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Train a scenario's model on history and write an immutable bundle.

    Features are computed as they were at each event. With labels the history is split by time: detectors
    learn from the first part, ensemble, calibration and threshold from the second, the third judges.
    Needs the extra `train`.
    """
    from riskloom.bundle import write_bundle
    from riskloom.training.judge import judge
    from riskloom.training.report import write_report
    from riskloom.training.train import train as train_all

    found = load_scenario(scenario)
    kinds = _kinds(detector)
    events = FileEvents(data, found, dead_letter_path(out), labels=True)
    start = time.perf_counter()
    with bar("steps") as progress:
        tasks: dict[str, Any] = {}

        def told(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = progress.add_task(name, total=total)
            progress.update(tasks[name], completed=done, total=total)

        trained = train_all(
            found,
            events.labelled_chunks(),
            seed=seed,
            about={"source": data.name, "source_sha256": events.digest},
            kinds=kinds,
            shares=_shares(split),
            trials=tune,
            progress=told,
        )
    write_bundle(trained.bundle, out)
    evaluation = judge(trained, source=data.name, created=str(date.today()), leakage=leakage, seed=seed)
    took = time.perf_counter() - start
    _tell(trained, evaluation, out, took, as_json)
    if report is not None and evaluation is not None:
        page, card = write_report(report, evaluation)
        say(f"the evaluation: {page}, the model card: {card}")


def _kinds(given: str) -> tuple[str, ...]:
    """The kinds a user asked for; ensembles are no detectors of their own."""
    from riskloom import detectors
    from riskloom.scenario.model_section import ENSEMBLES

    known = tuple(name for name in detectors.names() if name not in ENSEMBLES)
    if given.strip() == "all":
        return known
    return tuple(kind.strip() for kind in given.split(",") if kind.strip())


def _shares(given: str) -> tuple[float, ...]:
    try:
        return tuple(float(share) for share in given.split(","))
    except ValueError as error:
        wanted = "three shares that add up to 1, such as 0.6,0.2,0.2"
        raise ParameterInvalid(Fault("split", wanted, show(given))) from error


def _tell(trained: Trained, evaluation: Evaluation | None, out: Path, took: float, as_json: bool) -> None:
    bundle = trained.bundle
    rows = 0 if bundle.model is None else bundle.model.info["trained_rows"]
    if as_json:
        print_json(
            {
                "bundle": bundle.fingerprint,
                "folder": str(out),
                "trained_rows": rows,
                "seconds": took,
                "evaluation": None if evaluation is None else evaluation.as_data(),
                "why_whole": trained.why_whole,
            }
        )
    elif evaluation is not None:
        header = (
            "model",
            "AUC",
            "average precision",
            "recall at 1 % FPR",
            "alerts a day",
            "precision",
            "recall",
        )
        print_table(header, [_cells(one) for one in evaluation.detectors])
    if trained.why_whole:
        say(f"nothing was held back to judge by: {trained.why_whole}")
    best = trained.candidates[0]
    say(f"trained {best.name} on {rows:,} events in {took:.1f} s: {out} ({bundle.version})")
    say(f"next: riskloom serve --bundle {out}   or   riskloom score --bundle {out} --data FILE --out FILE")


def _cells(one: DetectorEvaluation) -> tuple[str, ...]:
    """A row of the comparison table; the intervals are in the report."""
    found = [one.estimates.get(name) for name in ("roc_auc", "average_precision", "recall_at_fpr")]
    measures = ["" if each is None else f"{each.value:.3f}" for each in found]
    at = (f"{one.at.alerts_per_day:.1f}", f"{one.at.precision:.3f}", f"{one.at.recall:.3f}")
    return (one.name, *measures, *("" if text == "nan" else text for text in at))
