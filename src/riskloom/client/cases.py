"""Cases of a server, and what is in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import quote

from riskloom.client.calls import Calls
from riskloom.client.shapes import Page

Case = dict[str, Any]


class CaseCalls(Calls):
    """What the client can do with cases."""

    def cases(self, scenario: str | None = None, **asked: Any) -> Page[Case]:
        """A page of cases, newest first.

        Parameters
        ----------
        asked
            state, active, assignee, unassigned, priority, disposition, entity_key, limit, cursor.
        """
        return cast("Page[Case]", self.call("GET", "/cases", params=asked, scenario=scenario))

    def case_counts(self, scenario: str | None = None) -> dict[str, dict[str, int]]:
        """How many cases there are by state, assignee, priority and disposition, and tasks due."""
        return cast("dict[str, dict[str, int]]", self.call("GET", "/cases/counts", scenario=scenario))

    def case(self, case_id: int, scenario: str | None = None) -> Case:
        """One case with its alerts, notes, files, links and tasks."""
        return cast(Case, self.call("GET", f"/cases/{case_id}", scenario=scenario))

    def open_case(self, alert_id: int, actor: str, scenario: str | None = None) -> Case:
        """The case of an alert, opened where there is none."""
        said = {"alert": alert_id}
        return cast(Case, self.call("POST", "/cases", said, scenario=scenario, actor=actor))

    def case_events(self, case_id: int, scenario: str | None = None, **asked: Any) -> Page[dict[str, Any]]:
        """A page of a case's events: their decisions, and what was said of each; limit, cursor."""
        path = f"/cases/{case_id}/events"
        return cast("Page[dict[str, Any]]", self.call("GET", path, params=asked, scenario=scenario))

    def case_timeline(self, case_id: int, scenario: str | None = None, **asked: Any) -> Page[dict[str, Any]]:
        """A page of all that happened in a case, last first; limit, cursor."""
        path = f"/cases/{case_id}/timeline"
        return cast("Page[dict[str, Any]]", self.call("GET", path, params=asked, scenario=scenario))

    def change_case(
        self, case_id: int, said: Mapping[str, Any], actor: str, scenario: str | None = None
    ) -> Case:
        """Another assignee or priority; `version` is the one that was seen.

        Raises
        ------
        CaseChanged
            When somebody else has changed the case since.
        """
        path = f"/cases/{case_id}"
        return cast(Case, self.call("PATCH", path, said, scenario=scenario, actor=actor))

    def move_case(
        self, move: str, case_id: int, said: Mapping[str, Any], actor: str, scenario: str | None = None
    ) -> Case:
        """close, confirm, decline or reopen a case, or say by `marks` what events of it turned out to be.

        Raises
        ------
        CaseChanged
            When somebody else has changed the case since.
        """
        path = f"/cases/{case_id}/{quote(move, safe='')}"
        return cast(Case, self.call("POST", path, said, scenario=scenario, actor=actor))

    def add_to_case(
        self, kind: str, case_id: int, said: Mapping[str, Any], actor: str, scenario: str | None = None
    ) -> dict[str, Any]:
        """A new one of a case's notes, links or tasks."""
        path = f"/cases/{case_id}/{quote(kind, safe='')}"
        return cast("dict[str, Any]", self.call("POST", path, said, scenario=scenario, actor=actor))

    def change_in_case(
        self, kind: str, case_id: int, number: int, said: Mapping[str, Any], actor: str,
        scenario: str | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """Edit one of a case's notes, or say whether one of its tasks is done."""
        path = f"/cases/{case_id}/{quote(kind, safe='')}/{number}"
        return cast("dict[str, Any]", self.call("PUT", path, said, scenario=scenario, actor=actor))

    def add_file(
        self, case_id: int, name: str, media_type: str, content: bytes, actor: str,
        scenario: str | None = None,
    ) -> bytes:  # fmt: skip
        """Keep a file with a case; what is known of it, as JSON."""
        path, params = f"/cases/{case_id}/files", {"name": name}
        return self.raw("POST", path, content, kind=media_type, params=params, scenario=scenario, actor=actor)

    def case_file(self, case_id: int, file_id: int, scenario: str | None = None) -> bytes:
        """A file of a case, as it was sent."""
        return self.raw("GET", f"/cases/{case_id}/files/{file_id}", scenario=scenario)

    def dossier(
        self, case_id: int, form: str = "json", actor: str | None = None, scenario: str | None = None
    ) -> bytes:
        """All of a case as json, html or pdf.

        Raises
        ------
        ExtraMissing
            Where the server cannot make a PDF.
        """
        path, params = f"/cases/{case_id}/dossier", {"format": form}
        return self.raw("GET", path, params=params, scenario=scenario, actor=actor)
