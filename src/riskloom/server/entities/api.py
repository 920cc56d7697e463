"""Routes of entities and their links, version 1."""

from __future__ import annotations

import asyncio
import re

from fastapi import APIRouter, Request, Response

from riskloom.errors import show
from riskloom.graph.links import Component
from riskloom.server.entities.service import EntityService
from riskloom.server.kit.http import PROBLEMS, Query, answer, needs, runtime_of
from riskloom.server.security.access import Scope

router = APIRouter(tags=["entities"], responses=PROBLEMS)
READ = [needs(Scope.ENTITIES_READ)]
MOST_HOPS, MOST_NODES = 3, 500
_CURSOR = re.compile(r"[0-9]{1,18}")
_RING_CURSOR = re.compile(r"([0-9]{1,18}):([0-9]{1,18}):([0-9]{1,18})")


@router.get(
    "/entities/{entity}/{key:path}/history", dependencies=READ, summary="An entity's events, newest first"
)
async def history(request: Request, entity: str, key: str) -> Response:
    """Of any entity that the scenario declares, by its name (device) or its field's (device_id)."""
    query = Query(request)
    limit, cursor = query.integer("limit", 50, 1, 500), query.text("cursor")
    if cursor is not None and not _CURSOR.fullmatch(cursor):
        query.fault("cursor", "what 'next' of the page before says", show(cursor))
    query.finish()
    before = int(cursor) if cursor else None
    return answer(await asyncio.to_thread(_service(request).history, entity, key, limit, before))


@router.get("/entities/{entity}/{key:path}/graph", dependencies=READ, summary="Who an entity is linked with")
async def graph(request: Request, entity: str, key: str) -> Response:
    """Nodes and edges within `hops` (1 to 3), at most `limit` nodes (500), nearest and newest first.

    A hub, a node with more neighbours than the scenario allows to link, is shown and not passed through.
    `cut` says what is not shown.
    """
    query = Query(request)
    hops, most = query.integer("hops", 2, 1, MOST_HOPS), query.integer("limit", MOST_NODES, 1, MOST_NODES)
    query.finish()
    return answer(await asyncio.to_thread(_service(request).links, entity, key, hops, most))


@router.get("/entities/{entity}/{key:path}", dependencies=READ, summary="Everything about one entity")
async def entity(request: Request, entity: str, key: str) -> Response:
    """Counts, outcomes, what is usual, labels, links; its window features and lists as they are now."""
    service = _service(request)
    known = await asyncio.to_thread(service.get, entity, key)
    return answer({**known, **service.now(entity, key)})


@router.get("/graph/components", dependencies=READ, summary="Rings: people who share something")
async def components(request: Request) -> Response:
    """Components with at least `people` of the main entity (2), those with the most known frauds first."""
    query = Query(request)
    limit, people = query.integer("limit", 50, 1, 500), query.integer("people", 2, 1, 1_000_000)
    cursor = query.text("cursor")
    found = None if cursor is None else _RING_CURSOR.fullmatch(cursor)
    if cursor is not None and found is None:
        query.fault("cursor", "what 'next' of the page before says", show(cursor))
    query.finish()
    behind = None if found is None else Component(int(found[3]), 0, int(found[2]), 0, int(found[1]))
    return answer(await asyncio.to_thread(_service(request).components, limit, people, behind))


@router.get("/graph/components/{number}", dependencies=READ, summary="One ring with its members")
async def component(request: Request, number: int) -> Response:
    """By its number, or by one it had before it grew into another."""
    return answer(await asyncio.to_thread(_service(request).component, number))


def _service(request: Request) -> EntityService:
    return runtime_of(request).entities
