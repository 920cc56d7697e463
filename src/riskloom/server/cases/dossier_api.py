"""The route of dossiers."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from riskloom.server.cases.api import READ, CaseId
from riskloom.server.kit.http import JSON, PROBLEMS, Query, actor_of, runtime_of

router = APIRouter(tags=["cases"], responses=PROBLEMS)
_FORMS = ("json", "html", "pdf")
_KINDS = {"json": JSON, "html": "text/html; charset=utf-8", "pdf": "application/pdf"}
_SAFE = {"x-content-type-options": "nosniff", "cache-control": "private, no-store"}


@router.get("/cases/{case_id}/dossier", dependencies=READ, summary="A case as a dossier")
async def dossier(request: Request, case_id: CaseId) -> Response:
    """All of it as `?format=` json (with its digest), html (one page, to read and print) or pdf (with the
    extra `pdf`)."""
    query = Query(request)
    form = query.choice("format", _FORMS) or _FORMS[0]
    query.finish()
    dossiers, actor = runtime_of(request).desk.dossiers, actor_of(request)
    make = {"json": dossiers.as_json, "html": dossiers.as_html, "pdf": dossiers.as_pdf}[form]
    headers = {**_SAFE, "content-disposition": f'inline; filename="case-{case_id}.{form}"'}
    return Response(await make(case_id, actor), 200, headers, _KINDS[form])
