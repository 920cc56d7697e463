"""Dossiers: all of a case as JSON with its digest, as a page that runs nothing, and as PDF."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from riskloom.clock import FixedClock
from support.cases import HOUR_US, ask, case_bundle, closed, done, large, opened, raised
from support.databases import Database
from support.events import NOW_US
from support.server import Server, problem, serving

EVIL = '<script>alert(1)</script> Имя 中 & "q"'


@pytest.fixture(scope="module")
def desk(make_database: Callable[[str], Database]) -> Iterator[Server]:
    """A server with a closed case that has some of everything."""
    with serving(make_database("sqlite"), case_bundle(), clock=FixedClock(NOW_US)) as server:
        for number in range(1, 5):
            server.score(large(number, merchant_id=f"<m-{number}>"))
        raised(server, 5)
        opened(server, 6, user="bob")
        case = done(ask(server, "POST", "", {"alert": 1}))
        done(ask(server, "POST", "/2/notes", {"text": EVIL}))
        done(ask(server, "PUT", "/2/notes/1", {"text": f"{EVIL} again", "version": 1}))
        headers = {"Content-Type": "text/plain"}
        done(ask(server, "POST", "/2/files", params={"name": "März.txt"}, content=b"x", headers=headers))
        done(ask(server, "POST", "/2/tasks", {"title": "call <them>"}))
        done(ask(server, "POST", "/2/links", {"case": 1, "kind": "part_of"}))
        closed(server, case, reason=EVIL)
        yield server


def dossier(desk: Server, form: str, user: str = "ana") -> bytes:
    """The dossier of case 2."""
    answer = ask(desk, "GET", f"/2/dossier?format={form}", user=user)
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    return answer.content


def test_the_json_is_whole_and_its_digest_is_that_of_its_text(desk: Server) -> None:
    made = json.loads(dossier(desk, "json"))
    inside: dict[str, Any] = made["dossier"]
    canonical = msgspec.json.encode(msgspec.json.decode(msgspec.json.encode(inside)), order="sorted")
    assert made["digest"] == f"sha256:{hashlib.sha256(canonical).hexdigest()}"
    assert (made["format"], made["made_by"]) == ("riskloom-dossier-1", "ana")
    case = inside["case"]
    assert [one["text"] for one in case["notes"][0]["earlier"]] == [EVIL]
    assert (case["files"][0]["name"], case["links"][0]["kind"]) == ("März.txt", "part_of")
    assert [one["event_id"] for one in inside["events"]] == ["p-1", "p-2", "p-3", "p-4", "p-5"]
    (spent,) = [one for one in inside["events"][3]["reasons"] if one["code"] == "SPENT"]
    assert spent["message"] == "600 spent within an hour"
    assert set(spent["evidence"]) == {"p-1", "p-2", "p-3"} <= {one["event_id"] for one in inside["evidence"]}
    assert sum(one["kind"] == "label" for one in inside["timeline"]) == 5
    assert inside["timeline"][0]["kind"] == "alert"


def test_the_same_case_has_the_same_digest_whenever_and_for_whom_it_is_made(desk: Server) -> None:
    first = json.loads(dossier(desk, "json"))
    assert isinstance(desk.clock, FixedClock)
    desk.clock.time_us += HOUR_US
    later = json.loads(dossier(desk, "json", user="bob"))
    assert (later["digest"], later["dossier"]) == (first["digest"], first["dossier"])
    assert later["made_at"] > first["made_at"]
    assert first["digest"] in dossier(desk, "html").decode()


def test_the_page_shows_everything_and_runs_nothing(desk: Server) -> None:
    page = dossier(desk, "html").decode()
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; Имя 中 &amp; &quot;q&quot; again" in page
    assert "&lt;m-2&gt;" in page
    for shown in ("600 spent within an hour", "confirmed fraud", "call &lt;them&gt;", "März.txt", "part of"):
        assert shown in page
    assert "Content-Security-Policy" in page
    assert "http" not in page.replace("http-equiv", "")
    assert page == dossier(desk, "html").decode()


def test_the_pdf_shows_what_its_font_can_and_names_the_rest(desk: Server) -> None:
    pytest.importorskip("reportlab")
    content = dossier(desk, "pdf")
    assert content.startswith(b"%PDF-")
    assert content.rstrip().endswith(b"%%EOF")
    assert content == dossier(desk, "pdf")
    from riskloom.server.cases.pdf_paper import Paper

    paper = Paper("x")
    assert paper._shown("a\u0085b\n c") == "a b c"
    assert paper._shown("Müller 中") == "Müller [U+4E2D]"


def test_a_pdf_without_its_library_says_what_to_install(
    desk: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "riskloom.server.cases.pdf_paper", None)
    refused = problem(ask(desk, "GET", "/2/dossier?format=pdf"), 501, "extra_missing")
    assert "riskloom[pdf]" in refused["hint"]


def test_a_case_that_is_not_there_and_a_form_that_is_none_are_refused(desk: Server) -> None:
    problem(ask(desk, "GET", "/99/dossier"), 404, "not_found")
    problem(ask(desk, "GET", "/2/dossier?format=docx"), 422, "parameter_invalid")
