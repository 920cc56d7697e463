"""What the database remembers of every bundle that ever decided, so that old decisions read as they did."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from riskloom.bundle import Bundle
from riskloom.explain.reasons import ReasonTexts
from riskloom.server.db import reading, writing
from riskloom.server.decisions.record import as_text, decode
from riskloom.server.tables import bundles


class BundleTexts:
    """The texts of bundles by fingerprint."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: dict[str, ReasonTexts] = {}

    def remember(self, bundle: Bundle, now_us: int) -> None:
        """Store a bundle's texts before it decides anything; does nothing where they are."""
        with writing(self._engine) as connection:
            found = connection.execute(
                sa.select(bundles.c.fingerprint).where(bundles.c.fingerprint == bundle.fingerprint)
            ).first()
            if found is not None:
                return
            model = bundle.model
            about = None if model is None else model.about()
            connection.execute(
                bundles.insert().values(
                    fingerprint=bundle.fingerprint,
                    scenario=bundle.scenario.name,
                    first_used_at_us=now_us,
                    parts=as_text(dict(bundle.scenario.parts)),
                    model=as_text(about),
                )
            )

    def of(self, fingerprint: str) -> ReasonTexts:
        """The sentences of a bundle."""
        texts = self._known.get(fingerprint)
        if texts is None:
            with reading(self._engine) as connection:
                row = connection.execute(
                    sa.select(bundles.c.parts).where(bundles.c.fingerprint == fingerprint)
                ).first()
            parts: dict[str, Any] = decode(row.parts) if row is not None else {}
            head = parts.get("features", {})
            describe = {
                feature["name"]: feature.get("describe", "")
                for feature in head.get("features", [])
                if isinstance(feature, dict)
            }
            said = [*parts.get("rules", []), *(one for one in parts.get("lists", []) if "code" in one)]
            texts = ReasonTexts(said, str(head.get("base_currency", "USD")), describe)
            self._known[fingerprint] = texts
        return texts
