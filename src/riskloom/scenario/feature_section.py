"""Reads the `features` section: window aggregates, then expressions over fields and features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from riskloom.domain.duration import DAY_US
from riskloom.domain.field import Field, FieldType
from riskloom.errors import Fault, nearest, show
from riskloom.expression.tree import Type
from riskloom.features.spec import (
    AGGREGATES,
    LARGEST_HUB,
    LINKED,
    Column,
    WindowFeature,
    check_features,
)
from riskloom.graph.spec import HUB
from riskloom.scenario.document import Document, Path
from riskloom.scenario.event_section import NAME_HINT, is_name
from riskloom.scenario.expressions import read_expression
from riskloom.scenario.scenario import Feature, expression_type

_KEYS = (
    "name", "describe", "entity", "aggregate", "of", "window", "delay", "include_current", "expression",
    "category", "hub",
)  # fmt: skip
_LONGEST_US = 90 * DAY_US
_SHORTEST_US = 1_000_000
_KINDS = "aggregate, an expression or a category"
_Written = tuple[str, object, str, Path, str]
_NUMERIC = (FieldType.INTEGER, FieldType.NUMBER, FieldType.MONEY, FieldType.CLOCK)


def read_features(
    document: Document, fields: tuple[Field, ...], entities: Mapping[str, str], timezone: str
) -> tuple[Feature, ...]:
    """The feature vector: windows in declared order, then expressions in declared order."""
    listed = document.items(document.data.get("features"), ("features",))
    by_field = {field.name: field for field in fields}
    windows: list[Feature] = []
    written: list[_Written] = []
    taken: set[str] = set()
    for at, given in enumerate(listed):
        path: Path = ("features", at)
        spec = document.mapping(given, path, _KEYS)
        name = document.text(spec, "name", path)
        if name and not is_name(name):
            document.fault((*path, "name"), "a name", show(name), NAME_HINT)
        if name in taken or name in by_field:
            document.fault((*path, "name"), "a name of its own", f"{name!r} twice")
        taken.add(name)
        describe = document.text(spec, "describe", path, "")
        if "expression" in spec or "category" in spec:
            kind = "expression" if "expression" in spec else "category"
            for key in sorted(set(spec) - {"name", "describe", kind}):
                document.fault((*path, key), f"an {_KINDS}: one of them", show(key))
            category = _read_category(document, spec, path, by_field) if kind == "category" else ""
            text = f"code({category})" if kind == "category" else spec["expression"]
            written.append((name, text, describe, path, category))
        else:
            window = _read_window(document, spec, path, name, by_field, entities)
            windows.append(Feature(name, describe, window=window))
    types = {field.name: expression_type(field) for field in fields}
    types |= {feature.name: Type.NUMBER for feature in windows}
    return (*windows, *_read_expressions(document, written, types, timezone))


def _read_expressions(
    document: Document, written: list[_Written], types: dict[str, Type], timezone: str
) -> list[Feature]:
    features = []
    for name, text, describe, path, category in written:
        expression = read_expression(document, text, (*path, "expression"), types, timezone)
        if expression is not None:
            if expression.type not in (Type.NUMBER, Type.BOOLEAN):
                document.fault((*path, "expression"), "a number or a condition", f"a {expression.type.value}")
            features.append(Feature(name, describe, expression=expression, category=category))
            types[name] = Type.BOOLEAN if expression.type is Type.BOOLEAN else Type.NUMBER
        else:
            types[name] = Type.NUMBER
    return features


def _read_category(document: Document, spec: dict[str, Any], path: Path, fields: Mapping[str, Field]) -> str:
    """The text field whose codes a feature holds."""
    texts = tuple(name for name, field in fields.items() if field.type.is_text)
    if not texts:
        document.fault((*path, "category"), "a text field in the event section", "none declared")
        return ""
    return document.choice(spec, "category", path, texts)


def _read_window(
    document: Document,
    spec: dict[str, Any],
    path: Path,
    name: str,
    fields: Mapping[str, Field],
    entities: Mapping[str, str],
) -> WindowFeature:
    aggregate = document.choice(spec, "aggregate", path, AGGREGATES, None)
    entity = document.choice(spec, "entity", path, entities, None) if entities else ""
    if not entities:
        document.fault((*path, "entity"), "a field with an entity in the event section", "none declared")
    given = spec.get("of", [])
    of = tuple(str(item) for item in (given if isinstance(given, list) else [given]))
    unknown = [item for item in of if item not in fields]
    for item in unknown:
        document.fault((*path, "of"), "a declared field", show(item), nearest(item, fields))
    if not unknown and spec.get("aggregate") in tuple(AGGREGATES):
        _check_of(document, path, aggregate, [fields[item] for item in of])
    window_us = document.duration(spec, "window", path, "90d")
    delay_us = document.duration(spec, "delay", path, "0s") if "delay" in spec else 0
    if not _SHORTEST_US <= window_us <= _LONGEST_US:
        document.fault((*path, "window"), "a window from 1s to 90d", show(spec.get("window")))
    include = document.flag(spec, "include_current", path, False)
    if include and (delay_us or aggregate not in _INCLUDING):
        document.fault(
            (*path, "include_current"),
            f"it only for {', '.join(_INCLUDING)} without a delay",
            show(aggregate),
        )
    hub = _read_hub(document, spec, path, aggregate)
    return WindowFeature(name, entities.get(entity, ""), aggregate, of, window_us, delay_us, include, hub)


_INCLUDING = ("count", "sum", "mean", "std", "min", "max", "distinct", *LINKED)


def _read_hub(document: Document, spec: dict[str, Any], path: Path, aggregate: str) -> int:
    """From how many neighbours on a value links nobody; only who is linked has hubs, and no window."""
    is_linked = aggregate in LINKED
    for key in ("window", "delay") if is_linked else ("hub",):
        if key in spec:
            wanted = "it not for" if is_linked else "it only for"
            document.fault((*path, key), f"{wanted} {', '.join(LINKED)}", show(spec[key]))
    hub = spec.get("hub", HUB)
    if type(hub) is not int or not 1 <= hub <= LARGEST_HUB:
        document.fault((*path, "hub"), f"a whole number from 1 to {LARGEST_HUB}", show(hub))
        return HUB
    return hub


def _check_of(document: Document, path: Path, aggregate: str, of: list[Field]) -> None:
    kinds = [field.type for field in of]
    if aggregate in ("count", "seconds_since_last", "fraud_count", "fraud_share"):
        fits, wanted = not of, "nothing"
    elif aggregate in LINKED:
        fits, wanted = (
            bool(of) and all(kind.is_text for kind in kinds),
            "text fields, such as [device_id, ip]",
        )
    elif aggregate in ("distinct", "first_seen"):
        fits, wanted = len(of) == 1 and kinds[0].is_text, "one text field"
    elif aggregate in ("travel_km", "travel_speed"):
        fits, wanted = kinds == [FieldType.LATITUDE, FieldType.LONGITUDE], "[latitude field, longitude field]"
    else:
        fits, wanted = len(of) == 1 and kinds[0] in _NUMERIC, "one number or money field"
    if not fits:
        document.fault(
            (*path, "of"), wanted, ", ".join(f"{field.name} ({field.type})" for field in of) or "nothing"
        )


def check_engine_limits(
    document: Document, windows: tuple[WindowFeature, ...], columns: tuple[Column, ...]
) -> None:
    """Faults of the features together; asked when each is sound by itself."""
    for fault in check_features(windows, columns):
        line = document.line(("features",))
        document.faults.append(Fault(fault.where, fault.expected, fault.got, fault.hint, document.file, line))
