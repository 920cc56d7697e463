"""SQL of what people put into a case: notes, files, links, tasks. Nothing is overwritten or taken out but
links."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine, Row

from riskloom.domain.case import OPPOSITE, LinkKind
from riskloom.errors import Conflict, NotFound
from riskloom.server.cases.rows import Act, case_row, hold, say
from riskloom.server.cases.tables import case_files, case_links, case_notes, case_tasks, cases
from riskloom.server.db import reading, writing


class PaperRepo:
    """Papers of the cases of one scenario; every method raises NotFound where there is no such case."""

    def __init__(self, engine: Engine, scenario: str) -> None:
        self._engine = engine
        self._scenario = scenario
        self._insert = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert

    def check(self, case_id: int) -> None:
        """Whether there is such a case."""
        with reading(self._engine) as connection:
            case_row(connection, self._scenario, case_id)

    # ---------------------------------------------------------------- notes

    def notes(self, case_id: int) -> list[Row[Any]]:
        """Every version of every note, by note and version."""
        query = sa.select(case_notes).where(case_notes.c.case_id == case_id)
        return self._all(query.order_by(case_notes.c.note, case_notes.c.version))

    def add_note(self, case_id: int, text: str, act: Act) -> Row[Any]:
        """A new note."""
        with writing(self._engine) as connection:
            self._hold(connection, case_id)
            newest = sa.select(sa.func.max(case_notes.c.note)).where(case_notes.c.case_id == case_id)
            note = int(connection.execute(newest).scalar() or 0) + 1
            return self._write_note(connection, case_id, note, 1, text, act, "case.noted")

    def edit_note(self, case_id: int, note: int, seen: int, text: str, act: Act) -> Row[Any]:
        """A new version of a note as it was seen.

        Raises
        ------
        Conflict
            When somebody else has edited it.
        """
        with writing(self._engine) as connection:
            self._hold(connection, case_id)
            mine = sa.and_(case_notes.c.case_id == case_id, case_notes.c.note == note)
            query = sa.select(case_notes).where(mine).order_by(sa.desc(case_notes.c.version))
            newest = connection.execute(query.limit(1)).first()
            if newest is None:
                raise NotFound(f"Case {case_id} has no note {note}.")
            if newest.version != seen:
                raise Conflict(
                    f"{newest.author} has edited note {note} of case {case_id}: "
                    f"it is version {newest.version} now.",
                    hint="read it, then send yours with that version",
                )
            return self._write_note(connection, case_id, note, seen + 1, text, act, "case.note_edited")

    def _write_note(
        self, connection: Connection, case_id: int, note: int, version: int, text: str, act: Act, kind: str
    ) -> Row[Any]:
        row = {
            "case_id": case_id,
            "note": note,
            "version": version,
            "text": text,
            "author": act.actor,
            "at_us": act.at_us,
        }
        written = connection.execute(sa.insert(case_notes).values(row).returning(*case_notes.c)).one()
        say(connection, self._scenario, case_id, kind, act, {"note": note, "note_version": version})
        return written

    # ---------------------------------------------------------------- files

    def files(self, case_id: int) -> list[Row[Any]]:
        """What is known of a case's files, oldest first."""
        return self._all(
            sa.select(case_files).where(case_files.c.case_id == case_id).order_by(case_files.c.id)
        )

    def file(self, case_id: int, file_id: int) -> Row[Any]:
        """What is known of one file."""
        with reading(self._engine) as connection:
            case_row(connection, self._scenario, case_id)
            query = sa.select(case_files).where(case_files.c.case_id == case_id, case_files.c.id == file_id)
            found = connection.execute(query).first()
        if found is None:
            raise NotFound(f"Case {case_id} has no file {file_id}.")
        return found

    def add_file(
        self, case_id: int, name: str, media_type: str, size: int, sha256: str, act: Act
    ) -> tuple[Row[Any], bool]:
        """(a file whose content is kept, whether it is new); the same content under the same name is there
        once."""
        with writing(self._engine) as connection:
            self._hold(connection, case_id)
            row = {
                "case_id": case_id,
                "name": name,
                "media_type": media_type,
                "size": size,
                "sha256": sha256,
                "author": act.actor,
                "at_us": act.at_us,
            }
            added = self._insert(case_files).values(row).on_conflict_do_nothing()
            made = connection.execute(added.returning(*case_files.c)).first()
            if made is not None:
                detail = {"file": made.id, "name": name, "sha256": sha256, "size": size}
                say(connection, self._scenario, case_id, "case.file_added", act, detail)
                return made, True
            query = sa.select(case_files).where(
                case_files.c.case_id == case_id, case_files.c.sha256 == sha256, case_files.c.name == name
            )
            return connection.execute(query).one(), False

    # ---------------------------------------------------------------- links

    def links(self, case_id: int) -> list[Row[Any]]:
        """The links of a case, read from it, with the state of the other."""
        query = sa.select(case_links, cases.c.state, cases.c.disposition, cases.c.entity, cases.c.entity_key)
        query = query.join(cases, cases.c.id == case_links.c.other_id)
        return self._all(query.where(case_links.c.case_id == case_id).order_by(case_links.c.id))

    def link(self, case_id: int, other_id: int, kind: LinkKind, act: Act) -> bool:
        """Link two cases, seen from both; whether they were not linked so before."""
        with writing(self._engine) as connection:
            for each in sorted((case_id, other_id)):
                self._hold(connection, each)
            rows = [
                {"case_id": one, "other_id": two, "kind": its.value, "author": act.actor, "at_us": act.at_us}
                for one, two, its in ((case_id, other_id, kind), (other_id, case_id, OPPOSITE[kind]))
            ]
            added = self._insert(case_links).values(rows).on_conflict_do_nothing()
            if not connection.execute(added.returning(case_links.c.id)).all():
                return False
            self._say_link(connection, case_id, other_id, kind, act, "case.linked")
            return True

    def unlink(self, case_id: int, other_id: int, kind: LinkKind, act: Act) -> None:
        """Take a link away, from both sides.

        Raises
        ------
        NotFound
        """
        with writing(self._engine) as connection:
            for each in sorted((case_id, other_id)):
                self._hold(connection, each)
            for one, two, its in ((case_id, other_id, kind), (other_id, case_id, OPPOSITE[kind])):
                gone = sa.delete(case_links).where(case_links.c.case_id == one, case_links.c.other_id == two)
                if not connection.execute(gone.where(case_links.c.kind == its.value)).rowcount:
                    raise NotFound(f"Case {case_id} is not linked to {other_id} as {kind}.")
            self._say_link(connection, case_id, other_id, kind, act, "case.unlinked")

    def _say_link(
        self, connection: Connection, case_id: int, other_id: int, kind: LinkKind, act: Act, done: str
    ) -> None:
        for one, two, its in ((case_id, other_id, kind), (other_id, case_id, OPPOSITE[kind])):
            say(connection, self._scenario, one, done, act, {"case": two, "kind": its.value})

    # ---------------------------------------------------------------- tasks

    def tasks(self, case_id: int) -> list[Row[Any]]:
        """The tasks of a case, oldest first."""
        return self._all(
            sa.select(case_tasks).where(case_tasks.c.case_id == case_id).order_by(case_tasks.c.id)
        )

    def add_task(self, case_id: int, title: str, due_us: int | None, act: Act) -> Row[Any]:
        """A new task."""
        with writing(self._engine) as connection:
            self._hold(connection, case_id)
            row = {
                "case_id": case_id,
                "title": title,
                "due_us": due_us,
                "author": act.actor,
                "at_us": act.at_us,
            }
            made = connection.execute(sa.insert(case_tasks).values(row).returning(*case_tasks.c)).one()
            detail = {"task": made.id, "title": title}
            say(connection, self._scenario, case_id, "case.task_added", act, detail)
            return made

    def do_task(self, case_id: int, task_id: int, is_done: bool, act: Act) -> Row[Any]:
        """Say that a task is done, or is not; who was first stays.

        Raises
        ------
        NotFound
        """
        with writing(self._engine) as connection:
            self._hold(connection, case_id)
            mine = sa.and_(case_tasks.c.case_id == case_id, case_tasks.c.id == task_id)
            changed = sa.update(case_tasks).where(mine, case_tasks.c.done_at_us.is_(None) == is_done)
            by, at_us = (act.actor, act.at_us) if is_done else (None, None)
            is_new = connection.execute(changed.values(done_by=by, done_at_us=at_us)).rowcount
            found = connection.execute(sa.select(case_tasks).where(mine)).first()
            if found is None:
                raise NotFound(f"Case {case_id} has no task {task_id}.")
            if is_new:
                kind = "case.task_done" if is_done else "case.task_undone"
                detail = {"task": task_id, "title": found.title}
                say(connection, self._scenario, case_id, kind, act, detail)
            return found

    # ---------------------------------------------------------------- shared

    def _hold(self, connection: Connection, case_id: int) -> None:
        """Let nobody else write into a case until this transaction ends."""
        hold(connection, case_id)
        case_row(connection, self._scenario, case_id)

    def _all(self, query: sa.Select[Any]) -> list[Row[Any]]:
        with reading(self._engine) as connection:
            return list(connection.execute(query))
