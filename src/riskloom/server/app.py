"""The application: every route, errors as problem+json, and the hot route in front."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, FastAPI, Path, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from riskloom import __version__
from riskloom.errors import Fault, NotFound, ParameterInvalid, RiskloomError
from riskloom.server.alerts import api as alerts
from riskloom.server.cases import api as cases
from riskloom.server.cases import dossier_api as case_dossiers
from riskloom.server.cases import paper_api as case_papers
from riskloom.server.compat import first_system, predict, scoring
from riskloom.server.decisions import api as decisions
from riskloom.server.entities import api as entities
from riskloom.server.hot import HotRoute
from riskloom.server.kit import openapi
from riskloom.server.kit.http import MethodNotAllowed, problem_response
from riskloom.server.labels import api as labels
from riskloom.server.lineup import api as lineup
from riskloom.server.models import api as models
from riskloom.server.notices import api as notices
from riskloom.server.policy import api as policy
from riskloom.server.replays import api as replays
from riskloom.server.reports import api as reports
from riskloom.server.served import Served

PREFIXES = ("/api/v1", "/api/v1/scenarios/{scenario}")
"""Under the second, a path names the scenario it is about."""


def create_app(served: Served) -> HotRoute:
    """The ASGI application over a running server's parts."""
    app = FastAPI(
        title="Riskloom",
        version=__version__,
        description="Decides event by event whether it is suspicious, says why, with the evidence.",
        openapi_url=None,  # kit/openapi.py has these two, with a scope like every other route
        docs_url=None,
        redoc_url=None,
    )
    app.state.served = served
    for prefix, named in zip(PREFIXES, ([], [Depends(scenario_of_path)]), strict=True):
        for router in (
            decisions.router,
            labels.router,
            models.router,
            lineup.router,
            policy.router,
            notices.router,
            replays.router,
            reports.router,
            alerts.router,
            cases.router,
            case_papers.router,
            case_dossiers.router,
            entities.router,
        ):
            app.include_router(router, prefix=prefix, dependencies=named)
    for router in (models.health_router, scoring.router, first_system.router, predict.router, openapi.router):
        app.include_router(router)
    app.add_exception_handler(RiskloomError, _on_error)
    app.add_exception_handler(ClientDisconnect, _on_disconnect)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, _on_http)
    openapi.describe_events(app, [one.bundle.scenario for one in served.all])
    return HotRoute(app, served)


async def scenario_of_path(scenario: Annotated[str, Path(description="A scenario served here")]) -> None:
    """Only tells OpenAPI of the path's parameter; `runtime_of` finds the scenario once access is granted."""


async def _on_error(_request: Request, error: Exception) -> Response:
    if not isinstance(error, RiskloomError):
        raise error
    return problem_response(error)


async def _on_disconnect(_request: Request, _error: Exception) -> Response:
    """A client that left in the middle of its body; nobody reads the answer."""
    return Response(status_code=400)


async def _on_validation(_request: Request, error: Exception) -> Response:
    listed: Any = error.errors() if isinstance(error, RequestValidationError) else []
    faults = [
        Fault(".".join(str(step) for step in one["loc"]), one["msg"], repr(one.get("input"))[:60])
        for one in listed
    ]
    return problem_response(ParameterInvalid(faults))


async def _on_http(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    if error.status_code == 404:
        return problem_response(NotFound(f"There is no {request.url.path} here.", hint="see /docs"))
    if error.status_code == 405:
        response = problem_response(
            MethodNotAllowed(f"{request.url.path} has no {request.method}.", hint="see /docs")
        )
    else:
        response = problem_response(
            ParameterInvalid(Fault("request", "a request this server understands", error.detail))
        )
    response.headers.update(dict(error.headers or {}))
    return response
