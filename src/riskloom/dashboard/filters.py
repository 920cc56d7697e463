"""What the review queue shows: filters as a value, to and from a page's address and the server's question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from riskloom.dashboard import words

SHOWN: Mapping[str, str] = {
    "review": "To review",
    "rejected": "Rejected",
    "flagged": "Flagged",
    "all": "All",
}
SPANS: Mapping[str, str] = {"": "Any time", "1h": "Last hour", "24h": "Last 24 hours", "7d": "Last 7 days"}
ORDERS: Mapping[str, str] = {"newest": "Newest first", "risk": "Highest risk first"}
SEVERE = ("", *words.SEVERITIES)
MIN_RISKS = (0, 50, 80, 90, 95, 98, 99)
_HOURS = {"1h": 1, "24h": 24, "7d": 168}


@dataclass(frozen=True, slots=True)
class Filters:
    """One choice of every filter; what is empty or 0 does not narrow."""

    show: str = "review"
    min_risk: int = 0
    reason: str = ""
    severity: str = ""
    span: str = ""
    entity: str = ""
    order: str = "newest"

    @classmethod
    def from_params(cls, params: Mapping[str, str]) -> Filters:
        """The filters of an address; what it does not know, or says wrongly, stays at its default."""
        known = {field.name: params[field.name] for field in fields(cls) if field.name in params}
        risk = known.pop("min_risk", "")
        chosen = cls(**known, min_risk=int(risk) if risk in map(str, MIN_RISKS) else 0)
        wrong = {
            name: getattr(cls(), name)
            for name, allowed in (("show", SHOWN), ("severity", SEVERE), ("span", SPANS), ("order", ORDERS))
            if getattr(chosen, name) not in allowed
        }
        return cls(**{**asdict(chosen), **wrong})

    def as_params(self) -> dict[str, str]:
        """The address that says the same, without what is at its default."""
        plain = asdict(Filters())
        return {name: str(value) for name, value in asdict(self).items() if value != plain[name]}

    def as_widgets(self) -> dict[str, Any]:
        """Each filter's value by its name."""
        return asdict(self)

    def as_query(self, now: datetime) -> dict[str, Any]:
        """The same as a question to `Client.decisions`."""
        asked: dict[str, Any] = {"order": self.order}
        if self.show == "review":
            asked["flagged"] = True
        elif self.show != "all":
            asked["outcome"] = self.show.upper()
        for name in ("min_risk", "reason", "severity", "entity"):
            if getattr(self, name):
                asked[name] = getattr(self, name)
        if self.span:
            since = now - timedelta(hours=_HOURS[self.span])
            asked["since"] = since.isoformat(timespec="seconds").replace("+00:00", "Z")
        return asked
