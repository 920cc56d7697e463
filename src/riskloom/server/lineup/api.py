"""Routes of the registry: versions, stages, and what shadows and canaries said beside the champion."""

from __future__ import annotations

import asyncio
import io
import tempfile
import zipfile
from pathlib import Path

from fastapi import APIRouter, Request, Response

from riskloom.bundle import read_bundle
from riskloom.errors import DataInvalid, Fault, NotFound, ParameterInvalid, show
from riskloom.registry import Registry, Version
from riskloom.registry.show import plain_moves, plain_version
from riskloom.server.kit.http import (
    PROBLEMS,
    Query,
    answer,
    needs,
    read_body,
    read_object,
    runtime_of,
    text_of,
)
from riskloom.server.lineup.follower import Follower
from riskloom.server.security.access import Scope

router = APIRouter(prefix="/models", tags=["registry"], responses=PROBLEMS)
LARGEST_BUNDLE = 1 << 28
READ, WRITE = [needs(Scope.MODELS_READ)], [needs(Scope.MODELS_WRITE)]


@router.get("/versions", dependencies=READ, summary="Every version and its stage")
async def versions(request: Request) -> Response:
    """Oldest first."""
    follower, name = _follower(request)
    found = await asyncio.to_thread(follower.registry.versions, name)
    return answer([plain_version(version) for version in found])


@router.post("/versions", dependencies=WRITE, summary="Publish a bundle")
async def publish(request: Request) -> Response:
    """The body is a zip of the bundle's folder; `?author=` and `?reason=` say who and why. It becomes a
    candidate; the same bundle again is the same version."""
    follower, name = _follower(request)
    query = Query(request)
    author, reason = query.text("author") or "api", query.text("reason") or ""
    query.finish()
    body = await read_body(request)
    version = await asyncio.to_thread(_publish, follower.registry, name, body, author, reason)
    return answer(plain_version(version), 201)


@router.get("/versions/{number}", dependencies=READ, summary="One version: files, figures, moves")
async def version(request: Request, number: int) -> Response:
    """What it consists of, its metrics, and how it moved."""
    follower, name = _follower(request)
    registry = follower.registry
    found = await asyncio.to_thread(registry.version, name, number)
    inventory = await asyncio.to_thread(registry.inventory, name, number)
    changes = await asyncio.to_thread(registry.history, name)
    return answer({**plain_version(found), "inventory": inventory, "history": plain_moves(changes, number)})


@router.get(
    "/versions/{number}/attachments/{name:path}", dependencies=READ, summary="A file published with a version"
)
async def attachment(request: Request, number: int, name: str) -> Response:
    """Say its report, by the name its inventory has it under; always as a file to be saved."""
    follower, scenario = _follower(request)
    content = await asyncio.to_thread(follower.registry.attachment, scenario, number, name)
    headers = {"Content-Disposition": "attachment", "X-Content-Type-Options": "nosniff"}
    return Response(content, media_type="application/octet-stream", headers=headers)


@router.get("/history", dependencies=READ, summary="Every change of stages, and the line-ups that decided")
async def history(request: Request) -> Response:
    """Who moved what, when and why."""
    follower, name = _follower(request)
    changes = await asyncio.to_thread(follower.registry.history, name)
    lineups = await asyncio.to_thread(runtime_of(request).lineups.history, 100)
    return answer({"changes": plain_moves(changes), "lineups": lineups})


@router.post("/versions/{number}/move", dependencies=WRITE, summary="Move a version to another stage")
async def move(request: Request, number: int) -> Response:
    """`{"to": "canary", "percent": 5, "reason": "...", "author": "..."}`; `to` may be any stage.

    At work when this answers, or `problem` says why not.
    """
    follower, name = _follower(request)
    said = await read_object(request, ("to", "percent", "reason", "author"))
    percent = said.get("percent")
    if percent is not None and (isinstance(percent, bool) or not isinstance(percent, (int, float))):
        raise ParameterInvalid(Fault("percent", "a number above 0 and below 100", show(percent)))
    moved = await asyncio.to_thread(
        follower.registry.move,
        name,
        number,
        text_of(said, "to"),
        text_of(said, "author", "api"),
        text_of(said, "reason"),
        percent,
    )
    await follower.refresh()
    return answer({**plain_version(moved), "problem": follower.problem})


@router.post("/rollback", dependencies=WRITE, summary="Bring the champion before this one back")
async def rollback(request: Request) -> Response:
    """`{"reason": "...", "author": "..."}`."""
    follower, name = _follower(request)
    said = await read_object(request, ("reason", "author"))
    back = await asyncio.to_thread(
        follower.registry.rollback, name, text_of(said, "author", "api"), text_of(said, "reason")
    )
    await follower.refresh()
    return answer({**plain_version(back), "problem": follower.problem})


@router.get("/versions/{number}/comparison", dependencies=READ, summary="A trial beside what was decided")
async def comparison(request: Request, number: int) -> Response:
    """Counts of (decided, tried) outcomes on the same events, since a moment (`?since=`)."""
    follower, name = _follower(request)
    query = Query(request)
    since_us = query.time_us("since") or 0
    query.finish()
    found = await asyncio.to_thread(follower.registry.version, name, number)
    pairs = await asyncio.to_thread(runtime_of(request).lineups.compare, found.fingerprint, since_us)
    total = sum(pair["count"] for pair in pairs)
    same = sum(pair["count"] for pair in pairs if pair["decided"] == pair["tried"])
    flags = {
        who: sum(pair["count"] for pair in pairs if pair[who] != "APPROVED") for who in ("decided", "tried")
    }
    return answer({**plain_version(found), "events": total, "agreed": same, "flagged": flags, "pairs": pairs})


def _follower(request: Request) -> tuple[Follower, str]:
    runtime = runtime_of(request)
    if runtime.follower is None:
        raise NotFound(
            "This server follows no registry.", hint="start it with --registry, or set RISKLOOM_MODELS"
        )
    return runtime.follower, runtime.bundle.scenario.name


def _publish(registry: Registry, name: str, body: bytes, author: str, reason: str) -> Version:
    with tempfile.TemporaryDirectory(prefix="riskloom-bundle-") as folder:
        bundle = read_bundle(_unzip(body, Path(folder)))
    if bundle.scenario.name != name:
        raise DataInvalid(Fault("bundle", f"one of {name}", f"one of {bundle.scenario.name}"))
    return registry.publish(bundle, author, reason)


def _unzip(body: bytes, folder: Path) -> Path:
    """Write the files of a zipped bundle, which `read_bundle` then checks; nothing outside the folder."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            if sum(entry.file_size for entry in entries) > LARGEST_BUNDLE:
                raise ValueError(f"it unpacks to more than {LARGEST_BUNDLE:,} bytes")
            root = next((e.filename for e in entries if e.filename.endswith("manifest.json")), "")
            prefix = root.removesuffix("manifest.json")
            (folder / "parts").mkdir()
            for entry in entries:
                name = entry.filename.removeprefix(prefix)
                if name == "manifest.json" or (name.startswith("parts/") and name.count("/") == 1):
                    target = folder / name
                    if target.parent in (folder, folder / "parts"):
                        target.write_bytes(archive.read(entry))
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError, ValueError) as error:
        raise DataInvalid(Fault("body", "a zip of a bundle's folder", str(error))) from error
    return folder
