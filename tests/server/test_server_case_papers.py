"""What people put into a case: notes and their versions, files, links, tasks; and its timeline."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest

from riskloom.bundle import Bundle
from riskloom.clock import FixedClock
from support.cases import ask, case_bundle, closed, done, opened, raised
from support.databases import Database
from support.events import NOW_US
from support.server import Server, faults, problem, serving

PNG = b"\x89PNG\r\n\x1a\n and what a picture holds"


@pytest.fixture(scope="module")
def desk_bundle() -> Bundle:
    """Payments whose cases above 5,000 take two people."""
    return case_bundle()


@pytest.fixture
def desk(database: Database, desk_bundle: Bundle) -> Iterator[Server]:
    """A server with an open case, number 1."""
    with serving(database, desk_bundle, clock=FixedClock(NOW_US), max_body_bytes=20_000) as server:
        assert opened(server, 1)["case_id"] == 1
        yield server


def upload(desk: Server, content: bytes, name: str, media_type: str = "image/png") -> Any:
    """A file for case 1."""
    headers = {"Content-Type": media_type}
    return ask(desk, "POST", "/1/files", params={"name": name}, content=content, headers=headers)


def test_a_note_that_is_edited_keeps_what_it_was(desk: Server) -> None:
    note = done(ask(desk, "POST", "/1/notes", {"text": "The customer was abroad.\nSays so."}), 201)
    assert (note["note"], note["version"], note["author"]) == (1, 1, "ana")
    done(ask(desk, "POST", "/1/notes", {"text": "second"}), 201)
    edited = done(ask(desk, "PUT", "/1/notes/1", {"text": "was at home", "version": 1}, user="bob"))
    assert (edited["version"], edited["author"], edited["text"]) == (2, "bob", "was at home")
    assert [one["text"] for one in edited["earlier"]] == ["The customer was abroad.\nSays so."]
    refused = problem(ask(desk, "PUT", "/1/notes/1", {"text": "x", "version": 1}), 409, "conflict")
    assert "bob has edited note 1" in refused["detail"]
    problem(ask(desk, "PUT", "/1/notes/9", {"text": "x", "version": 1}), 404, "not_found")
    problem(ask(desk, "POST", "/9/notes", {"text": "x"}), 404, "not_found")
    assert [one["note"] for one in done(ask(desk, "GET", "/1"))["notes"]] == [1, 2]
    assert done(ask(desk, "GET", "/1"))["version"] == 1, "papers do not get into anybody's way"


def test_notes_of_many_at_once_get_numbers_of_their_own(desk: Server) -> None:
    requests = [("POST", "/api/v1/cases/1/notes", {"json": {"text": f"note {n}"}}) for n in range(8)]
    notes = [answer.json()["note"] for answer in desk.together(requests)]
    assert sorted(notes) == list(range(1, 9))


def test_a_file_comes_back_as_it_was_sent_and_no_browser_runs_it(desk: Server) -> None:
    file = done(upload(desk, PNG, "Beleg für März.png"), 201)
    assert file["sha256"] == hashlib.sha256(PNG).hexdigest()
    assert (file["size"], file["media_type"]) == (len(PNG), "image/png")
    assert done(upload(desk, PNG, "Beleg für März.png"), 200) == file, "the same again is there once"
    assert done(upload(desk, PNG, "copy.png"), 201)["sha256"] == file["sha256"]
    answer = ask(desk, "GET", f"/1/files/{file['file_id']}")
    assert (answer.status_code, answer.content) == (200, PNG)
    headers = answer.headers
    assert headers["content-type"] == "image/png"
    assert headers["content-disposition"].startswith('attachment; filename="file-1"; ')
    assert "Beleg%20f%C3%BCr%20M%C3%A4rz.png" in headers["content-disposition"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "default-src 'none'; sandbox"
    kept = [path for path in (desk.database.data_dir / "files").rglob("*") if path.is_file()]
    assert [path.name for path in kept] == [file["sha256"]]


def test_a_file_of_another_case_is_not_found(desk: Server) -> None:
    file = done(upload(desk, PNG, "a.png"), 201)
    other = opened(desk, 2, user="bob")["case_id"]
    problem(ask(desk, "GET", f"/{other}/files/{file['file_id']}"), 404, "not_found")
    problem(ask(desk, "GET", "/1/files/77"), 404, "not_found")


def test_a_file_that_was_damaged_on_disk_is_not_given_out(desk: Server) -> None:
    file = done(upload(desk, PNG, "a.png"), 201)
    path = desk.database.data_dir / "files" / file["sha256"][:2] / file["sha256"]
    path.write_bytes(PNG + b"!")
    problem(ask(desk, "GET", f"/1/files/{file['file_id']}"), 503, "store_unavailable")
    path.unlink()
    problem(ask(desk, "GET", f"/1/files/{file['file_id']}"), 404, "not_found")
    done(upload(desk, PNG, "a.png"), 200)
    assert ask(desk, "GET", f"/1/files/{file['file_id']}").content == PNG


@pytest.mark.parametrize(
    "name",
    ["../x.png", "a/b.png", "a\\b.png", ".hidden", "..", "x\u202egnp.exe", "a\tb", "c:x", " x", "n" * 201],
)
def test_a_name_that_is_a_path_or_turns_writing_round_is_refused(desk: Server, name: str) -> None:
    assert set(faults(upload(desk, PNG, name), "parameter_invalid")) == {"name"}
    assert not (desk.database.data_dir / "files").exists()


@pytest.mark.parametrize(
    ("media_type", "content", "where"),
    [
        ("text/html", b"<script>", "content-type"),
        ("image/svg+xml", b"<svg/>", "content-type"),
        ("", b"x", "content-type"),
        ("image/png", b"<html>", "body"),
        ("application/pdf", PNG, "body"),
        ("text/plain", b"\xff\xfe", "body"),
        ("text/plain", b"", "body"),
        ("application/json", b"{", "body"),
    ],
)
def test_a_file_that_is_not_what_it_says_is_refused(
    desk: Server, media_type: str, content: bytes, where: str
) -> None:
    assert set(faults(upload(desk, content, "a.bin", media_type), "parameter_invalid")) == {where}
    assert done(ask(desk, "GET", "/1"))["files"] == []


def test_a_file_larger_than_a_body_may_be_is_refused(desk: Server) -> None:
    problem(upload(desk, PNG + b"x" * 20_000, "a.png"), 413, "body_too_large")


def test_a_link_is_seen_from_both_sides(desk: Server) -> None:
    other = opened(desk, 2, user="bob")["case_id"]
    links = done(ask(desk, "POST", "/1/links", {"case": other, "kind": "causes"}), 201)["links"]
    assert [(one["case_id"], one["kind"], one["entity_key"]) for one in links] == [(other, "causes", "bob")]
    back = done(ask(desk, "GET", f"/{other}"))["links"]
    assert [(one["case_id"], one["kind"]) for one in back] == [(1, "caused_by")]
    done(ask(desk, "POST", f"/{other}/links", {"case": 1, "kind": "caused_by"}), 200)
    problem(ask(desk, "POST", "/1/links", {"case": 99, "kind": "related"}), 404, "not_found")
    faults(ask(desk, "POST", "/1/links", {"case": 1, "kind": "related"}), "parameter_invalid")
    assert "kind" in faults(ask(desk, "POST", "/1/links", {"case": other, "kind": "x"}), "parameter_invalid")
    problem(ask(desk, "DELETE", f"/1/links/{other}?kind=related"), 404, "not_found")
    assert done(ask(desk, "DELETE", f"/{other}/links/1?kind=caused_by"))["links"] == []
    assert done(ask(desk, "GET", "/1"))["links"] == []


def test_a_task_is_done_once_and_by_whom_is_known(desk: Server) -> None:
    due = "2025-12-31T12:00:00Z"
    task = done(ask(desk, "POST", "/1/tasks", {"title": "call the customer", "due": due}), 201)
    assert (task["due"], task["done_by"]) == (due, None)
    done(ask(desk, "POST", "/1/tasks", {"title": "ask the shop"}), 201)
    assert done(ask(desk, "GET", "/counts"))["tasks"] == {"open": 2, "overdue": 1}
    path = f"/1/tasks/{task['task_id']}"
    assert done(ask(desk, "PUT", path, {"done": True}, user="bob"))["done_by"] == "bob"
    assert done(ask(desk, "PUT", path, {"done": True}))["done_by"] == "bob"
    assert done(ask(desk, "PUT", path, {"done": False}))["done_by"] is None
    problem(ask(desk, "PUT", "/1/tasks/9", {"done": True}), 404, "not_found")
    found = faults(ask(desk, "POST", "/1/tasks", {"title": "", "due": "tomorrow"}), "parameter_invalid")
    assert set(found) == {"title", "due"}


def test_the_timeline_has_everything_page_by_page_and_once(desk: Server) -> None:
    raised(desk, 2)
    done(ask(desk, "POST", "/1/notes", {"text": "first thought"}))
    done(ask(desk, "PUT", "/1/notes/1", {"text": "second thought", "version": 1}))
    done(upload(desk, PNG, "a.png"), 201)
    done(ask(desk, "POST", "/1/tasks", {"title": "call"}))
    done(ask(desk, "PUT", "/1/tasks/1", {"done": True}, user="bob"))
    other = opened(desk, 3, user="bob")["case_id"]
    done(ask(desk, "POST", "/1/links", {"case": other, "kind": "related"}))
    entry = {"value": "ann", "reason": "stolen", "author": "ana"}
    assert desk.post("/api/v1/lists/stolen", [entry, {**entry, "value": "bob"}]).status_code == 201
    assert desk.request("DELETE", "/api/v1/lists/stolen", params=entry).status_code == 200
    case = done(ask(desk, "GET", "/1"))
    done(ask(desk, "PATCH", "/1", {"assignee": "ana", "version": case["version"]}))
    closed(desk, done(ask(desk, "GET", "/1")))
    whole = done(ask(desk, "GET", "/1/timeline?limit=500"))
    assert whole["next"] is None
    pages: list[dict[str, Any]] = []
    cursor = ""
    while cursor is not None:
        page = done(ask(desk, "GET", f"/1/timeline?limit=3{cursor and f'&cursor={cursor}'}"))
        pages += page["items"]
        cursor = page["next"]
    assert pages == whole["items"]
    assert [one["at"] for one in pages] == sorted((one["at"] for one in pages), reverse=True)
    kinds = [one["kind"] for one in pages]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "alert": 2,
        "event": 2,
        "label": 2,
        "list": 2,
        "case.opened": 1,
        "case.joined": 1,
        "case.noted": 1,
        "case.note_edited": 1,
        "case.file_added": 1,
        "case.task_added": 1,
        "case.task_done": 1,
        "case.linked": 1,
        "case.changed": 1,
        "case.close": 1,
        "case.closed": 1,
        "alert.resolved": 2,
    }
    by_kind = {one["kind"]: one for one in pages}
    assert by_kind["case.noted"]["detail"]["text"] == "first thought"
    assert by_kind["event"]["detail"]["reasons"][0]["message"] == "200 is a lot"
    assert by_kind["case.task_done"]["actor"] == "bob"
    assert "cursor" in faults(ask(desk, "GET", "/1/timeline?cursor=1:9:1"), "parameter_invalid")
