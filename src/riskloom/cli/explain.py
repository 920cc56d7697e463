"""`riskloom explain`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from riskloom.cli.console import FileEvents, dead_letter_path, print_json, print_table, say
from riskloom.cli.features import counts_frauds
from riskloom.errors import BundleInvalid, Fault, NotFound, ParameterInvalid, show

if TYPE_CHECKING:
    from riskloom.bundle import Bundle
    from riskloom.model import Model
    from riskloom.training.explainers import Explained, Floats

SHOWN = 10
"""How many features of an event the table shows."""


def explain(
    bundle: Annotated[Path, typer.Option(help="The folder of a trained bundle.")],
    data: Annotated[Path, typer.Option(help="Events, CSV or Parquet, with the history before them.")],
    event: Annotated[list[str] | None, typer.Option(help="The id of an event; may be given again.")] = None,
    rows: Annotated[
        int, typer.Option(help="Without --event: how many events, those of the highest scores.", min=1)
    ] = 3,
    method: Annotated[str, typer.Option(help="exact, or shap or lime beside it.")] = "exact",
    seed: Annotated[int, typer.Option(help="Of what shap and lime leave to chance.")] = 7,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Show what each feature added to the scores of events, and what shap or lime say of the same events.

    The exact parts are those that decisions carry; features are as they were at each event. shap and lime
    need the extra `explain`. Rows that cannot be read go to DATA.dead-letters.jsonl in this folder.
    """
    from riskloom.scorer import load_bundle
    from riskloom.training.explainers import METHODS, check_method
    from riskloom.training.explainers import explain as explain_rows

    check_method(method)
    loaded = load_bundle(bundle)
    model = loaded.model
    if model is None:
        raise BundleInvalid(f"{bundle} has no model to explain.", hint="riskloom train makes one")
    categories = [feature.name for feature in loaded.scenario.features if feature.category]
    ids, vectors = _vectors(loaded, data, dead_letter_path(Path(data.name)))
    scores = model.anomaly_many(vectors)
    chosen = _chosen(ids, scores, event or [], rows)
    told: dict[str, Explained] = {}
    for name in dict.fromkeys((METHODS[0], method)):
        found = explain_rows(model, name, vectors[chosen], vectors, categories=categories, seed=seed)
        if found is not None:
            told[name] = found
    if not told:
        raise ParameterInvalid(
            Fault("--method", f"shap or lime: {model.kind} has no exact parts", show(method))
        )
    events = [(ids[at], float(scores[at]), vectors[at][model.positions]) for at in chosen]
    if as_json:
        print_json(_plain(model, events, told))
    else:
        _show(model, events, told)


Event = tuple[str, float, "Floats"]
"""The id of an event, its anomaly score, and the values of the model's features."""


def _vectors(bundle: Bundle, data: Path, dead_letters: Path) -> tuple[list[str], Floats]:
    """The ids and vectors of all events of a file, as they were when each arrived."""
    from riskloom.pipeline import Pipeline
    from riskloom.training.history import compute_features

    labels = counts_frauds(bundle.scenario.features)
    events = FileEvents(data, bundle.scenario, dead_letters, labels=labels)
    ids, vectors = [], []
    for chunk, found in compute_features(Pipeline(bundle), events.labelled_chunks()):
        ids += [event.id for event, _ in chunk]
        vectors.append(found)
    return ids, np.concatenate(vectors)


def _chosen(ids: Sequence[str], scores: Floats, wanted: Sequence[str], rows: int) -> list[int]:
    """Which events: those that were named, else those of the highest scores."""
    if not wanted:
        order: list[int] = np.argsort(-scores, kind="stable")[:rows].tolist()
        return order
    places = {name: at for at, name in enumerate(ids)}
    if missing := [name for name in wanted if name not in places]:
        raise NotFound(f"The file has no event {', '.join(map(show, missing))}.")
    return [places[name] for name in wanted]


def _of(model: Model) -> str:
    """What the parts of a score add up to."""
    kind = model.members[0].detector if model.ensemble is None else model.ensemble
    return str(getattr(kind, "ADDITIVE", "anomaly_score"))


def _gap(told: dict[str, Explained]) -> float | None:
    """The greatest difference of a part between both methods."""
    parts = [one.parts for one in told.values()]
    return float(np.abs(parts[0] - parts[1]).max()) if len(parts) > 1 else None


def _plain(model: Model, events: Sequence[Event], told: dict[str, Explained]) -> dict[str, Any]:
    return {
        "model": model.kind,
        "features": list(model.features),
        "parts_add_up_to": _of(model),
        "methods": {name: {"how": one.how, "seconds_a_row": one.seconds} for name, one in told.items()},
        "greatest_difference": _gap(told),
        "events": [
            {
                "event_id": name,
                "anomaly_score": score,
                "values": [None if value != value else value for value in values.tolist()],
                "parts": {
                    method: {"base": float(one.base[at]), "parts": one.parts[at].tolist()}
                    for method, one in told.items()
                },
            }
            for at, (name, score, values) in enumerate(events)
        ],
    }


def _show(model: Model, events: Sequence[Event], told: dict[str, Explained]) -> None:
    """A table for each event, the parts that count most first, and how the methods compare."""
    for at, (name, score, values) in enumerate(events):
        parts = np.stack([one.parts[at] for one in told.values()])
        order = np.argsort(-np.abs(parts).max(axis=0), kind="stable")
        rows = [
            (model.features[one], f"{values[one]:.6g}", *(f"{part:+.6f}" for part in parts[:, one]))
            for one in order[:SHOWN]
        ]
        if len(order) > SHOWN:
            rest = parts[:, order[SHOWN:]].sum(axis=1)
            rows.append((f"{len(order) - SHOWN} others", "", *(f"{part:+.6f}" for part in rest)))
        bases = [one.base[at] for one in told.values()]
        rows.append(("base", "", *(f"{base:+.6f}" for base in bases)))
        sums = [base + own.sum() for base, own in zip(bases, parts, strict=True)]
        rows.append((f"= {_of(model)}", "", *(f"{total:+.6f}" for total in sums)))
        print_table(("feature", "value", *told), rows, title=f"{name}, anomaly score {score:.6f}")
    for method, one in told.items():
        say(f"{method}: {one.how}, {one.seconds * 1e6:,.0f} µs of processor time an event")
    gap = _gap(told)
    if gap is not None:
        say(f"greatest difference of a part: {gap:.2g}")
