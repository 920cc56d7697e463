"""Routes of what people put into a case: notes, files, links, tasks."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path, Request, Response

from riskloom.domain.case import LinkKind
from riskloom.errors import Fault, ParameterInvalid
from riskloom.server.cases.api import READ, WRITE, CaseId
from riskloom.server.cases.papers import PaperService
from riskloom.server.kit.body import Body
from riskloom.server.kit.http import (
    PROBLEMS,
    Query,
    actor_of,
    answer,
    read_body,
    read_object,
    runtime_of,
)

router = APIRouter(tags=["cases"], responses=PROBLEMS)
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
LONGEST_NOTE, LONGEST_TITLE = 20_000, 200
_KINDS = tuple(kind.value for kind in LinkKind)
_SAFE = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
    "cache-control": "private, no-store",
    "cross-origin-resource-policy": "same-origin",
}


@router.post("/cases/{case_id}/notes", dependencies=WRITE, summary="Add a note")
async def add_note(request: Request, case_id: CaseId) -> Response:
    """`{"text": "..."}`."""
    body = Body(await read_object(request, ("text",)))
    text = body.text("text", LONGEST_NOTE)
    body.finish()
    return answer(await _service(request).add_note(case_id, text, actor_of(request)), 201)


@router.put("/cases/{case_id}/notes/{note}", dependencies=WRITE, summary="Edit a note")
async def edit_note(request: Request, case_id: CaseId, note: Number) -> Response:
    """`{"text": "...", "version": 1}`: a new version; those before it stay."""
    body = Body(await read_object(request, ("text", "version")))
    text, seen = body.text("text", LONGEST_NOTE), body.version(request)
    body.finish()
    return answer(await _service(request).edit_note(case_id, note, seen, text, actor_of(request)))


@router.post("/cases/{case_id}/files", dependencies=WRITE, summary="Add a file")
async def add_file(request: Request, case_id: CaseId) -> Response:
    """The file is the body, its kind the Content-Type, its name `?name=`. It is kept under its SHA-256; the
    same file again changes nothing."""
    query = Query(request)
    name = query.text("name")
    if name is None:
        query.fault("name", "the name of the file", "nothing")
    query.finish()
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    content = await read_body(request)
    file, is_new = await _service(request).add_file(
        case_id, name or "", media_type, content, actor_of(request)
    )
    return answer(file, 201 if is_new else 200)


@router.get("/cases/{case_id}/files/{file_id}", dependencies=READ, summary="A file, as it was sent")
async def get_file(request: Request, case_id: CaseId, file_id: Number) -> Response:
    """To be saved, not shown: no browser runs anything in it."""
    file, content = await _service(request).file(case_id, file_id)
    named = f"attachment; filename=\"file-{file_id}\"; filename*=UTF-8''{quote(file['name'], safe='')}"
    headers = {**_SAFE, "content-disposition": named, "etag": f'"{file["sha256"]}"'}
    return Response(content, 200, headers, file["media_type"])


@router.post("/cases/{case_id}/links", dependencies=WRITE, summary="Link a case to another")
async def link(request: Request, case_id: CaseId) -> Response:
    """`{"case": 4, "kind": "related"}`; the other case shows it from its side."""
    body = Body(await read_object(request, ("case", "kind")))
    other_id, kind = body.integer("case"), LinkKind(body.choice("kind", _KINDS))
    body.finish()
    links, is_new = await _service(request).link(case_id, other_id, kind, actor_of(request))
    return answer({"links": links}, 201 if is_new else 200)


@router.delete("/cases/{case_id}/links/{other_id}", dependencies=WRITE, summary="Take a link away")
async def unlink(request: Request, case_id: CaseId, other_id: Number) -> Response:
    """`?kind=related`."""
    query = Query(request)
    kind = query.choice("kind", _KINDS)
    query.finish()
    if kind is None:
        raise ParameterInvalid(Fault("kind", f"one of {', '.join(_KINDS)}", "nothing"))
    service = _service(request)
    return answer({"links": await service.unlink(case_id, other_id, LinkKind(kind), actor_of(request))})


@router.post("/cases/{case_id}/tasks", dependencies=WRITE, summary="Add a task")
async def add_task(request: Request, case_id: CaseId) -> Response:
    """`{"title": "call the customer", "due": "2026-03-01T12:00:00Z"}`."""
    body = Body(await read_object(request, ("title", "due")))
    title, due_us = body.text("title", LONGEST_TITLE), body.time_us("due")
    body.finish()
    return answer(await _service(request).add_task(case_id, title, due_us, actor_of(request)), 201)


@router.put("/cases/{case_id}/tasks/{task_id}", dependencies=WRITE, summary="A task is done, or is not")
async def do_task(request: Request, case_id: CaseId, task_id: Number) -> Response:
    """`{"done": true}`; who did it first stays."""
    body = Body(await read_object(request, ("done",)))
    is_done = body.flag("done", True)
    body.finish()
    return answer(await _service(request).do_task(case_id, task_id, is_done, actor_of(request)))


def _service(request: Request) -> PaperService:
    return runtime_of(request).desk.papers
