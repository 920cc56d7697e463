"""What people put into cases: notes, files, links, tasks."""

from __future__ import annotations

import asyncio
from typing import Any

from riskloom.clock import Clock
from riskloom.domain.case import LinkKind
from riskloom.errors import Fault, ParameterInvalid
from riskloom.server.cases.files import FileStore, check_file
from riskloom.server.cases.paper_repo import PaperRepo
from riskloom.server.cases.rows import Act
from riskloom.server.cases.view import shown_file, shown_link, shown_notes, shown_task


class PaperService:
    """Papers of the cases of one scenario; every method raises NotFound where there is no such case."""

    def __init__(self, repo: PaperRepo, files: FileStore, clock: Clock) -> None:
        self._repo = repo
        self._files = files
        self._clock = clock

    async def add_note(self, case_id: int, text: str, actor: str) -> dict[str, Any]:
        """A new note."""
        row = await asyncio.to_thread(self._repo.add_note, case_id, text, self._act(actor))
        return shown_notes([row])[0]

    async def edit_note(self, case_id: int, note: int, seen: int, text: str, actor: str) -> dict[str, Any]:
        """A new version of a note; those before it stay.

        Raises
        ------
        Conflict
            When somebody else has edited it since.
        """

        def write() -> dict[str, Any]:
            self._repo.edit_note(case_id, note, seen, text, self._act(actor))
            return next(each for each in shown_notes(self._repo.notes(case_id)) if each["note"] == note)

        return await asyncio.to_thread(write)

    async def add_file(
        self, case_id: int, name: str, media_type: str, content: bytes, actor: str
    ) -> tuple[dict[str, Any], bool]:
        """(a file, whether it is new): durable on disk before the case names it.

        Raises
        ------
        ParameterInvalid
        """

        def write() -> tuple[dict[str, Any], bool]:
            check_file(name, media_type, content)
            self._repo.check(case_id)
            sha256 = self._files.put(content)
            row, is_new = self._repo.add_file(
                case_id, name, media_type, len(content), sha256, self._act(actor)
            )
            return shown_file(row), is_new

        return await asyncio.to_thread(write)

    async def file(self, case_id: int, file_id: int) -> tuple[dict[str, Any], bytes]:
        """What is known of a file, and its content, which is what was sent."""

        def read() -> tuple[dict[str, Any], bytes]:
            row = self._repo.file(case_id, file_id)
            return shown_file(row), self._files.get(row.sha256)

        return await asyncio.to_thread(read)

    async def link(
        self, case_id: int, other_id: int, kind: LinkKind, actor: str
    ) -> tuple[list[dict[str, Any]], bool]:
        """(the links of a case, whether this one is new); the other case sees it from its side."""
        if case_id == other_id:
            raise ParameterInvalid(Fault("case", "another case", str(other_id)))
        is_new = await asyncio.to_thread(self._repo.link, case_id, other_id, kind, self._act(actor))
        return await self._links(case_id), is_new

    async def unlink(self, case_id: int, other_id: int, kind: LinkKind, actor: str) -> list[dict[str, Any]]:
        """The links of a case without this one."""
        await asyncio.to_thread(self._repo.unlink, case_id, other_id, kind, self._act(actor))
        return await self._links(case_id)

    async def add_task(self, case_id: int, title: str, due_us: int | None, actor: str) -> dict[str, Any]:
        """A new task."""
        return shown_task(
            await asyncio.to_thread(self._repo.add_task, case_id, title, due_us, self._act(actor))
        )

    async def do_task(self, case_id: int, task_id: int, is_done: bool, actor: str) -> dict[str, Any]:
        """A task that is done, or is not any more; done twice it stays whose it was."""
        act = self._act(actor)
        return shown_task(await asyncio.to_thread(self._repo.do_task, case_id, task_id, is_done, act))

    async def _links(self, case_id: int) -> list[dict[str, Any]]:
        return [shown_link(row) for row in await asyncio.to_thread(self._repo.links, case_id)]

    def _act(self, actor: str) -> Act:
        return Act(actor, self._clock.now_us())
