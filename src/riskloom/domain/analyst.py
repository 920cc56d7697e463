"""People who work on alerts, as far as routing goes by them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Analyst:
    """Somebody who works on alerts.

    `limit_minor` is the most amount of an alert they may decide about, in the base currency, None for any;
    `queues` are those they work in, none for every one. Somebody of whom nothing is known has no skills.
    """

    name: str
    skills: tuple[str, ...] = ()
    limit_minor: int | None = None
    queues: tuple[str, ...] = ()
