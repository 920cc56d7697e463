"""OpenAPI: the event bodies made from the scenario's fields, with an example; and the pages that show it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.openapi.utils import get_openapi

from riskloom.domain.field import Field, FieldType
from riskloom.scenario.scenario import Scenario
from riskloom.server.compat import predict, scoring
from riskloom.server.kit.http import needs
from riskloom.server.security.access import Scope

_SHAPES: dict[FieldType, dict[str, Any]] = {
    FieldType.STRING: {"type": "string", "maxLength": 256},
    FieldType.CATEGORY: {"type": "string", "maxLength": 256},
    FieldType.INTEGER: {"type": "integer"},
    FieldType.NUMBER: {"type": "number"},
    FieldType.MONEY: {"oneOf": [{"type": "number"}, {"type": "string"}]},
    FieldType.BOOLEAN: {"type": "boolean"},
    FieldType.TIME: {"type": "string", "format": "date-time"},
    FieldType.CLOCK: {"type": "string", "pattern": r"^\d\d:\d\d$"},
    FieldType.IP: {"type": "string", "format": "ip"},
    FieldType.LATITUDE: {"type": "number", "minimum": -90, "maximum": 90},
    FieldType.LONGITUDE: {"type": "number", "minimum": -180, "maximum": 180},
}
_EXAMPLES: dict[FieldType, Any] = {
    FieldType.INTEGER: 3,
    FieldType.NUMBER: 0.5,
    FieldType.MONEY: 129.99,
    FieldType.BOOLEAN: False,
    FieldType.TIME: "2026-01-31T12:00:00Z",
    FieldType.CLOCK: "23:45",
    FieldType.IP: "203.0.113.7",
    FieldType.LATITUDE: 51.5072,
    FieldType.LONGITUDE: -0.1276,
}
_WORDS = {"currency": "EUR", "channel": "online", "merchant_category": "electronics"}
_SINGLE = ("/score", "/events")
_MANY = ("/score/batch", "/events/batch")
_NAMED = "/api/v1/scenarios/{scenario}"

router = APIRouter(include_in_schema=False, dependencies=[needs(Scope.PUBLIC)])


@router.get("/openapi.json")
async def openapi_json(request: Request) -> dict[str, Any]:
    """The description of this API."""
    app: FastAPI = request.app
    return app.openapi()


@router.get("/docs")
async def docs(request: Request) -> Response:
    """The same to read and try out."""
    return get_swagger_ui_html(openapi_url="openapi.json", title=f"{request.app.title} API")


def describe_events(app: FastAPI, scenarios: Sequence[Scenario]) -> None:
    """Give the application's OpenAPI the bodies of these scenarios; the first is that of plain paths."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(
                title=app.title, version=app.version, description=app.description, routes=app.routes
            )
            events = {f"Event_{scenario.name}": event_schema(scenario) for scenario in scenarios}
            event = next(iter(events.values()))
            schema.setdefault("components", {}).setdefault("schemas", {}).update({"Event": event, **events})
            first = {"$ref": "#/components/schemas/Event"}
            some = {"oneOf": [{"$ref": f"#/components/schemas/{name}"} for name in events]}
            for prefix, one in (("/api/v1", first), (_NAMED, some)):
                for path in _SINGLE:
                    schema["paths"][prefix + path]["post"]["requestBody"] = _body(one, event["example"])
                for path in _MANY:
                    body = _body(_many(one), {"events": [event["example"]]})
                    body["content"]["application/x-ndjson"] = {"schema": {"type": "string"}}
                    schema["paths"][prefix + path]["post"]["requestBody"] = body
            for path in ("/score", "/ingest"):
                schema["paths"][path]["post"]["requestBody"] = _body(first, event["example"])
            scoring.describe(schema["paths"], _body)
            predict.describe(schema["paths"], _body)
            named = {
                "type": "object",
                "properties": {"event_id": {"type": "string"}},
                "required": ["event_id"],
            }
            schema["paths"]["/score-by-event-id"]["post"]["requestBody"] = _body(named, {"event_id": "tx-1"})
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def event_schema(scenario: Scenario) -> dict[str, Any]:
    """The JSON Schema of one event."""
    made = {scenario.id_field, scenario.time_field}
    return {
        "type": "object",
        "properties": {field.name: _property(field) for field in scenario.fields},
        "required": [field.name for field in scenario.fields if field.required and field.name not in made],
        "additionalProperties": scenario.ignore_unknown,
        "example": {field.name: _example(field) for field in scenario.fields},
    }


def _many(one: dict[str, Any]) -> dict[str, Any]:
    listed = {"type": "array", "items": one, "maxItems": 10_000}
    return {"type": "object", "properties": {"events": listed}}


def _property(field: Field) -> dict[str, Any]:
    shape = dict(_SHAPES[field.type])
    if field.values:
        shape["enum"] = list(field.values)
    return shape


def _example(field: Field) -> Any:
    if field.values:
        return field.values[0]
    return _EXAMPLES.get(field.type, _WORDS.get(field.name, f"{field.name.removesuffix('_id')}-1"))


def _body(schema: dict[str, Any], example: Any) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": schema, "example": example}}}
