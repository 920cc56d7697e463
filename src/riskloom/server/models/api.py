"""Routes of models and of the scenario they serve, version 1."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request, Response

from riskloom.server.kit.http import PROBLEMS, Query, answer, needs, runtime_of, served_of
from riskloom.server.security.access import Scope

router = APIRouter(tags=["models"], responses=PROBLEMS)
health_router = APIRouter(prefix="/api/v1", tags=["health"], responses=PROBLEMS)


@router.get(
    "/models", dependencies=[needs(Scope.MODELS_READ)], summary="The model at work and every training"
)
async def models(request: Request) -> Response:
    """`current` is null before there is any: then rules alone decide, and answers say degraded: no_model.

    `versions` is the line-up at work where the server follows a registry, `problem` why it is not the newest.
    """
    service = runtime_of(request).models
    runtime = runtime_of(request)
    return answer(
        {
            "current": service.current(),
            "versions": runtime.lineups.versions(runtime.engine.casting.number),
            "problem": None if runtime.follower is None else runtime.follower.problem,
            "runs": await asyncio.to_thread(service.runs),
        }
    )


@router.post("/models/retrain", dependencies=[needs(Scope.MODELS_WRITE)], summary="Train on stored vectors")
async def retrain(request: Request) -> Response:
    """Runs in a child process while scoring goes on; 202 with a job when it takes longer than the server
    waits."""
    query = Query(request)
    percentile = query.number("percentile", 0, 100)
    query.finish()
    job = await runtime_of(request).models.retrain(percentile)
    return answer(job, 202 if job["status"] == "running" else 200)


@router.get("/models/jobs/{job_id}", dependencies=[needs(Scope.MODELS_READ)], summary="How a training goes")
async def job(request: Request, job_id: str) -> Response:
    """running, done or failed."""
    return answer(runtime_of(request).models.job(job_id))


@router.get(
    "/models/quality", dependencies=[needs(Scope.MODELS_READ)], summary="How a bundle did on labelled events"
)
async def quality(request: Request) -> Response:
    """Of `?bundle=`, a fingerprint; the one at work when not given: what it flagged and caught, how its risk
    score ranks, whether its probabilities mean what they say. Of a shadow, by what it said beside."""
    query = Query(request)
    bundle = query.text("bundle") or runtime_of(request).bundle.fingerprint
    query.finish()
    return answer(await asyncio.to_thread(runtime_of(request).models.quality, bundle))


@router.get("/scenario", dependencies=[needs(Scope.MODELS_READ)], summary="What this server decides about")
async def scenario(request: Request) -> Response:
    """Fields, features, rules and policy of the bundle at work."""
    return answer(runtime_of(request).describe())


@health_router.get("/health", dependencies=[needs(Scope.PUBLIC)], summary="Alive")
async def health(request: Request) -> Response:
    """Always 200 while the process answers."""
    return answer(served_of(request).health())


@health_router.get("/readiness", dependencies=[needs(Scope.PUBLIC)], summary="Takes events")
async def readiness(request: Request) -> Response:
    """200 when events are taken, else 503 with the reason."""
    unready = served_of(request).unready
    return answer({"ready": unready is None, "reason": unready}, 200 if unready is None else 503)
