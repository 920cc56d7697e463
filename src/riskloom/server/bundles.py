"""What the database remembers of every bundle that ever decided, so that old decisions read as they did."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from riskloom.bundle import Bundle, write_bundle
from riskloom.explain.reasons import ReasonTexts
from riskloom.scenario.load import scenario_from_parts
from riskloom.scenario.scenario import Feature
from riskloom.server.db import reading, writing
from riskloom.server.decisions.record import as_text, decode
from riskloom.server.tables import bundles


class BundleTexts:
    """The texts of bundles by fingerprint."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine = engine
        self._folder = folder
        self._known: dict[str, ReasonTexts] = {}
        self._features: dict[str, tuple[Feature, ...]] = {}

    def remember(self, bundle: Bundle, now_us: int) -> None:
        """Store a bundle's texts, and its model beside the database, before it decides anything; does
        nothing where they are.

        Raises
        ------
        StoreUnavailable, OSError
        """
        if bundle.model is not None:
            write_bundle(bundle, self._folder / bundle.fingerprint)
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
            parts = self._parts(fingerprint)
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

    def features_of(self, fingerprint: str) -> tuple[Feature, ...]:
        """A bundle's features, in the order of its vectors."""
        features = self._features.get(fingerprint)
        if features is None:
            parts = self._parts(fingerprint)
            features = self._features[fingerprint] = scenario_from_parts(parts).features if parts else ()
        return features

    def _parts(self, fingerprint: str) -> dict[str, Any]:
        query = sa.select(bundles.c.parts).where(bundles.c.fingerprint == fingerprint)
        with reading(self._engine) as connection:
            text = connection.execute(query).scalar()
        parts: dict[str, Any] = {} if text is None else decode(text)
        return parts
