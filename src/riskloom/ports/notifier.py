"""`Notifier`: a channel that takes notices to people or to other systems.

A notice says the same on every channel; how it looks there (Slack blocks, HTML, a JSON line) is the driver's
business. Whether and when it is sent, and again, is the outbox's: a driver tries once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Notice:
    """What is told.

    Parameters
    ----------
    key
        The idempotency key, `alert:step:channel`: the same at every attempt. A receiver that keeps it can
        drop what it was told before.
    kind
        alert, sla, digest or test.
    title
        One line.
    facts
        Names and values under it, for people, in order. Never a raw personal value.
    severity
        low, medium, high or critical.
    at
        When that was said, ISO 8601.
    link
        Where to look; "" where the server has no public dashboard.
    data
        The same for machines, as plain JSON.
    """

    key: str
    kind: str
    title: str
    facts: tuple[tuple[str, str], ...]
    severity: str
    at: str
    link: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


class Notifier(Protocol):
    """One channel."""

    @property
    def url(self) -> str:
        """Where it leads, as shown to people: without what is secret in it."""
        ...

    async def send(self, notice: Notice) -> str:
        """Deliver a notice, once; returns what the receiver said, in a line, or "".

        Raises
        ------
        Undelivered
            When it was not taken, or nobody knows whether it was: to be sent again, under the same key.
        DeliveryRefused
            When it will never be taken.
        """
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
