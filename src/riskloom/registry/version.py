"""What a registry says about a version."""

from __future__ import annotations

from dataclasses import dataclass

from riskloom.domain.stage import Stage, in_canary


@dataclass(frozen=True, slots=True)
class Version:
    """A published bundle: its number within its scenario, and the stage it is in now.

    `percent` is the share of entities it decides for as canary. `author`, `reason` and `published_at_us` are
    those of its publication.
    """

    scenario: str
    number: int
    fingerprint: str
    stage: Stage
    percent: float | None
    published_at_us: int
    author: str
    reason: str

    def takes(self, entity_key: str | None) -> bool:
        """Whether this version is the canary and decides for this entity; the fingerprint keys the draw."""
        return self.percent is not None and in_canary(entity_key, self.percent, self.fingerprint)


@dataclass(frozen=True, slots=True)
class Lineup:
    """Who decides, who tries, who watches: read at one moment. `change` is the number of the last change."""

    change: int
    champion: Version | None
    canary: Version | None
    shadows: tuple[Version, ...]
