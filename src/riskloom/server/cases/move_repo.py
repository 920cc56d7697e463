"""SQL of what is done with a case: changed, marked, closed, confirmed, reopened.

Every move first writes the case's own row, as it was seen: two at once come one after the other on every
database, and the second is told what the first changed. The move and what the timeline says of it are one
transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, Row

from riskloom.domain.alert import Disposition
from riskloom.domain.case import MOVES, CaseMove, CaseState, moved, needs_second
from riskloom.domain.show import show_time
from riskloom.errors import CaseChanged, Conflict, NotFound
from riskloom.server.alerts.tables import activities
from riskloom.server.cases.rows import MACHINE, Act, amount_of, arrivals_of, case_row, put_events, say
from riskloom.server.cases.tables import case_events, cases
from riskloom.server.db import reading, writing
from riskloom.server.decisions.record import decode

_UNDECIDED = {"closed_by": None, "confirmed_by": None, "decided_at_us": None, "closed_at_us": None}
_NAMED = 5_000
"""Most values a statement names."""


class MoveRepo:
    """Moves of cases of one scenario.

    Every method raises NotFound, CaseChanged where the case is another than was seen, and MoveInvalid where
    it is in another state than the move begins in.
    """

    def __init__(self, engine: Engine, scenario: str) -> None:
        self._engine = engine
        self._scenario = scenario

    def change(self, case_id: int, seen: int, values: Mapping[str, Any], act: Act) -> None:
        """Set assignee or priority."""
        with writing(self._engine) as connection:
            self._take(connection, case_id, seen, values, act)
            say(connection, self._scenario, case_id, "case.changed", act, values)

    def mark(
        self, case_id: int, seen: int, arrivals: Sequence[int], disposition: Disposition | None, act: Act
    ) -> None:
        """Say of single events what they turned out to be; None takes that back."""
        with writing(self._engine) as connection:
            self._take(connection, case_id, seen, {}, act, CaseMove.CLOSE)
            strange = set(arrivals) - set(arrivals_of(connection, case_id))
            if strange:
                raise NotFound(f"Case {case_id} has no event with the arrival number {min(strange)}.")
            _clear(connection, case_id, case_events.c.arrival.in_(arrivals))
            if disposition is not None:
                put_events(connection, case_id, arrivals, disposition.value, act, is_marked=True)
            detail = {"arrivals": list(arrivals), "disposition": disposition}
            say(connection, self._scenario, case_id, "case.marked", act, detail)

    def close(
        self,
        case_id: int,
        seen: int,
        disposition: Disposition,
        reason: str,
        act: Act,
        *,
        only_marked: bool,
        above_minor: int | None,
    ) -> None:
        """Decide a case: its events of this moment become what is to be told; above the amount it awaits a
        second person first."""
        values = {"disposition": disposition.value, "reason": reason, "only_marked": only_marked}
        with writing(self._engine) as connection:
            taken = {**values, "closed_by": act.actor}
            self._take(connection, case_id, seen, taken, act, CaseMove.CLOSE)
            amount = amount_of(connection, case_id)
            is_large = needs_second(amount, above_minor)
            move = CaseMove.PROPOSE if is_large else CaseMove.CLOSE
            self._set(connection, case_id, move, None if is_large else act.at_us)
            if not only_marked:
                known = sa.select(case_events.c.arrival).where(case_events.c.case_id == case_id)
                marked = set(connection.execute(known).scalars())
                rest = [each for each in arrivals_of(connection, case_id) if each not in marked]
                put_events(connection, case_id, rest, disposition.value, act, is_marked=False)
            detail = {**values, "amount_minor": amount}
            say(connection, self._scenario, case_id, f"case.{move}", act, detail)

    def confirm(self, case_id: int, seen: int, reason: str, act: Act) -> None:
        """A second person agrees.

        Raises
        ------
        Conflict
            When it is the first one.
        """
        with writing(self._engine) as connection:
            self._take(connection, case_id, seen, {"confirmed_by": act.actor}, act, CaseMove.CONFIRM)
            if case_row(connection, self._scenario, case_id).closed_by == act.actor:
                raise Conflict(
                    f"{act.actor} closed case {case_id}: a second person has to confirm it.",
                    hint="who you are is told by the header X-Riskloom-User",
                )
            self._set(connection, case_id, CaseMove.CONFIRM, act.at_us)
            say(connection, self._scenario, case_id, "case.confirm", act, {"reason": reason})

    def reopen(self, case_id: int, seen: int, move: CaseMove, reason: str, act: Act) -> None:
        """Open a case again that is closed, or that awaits a second person; marks of single events stay.

        Raises
        ------
        Conflict
            When its entity has another case by now.
        """
        with writing(self._engine) as connection:
            self._take(connection, case_id, seen, _UNDECIDED, act, move)
            self._refuse_second(connection, case_row(connection, self._scenario, case_id))
            self._set(connection, case_id, move, None)
            _clear(connection, case_id, case_events.c.is_marked.is_(False))
            say(connection, self._scenario, case_id, f"case.{move}", act, {"reason": reason})

    # ---------------------------------------------------------------- what is told

    def untold(self, case_id: int) -> list[tuple[int, str]]:
        """(arrival number, disposition) of a decided case's events whose labels are not known to be there."""
        query = sa.select(case_events.c.arrival, case_events.c.disposition)
        query = query.where(case_events.c.case_id == case_id, case_events.c.is_told.is_(False))
        with reading(self._engine) as connection:
            return [
                (int(row[0]), row[1]) for row in connection.execute(query.order_by(case_events.c.arrival))
            ]

    def told(self, case_id: int, arrivals: Sequence[int], refused: Sequence[str], at_us: int) -> None:
        """The labels of these events are durable; `refused` are the ids of events that took none."""
        with writing(self._engine) as connection:
            for start in range(0, len(arrivals), _NAMED):
                part = case_events.c.arrival.in_(arrivals[start : start + _NAMED])
                done = sa.update(case_events).where(case_events.c.case_id == case_id, part)
                connection.execute(done.values(is_told=True))
            if refused:
                detail = {"events": list(refused)}
                say(connection, self._scenario, case_id, "case.label_refused", Act(MACHINE, at_us), detail)

    def finish(self, case_id: int, at_us: int) -> None:
        """A case whose labels are durable is closed; nothing happens where it is already."""
        origin, to = MOVES[CaseMove.FINISH]
        mine = sa.and_(cases.c.id == case_id, cases.c.state == origin.value)
        with writing(self._engine) as connection:
            closed = sa.update(cases).where(mine)
            closed = closed.values(
                state=to.value, closed_at_us=at_us, changed_at_us=at_us, version=cases.c.version + 1
            )
            if connection.execute(closed).rowcount:
                say(connection, self._scenario, case_id, "case.closed", Act(MACHINE, at_us), {})

    # ---------------------------------------------------------------- shared

    def _take(
        self,
        connection: Connection,
        case_id: int,
        seen: int,
        values: Mapping[str, Any],
        act: Act,
        move: CaseMove | None = None,
    ) -> None:
        """Take hold of a case as it was seen, for a move; the transaction's first statement."""
        mine = sa.and_(cases.c.id == case_id, cases.c.scenario == self._scenario, cases.c.version == seen)
        if move is not None:
            mine = sa.and_(mine, cases.c.state == MOVES[move][0].value)
        taken = sa.update(cases).where(mine)
        taken = taken.values(**values, version=cases.c.version + 1, changed_at_us=act.at_us)
        if connection.execute(taken).rowcount:
            return
        row = case_row(connection, self._scenario, case_id)
        if row.version == seen and move is not None:
            moved(CaseState(row.state), move)
        changes = _changes(connection, case_id, seen)
        actors = ", ".join(dict.fromkeys(change["actor"] for change in changes)) or "somebody"
        raise CaseChanged(
            f"Case {case_id} was changed by {actors}: it is version {row.version} now.",
            row.version,
            changes,
            hint="look at what changed, then send this with the new version",
        )

    def _set(self, connection: Connection, case_id: int, move: CaseMove, decided_at_us: int | None) -> None:
        stands = sa.update(cases).where(cases.c.id == case_id)
        try:
            connection.execute(stands.values(state=MOVES[move][1].value, decided_at_us=decided_at_us))
        except sa.exc.IntegrityError as error:
            raise Conflict(f"The entity of case {case_id} has just got another case.") from error

    def _refuse_second(self, connection: Connection, row: Row[Any]) -> None:
        """Refuse to open a case whose entity has another one."""
        query = sa.select(cases.c.id).where(
            cases.c.scenario == self._scenario,
            cases.c.entity == row.entity,
            cases.c.entity_key == row.entity_key,
            cases.c.state != CaseState.CLOSED.value,
            cases.c.id != row.id,
        )
        other = connection.execute(query).scalar()
        if other is not None and row.entity_key:
            hint = f"link case {row.id} to case {other}"
            raise Conflict(f"The entity of case {row.id} has the open case {other}.", hint=hint)


def _clear(connection: Connection, case_id: int, which: sa.ColumnElement[bool]) -> None:
    connection.execute(sa.delete(case_events).where(case_events.c.case_id == case_id, which))


def _changes(connection: Connection, case_id: int, seen: int) -> list[dict[str, Any]]:
    """What was done with a case behind a version, in order."""
    query = sa.select(activities).where(activities.c.case_id == case_id).order_by(activities.c.id)
    rows = [(row, decode(row.detail)) for row in connection.execute(query)]
    return [
        {"at": show_time(row.at_us), "actor": row.actor, "kind": row.kind, "detail": detail}
        for row, detail in rows
        if detail.get("version", 0) > seen
    ]
