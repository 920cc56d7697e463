"""SQL of model runs."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from riskloom.bundle import Bundle
from riskloom.domain.show import show_time
from riskloom.server.db import reading, writing
from riskloom.server.decisions.record import as_text, decode
from riskloom.server.tables import bundles, model_runs


class ModelRepo:
    """Model runs of one scenario."""

    def __init__(self, engine: Engine, scenario: str) -> None:
        self._engine = engine
        self._scenario = scenario

    def add(self, bundle: Bundle, path: str, threshold: float, now_us: int) -> None:
        """Store a finished training."""
        model = bundle.model
        if model is None:
            raise ValueError("a model run needs a model")
        with writing(self._engine) as connection:
            connection.execute(
                model_runs.insert().values(
                    scenario=self._scenario,
                    created_at_us=now_us,
                    model_type=model.kind,
                    trained_rows=int(model.info.get("trained_rows", 0)),
                    threshold=threshold,
                    percentile=bundle.scenario.policy.percentile,
                    feature_columns=as_text(model.features),
                    bundle=bundle.fingerprint,
                    path=path,
                )
            )

    def all(self) -> list[dict[str, Any]]:
        """Every run, newest first."""
        query = (
            sa.select(model_runs)
            .where(model_runs.c.scenario == self._scenario)
            .order_by(sa.desc(model_runs.c.id))
        )
        with reading(self._engine) as connection:
            return [
                {
                    "created_at": show_time(row.created_at_us),
                    "model_type": row.model_type,
                    "trained_rows": row.trained_rows,
                    "threshold": row.threshold,
                    "percentile": row.percentile,
                    "feature_columns": decode(row.feature_columns),
                    "bundle": row.bundle,
                    "path": row.path,
                }
                for row in connection.execute(query)
            ]

    def newest_since(self, fingerprint: str) -> str | None:
        """The folder of the newest model trained here, unless the bundle named came into this database
        after it."""
        newest = (
            sa.select(model_runs)
            .where(model_runs.c.scenario == self._scenario)
            .order_by(sa.desc(model_runs.c.id))
            .limit(1)
        )
        first_used = sa.select(bundles.c.first_used_at_us).where(bundles.c.fingerprint == fingerprint)
        with reading(self._engine) as connection:
            run = connection.execute(newest).first()
            used_us = connection.execute(first_used).scalar()
        if run is None or used_us is None or used_us > run.created_at_us:
            return None
        return str(run.path)
