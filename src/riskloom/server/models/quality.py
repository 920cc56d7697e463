"""How a bundle did on what turned out: ranking, curves and calibration over the labelled events it judged."""

from __future__ import annotations

from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from riskloom.measure.calibration import measure_calibration
from riskloom.measure.curves import precision_recall_points, roc_points
from riskloom.measure.interval import wilson
from riskloom.measure.ranking import average_precision, roc_auc
from riskloom.measure.result import plain
from riskloom.measure.threshold import sweep_thresholds
from riskloom.server.db import reading
from riskloom.server.tables import decisions, labels, trials

CELLS = 100
BINS = 20
MOST = 500_000
"""So many labels are read, the newest."""
_Rows = list[tuple[bool, int, float | None, float | None]]


class QualityRepo:
    """What a bundle said about labelled events, deciding or as a trial beside."""

    def __init__(self, engine: Engine, scenario: str) -> None:
        self._engine = engine
        self._scenario = scenario

    def labelled(self, bundle: str) -> _Rows:
        """(fraud, outcome rank, risk score, probability) of each labelled event it judged."""
        newest = (
            sa.select(labels.c.about, labels.c.truth, labels.c.arrival)
            .where(labels.c.scenario == self._scenario)
            .order_by(sa.desc(labels.c.arrival))
            .limit(MOST)
            .subquery()
        )
        found: dict[int, tuple[bool, int, float | None, float | None]] = {}
        with reading(self._engine) as connection:
            for said in (trials, decisions):
                query = (
                    sa.select(
                        newest.c.about, newest.c.truth, said.c.outcome, said.c.risk_score, said.c.probability
                    )
                    .join(said, said.c.arrival == newest.c.about)
                    .where(said.c.scenario == self._scenario, said.c.bundle == bundle)
                    .order_by(newest.c.arrival)
                )
                for about, truth, outcome, risk_score, probability in connection.execute(query):
                    found[int(about)] = (bool(truth), int(outcome), risk_score, probability)
        return list(found.values())


def quality(bundle: str, rows: _Rows) -> dict[str, Any]:
    """The figures of `QualityRepo.labelled`; what cannot be said yet is None.

    Labelled events are no random sample of all: flagged ones are looked at, and so labelled, more often.
    """
    fraud = np.array([row[0] for row in rows], np.bool_)
    flagged = np.array([row[1] > 0 for row in rows], np.bool_)
    frauds, caught = int(fraud.sum()), int((fraud & flagged).sum())
    return {
        "bundle": bundle,
        "labelled": len(rows),
        "frauds": frauds,
        "flagged": int(flagged.sum()),
        "caught": caught,
        "precision": plain(wilson(caught, int(flagged.sum()))),
        "recall": plain(wilson(caught, frauds)),
        **_ranked(rows),
        "calibration": _calibrated(rows),
    }


def _ranked(rows: _Rows) -> dict[str, Any]:
    """How well the risk score ranks; None without one, or without both kinds of event."""
    scored = [(truth, risk) for truth, _, risk, _ in rows if risk is not None]
    truths = np.array([truth for truth, _ in scored], np.bool_)
    if not truths.any() or truths.all():
        return {"ranking": None, "curves": None, "scores": None}
    risks = np.array([risk for _, risk in scored])
    sweep = sweep_thresholds(truths, risks)
    edges = np.linspace(0, 100, BINS + 1)
    return {
        "ranking": {
            "auc": roc_auc(truths, risks),
            "average_precision": average_precision(truths, risks),
        },
        "curves": {
            "precision_recall": plain(precision_recall_points(sweep, CELLS)),
            "roc": plain(roc_points(sweep, CELLS)),
        },
        "scores": {
            "edges": edges.tolist(),
            "fraud": np.histogram(risks[truths], edges)[0].tolist(),
            "honest": np.histogram(risks[~truths], edges)[0].tolist(),
        },
    }


def _calibrated(rows: _Rows) -> Any:
    """Whether the probabilities mean what they say; None where there are none."""
    told = [(truth, probability) for truth, _, _, probability in rows if probability is not None]
    if not told:
        return None
    truths, probabilities = zip(*told, strict=True)
    return plain(measure_calibration(np.array(truths), np.array(probabilities)))
