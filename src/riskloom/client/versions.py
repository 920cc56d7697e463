"""Versions of the registry that the server follows: what they are, how they do, and their stages."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import quote

from riskloom.client.calls import Calls

_PATIENCE = 120.0


class VersionCalls(Calls):
    """What the client can do with versions; each raises NotFound when the server follows no registry."""

    def versions(self) -> list[dict[str, Any]]:
        """Every version and its stage, oldest first."""
        return cast("list[dict[str, Any]]", self.call("GET", "/models/versions"))

    def version(self, number: int) -> dict[str, Any]:
        """One version: its files, figures and moves."""
        return cast("dict[str, Any]", self.call("GET", f"/models/versions/{number}"))

    def attachment(self, number: int, name: str) -> bytes:
        """A file that was published with a version, say its report."""
        return self.raw("GET", f"/models/versions/{number}/attachments/{quote(name)}")

    def comparison(self, number: int) -> dict[str, Any]:
        """What a shadow or canary said, beside what was decided, on the same events."""
        return cast("dict[str, Any]", self.call("GET", f"/models/versions/{number}/comparison"))

    def quality(self, bundle: str | None = None) -> dict[str, Any]:
        """How a bundle did on the labelled events it decided or tried; the champion when None."""
        return cast("dict[str, Any]", self.call("GET", "/models/quality", params={"bundle": bundle}))

    def move(
        self, number: int, to: str, reason: str, author: str, percent: float | None = None
    ) -> dict[str, Any]:
        """Move a version to another stage; at work when this answers, or `problem` says why not.

        Raises
        ------
        StageInvalid
        """
        order = {"to": to, "reason": reason, "author": author, "percent": percent}
        said = {name: value for name, value in order.items() if value is not None}
        answer = self.call("POST", f"/models/versions/{number}/move", said, timeout=_PATIENCE)
        return cast("dict[str, Any]", answer)

    def roll_back(self, reason: str, author: str) -> dict[str, Any]:
        """Bring the champion before this one back."""
        said = {"reason": reason, "author": author}
        return cast("dict[str, Any]", self.call("POST", "/models/rollback", said, timeout=_PATIENCE))
