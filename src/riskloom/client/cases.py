"""Cases of a server: found, worked on, closed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

from riskloom.client.calls import Calls
from riskloom.client.shapes import Page

if TYPE_CHECKING:
    import httpx

Case = dict[str, Any]


class CaseCalls(Calls):
    """What the client can do with cases; `version` is the one that was seen, from the case itself."""

    if TYPE_CHECKING:

        def _send(
            self,
            method: str,
            path: str,
            body: bytes | None = None,
            *,
            params: Mapping[str, Any] | None = None,
            kind: str = "application/json",
            actor: str | None = None,
        ) -> httpx.Response: ...

    def cases(self, **asked: Any) -> Page[Case]:
        """A page of cases, newest first: state, active, assignee, unassigned, priority, disposition and
        entity_key narrow it; limit, cursor."""
        return cast("Page[Case]", self.call("GET", "/cases", params=asked))

    def case_counts(self) -> dict[str, Any]:
        """How many cases by state, assignee, priority and disposition, and tasks due."""
        return cast("dict[str, Any]", self.call("GET", "/cases/counts"))

    def case(self, case_id: int) -> Case:
        """One case with its alerts, notes, files, links and tasks."""
        return cast(Case, self.call("GET", f"/cases/{case_id}"))

    def open_case(self, alert_id: int, actor: str) -> Case:
        """The case of an alert, opened where there is none."""
        return cast(Case, self.call("POST", "/cases", {"alert": alert_id}, actor=actor))

    def case_timeline(self, case_id: int, limit: int = 50, cursor: str | None = None) -> Page[dict[str, Any]]:
        """All that happened in a case, last first."""
        asked = {"limit": limit, "cursor": cursor}
        return cast("Page[dict[str, Any]]", self.call("GET", f"/cases/{case_id}/timeline", params=asked))

    def change_case(self, case_id: int, said: Mapping[str, Any], actor: str) -> Case:
        """Another assignee or priority: assignee, priority, version.

        Raises
        ------
        Conflict
            When it was changed since that version.
        """
        return cast(Case, self.call("PATCH", f"/cases/{case_id}", said, actor=actor))

    def act_on_case(self, act: str, case_id: int, said: Mapping[str, Any], actor: str) -> Case:
        """marks, close, confirm, decline or reopen a case, with what the act takes."""
        return cast(Case, self.call("POST", f"/cases/{case_id}/{quote(act, safe='')}", said, actor=actor))

    def add_to_case(self, what: str, case_id: int, said: Mapping[str, Any], actor: str) -> dict[str, Any]:
        """Put notes, links or tasks into a case, one of them."""
        path = f"/cases/{case_id}/{quote(what, safe='')}"
        return cast("dict[str, Any]", self.call("POST", path, said, actor=actor))

    def do_task(self, case_id: int, task_id: int, actor: str, *, done: bool = True) -> dict[str, Any]:
        """Say that a task is done, or is not."""
        path = f"/cases/{case_id}/tasks/{task_id}"
        return cast("dict[str, Any]", self.call("PUT", path, {"done": done}, actor=actor))

    def add_file(
        self, case_id: int, name: str, content: bytes, media_type: str, actor: str
    ) -> dict[str, Any]:
        """Put a file into a case; the same one again changes nothing."""
        path = f"/api/v1/cases/{case_id}/files"
        answer = self._send("POST", path, content, params={"name": name}, kind=media_type, actor=actor)
        return cast("dict[str, Any]", answer.json())

    def case_file(self, case_id: int, file_id: int) -> bytes:
        """A file of a case, as it was sent."""
        return self._send("GET", f"/api/v1/cases/{case_id}/files/{file_id}").content

    def dossier(self, case_id: int, form: str, actor: str) -> bytes:
        """All of a case as json, html or pdf."""
        path = f"/api/v1/cases/{case_id}/dossier"
        return self._send("GET", path, params={"format": form}, actor=actor).content
