"""What people did, and who they are."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from riskloom.errors import ParameterInvalid
from riskloom.server.activities import Activity, record
from riskloom.server.db import database_url, open_engine, upgrade, writing
from riskloom.server.kit.http import actor_of
from support.databases import Database


def asked(*headers: tuple[bytes, bytes]) -> Request:
    return Request({"type": "http", "headers": list(headers)})


def test_a_request_names_who_acts() -> None:
    assert actor_of(asked((b"x-riskloom-user", b"Ana Lima"))) == "Ana Lima"


def test_a_request_without_a_name_is_the_api() -> None:
    assert actor_of(asked()) == "api"


@pytest.mark.parametrize("name", [b"", b" ", b"a\x7f", b"x" * 65])
def test_a_name_that_is_none_is_refused(name: bytes) -> None:
    with pytest.raises(ParameterInvalid, match="1 to 64 printable characters"):
        actor_of(asked((b"x-riskloom-user", name)))


def test_acts_are_listed_in_their_order(database: Database) -> None:
    engine = open_engine(database_url(database.url))
    upgrade(engine)
    with writing(engine) as connection:
        record(connection, "cards", 5, "ana", Activity("alert.claimed", "u-1", 7))
        record(connection, "cards", 6, "ana", [Activity("case.noted", case_id=2, detail={"text": "é"})])
        record(connection, "cards", 7, "ana", [])
    found = database.rows(
        "select scenario, at_us, actor, kind, entity_key, alert_id, case_id, detail"
        " from activities order by id"
    )
    assert found == [
        ("cards", 5, "ana", "alert.claimed", "u-1", 7, None, "{}"),
        ("cards", 6, "ana", "case.noted", None, None, 2, '{"text":"é"}'),
    ]
    engine.dispose()
