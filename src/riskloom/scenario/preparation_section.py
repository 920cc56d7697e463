"""Reads declared preparation: `prepare` under a detector, and `transformations`, another system's spelling.

The second spelling stands at the top level of a scenario and mixes two things: what is made of events
(window aggregations, which become features) and what is made of features (imputation, scaling, encoding).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from riskloom.detectors.prepare_spec import METHODS, PreparationSpec, Step
from riskloom.domain.duration import DAY_US, parse_duration
from riskloom.domain.field import Field, FieldType
from riskloom.errors import Fault, ParameterInvalid, nearest, show
from riskloom.features.spec import AGGREGATES, LINKED
from riskloom.scenario.document import Document, Path

_ROOT = "transformations"
_STEP = re.compile(r"[^.\[\]]+")
_LONGEST_US = 90 * DAY_US
_SHORTEST_US = 1_000_000

_PREPARES = {
    "imputation": ("impute", "strategy"),
    "scaling": ("scale", "method"),
    "encoding": ("encode", "method"),
}
"""Which step each type is, and under which key its method stands."""

_USUAL = {"imputation": "mean", "scaling": "standard"}
_OTHER_NAMES = {"minmax": "min_max", "onehot": "one_hot", "one-hot": "one_hot", "min-max": "min_max"}
_AGGREGATION = "time_window_aggregation"
_AGGREGATION_KEYS = ("entity_key", "windows", "aggregations", "target", "include_current")
_CURRENT = tuple(name for name, aggregate in AGGREGATES.items() if aggregate.current and name not in LINKED)
_OTHER_AGGREGATES = {"avg": "mean", "average": "mean", "nunique": "distinct"}
_NUMERIC = (FieldType.INTEGER, FieldType.NUMBER, FieldType.MONEY, FieldType.CLOCK)


def read_preparation(
    document: Document, given: object, path: Path, names: Sequence[str], categories: Iterable[str]
) -> PreparationSpec:
    """The steps that stand at `path`, checked against the detector's features.

    Parameters
    ----------
    names, categories
        The features the detector takes, and which of them hold categories.
    """
    try:
        spec = PreparationSpec.read(given)
    except ParameterInvalid as error:
        for fault in error.faults:
            _note(document, (*path, *_steps(fault)[1:]), fault)
        return PreparationSpec()
    for fault in spec.check(names, categories):
        _note(document, (*path, *_steps(fault)[1:]), fault)
    return spec


def expand_transformations(
    document: Document, fields: Iterable[Field], entities: Mapping[str, str]
) -> tuple[list[dict[str, Any]], PreparationSpec]:
    """(declarations of features, steps) that `transformations` stand for; faults are noted in the document.

    A window aggregation without a target is one feature for each money and number field, window and
    aggregation, the current event included: `user_amount_mean_1h`. A count is the same for all fields, so
    there is one for each window: `user_count_1h`. The steps are in the order they stand in, whatever
    aggregations stand between them, for aggregations look at events as they came.

    Parameters
    ----------
    fields
        What aggregations may look at.
    entities
        The field that holds the key of each kind of entity.
    """
    features: list[dict[str, Any]] = []
    steps: list[Step] = []
    by_name = {field.name: field for field in fields}
    for at, given in enumerate(document.items(document.data.get(_ROOT), (_ROOT,))):
        path: Path = (_ROOT, at)
        spec = document.mapping(given, path, ("type", "config"))
        kind = document.choice(spec, "type", path, (*_PREPARES, _AGGREGATION))
        if kind != spec.get("type"):
            continue
        if kind == _AGGREGATION:
            config = document.mapping(spec.get("config"), (*path, "config"), _AGGREGATION_KEYS)
            _expand(document, config, (*path, "config"), by_name, entities, features)
        else:
            config = document.mapping(spec.get("config"), (*path, "config"))
            steps += _read_step(document, kind, config, (*path, "config"))
    return features, PreparationSpec(tuple(steps))


def check_transformations(
    document: Document, spec: PreparationSpec, names: Sequence[str], categories: Iterable[str]
) -> None:
    """Note the faults of the steps' columns; asked when all features are known."""
    listed = document.data.get(_ROOT)
    given = listed if isinstance(listed, list) else []
    places = [at for at, item in enumerate(given) if isinstance(item, dict) and item.get("type") in _PREPARES]
    if len(places) != len(spec.steps):  # some could not be read, and said so
        return
    for fault in spec.check(names, categories):
        _, step, *rest = _steps(fault)
        _note(document, (_ROOT, places[int(step)], "config", *rest), fault)


def _note(document: Document, path: Path, fault: Fault) -> None:
    document.fault(path, fault.expected, fault.got, fault.hint)


def _steps(fault: Fault) -> Path:
    """`prepare[3].columns[0]` as a path."""
    return tuple(int(step) if step.isdecimal() else step for step in _STEP.findall(fault.where))


def _read_step(document: Document, kind: str, config: dict[str, Any], path: Path) -> list[Step]:
    step, key = _PREPARES[kind]
    method = config.get(key, _USUAL.get(kind))
    method = _OTHER_NAMES.get(method, method) if isinstance(method, str) else method
    others = {"fill_value": "value"} if kind == "imputation" else {}
    written = {others.get(name, name): name for name in config}
    given = {others.get(name, name): value for name, value in config.items() if name != key}
    if len(given) < len(config) - (key in config):
        document.fault((*path, "fill_value"), "value or fill_value, not both", "both")
    unknown = [name for name in given if name in METHODS]
    for name in unknown:
        document.fault((*path, name), f"its method under {key}", show(name))
        del given[name]
    try:
        return list(PreparationSpec.read([{step: method, **given}]).steps)
    except ParameterInvalid as error:
        for fault in error.faults:
            place = _steps(fault)[2:]
            name = key if place[0] == step else written.get(str(place[0]), str(place[0]))
            _note(document, (*path, name, *place[1:]), fault)
        return []


def _expand(
    document: Document,
    config: dict[str, Any],
    path: Path,
    fields: Mapping[str, Field],
    entities: Mapping[str, str],
    features: list[dict[str, Any]],
) -> None:
    """Add the features of one window aggregation."""
    entity = _read_entity(document, config, path, fields, entities)
    windows = _read_windows(document, config, path)
    aggregates = _read_aggregates(document, config, path)
    targets = _read_targets(document, config, path, fields, aggregates)
    current = document.flag(config, "include_current", path, True)
    names = {feature["name"] for feature in features}
    for window in windows:
        for aggregate, of in _pairs(aggregates, targets):
            name = "_".join((entity, *([of] if of else []), aggregate, window))
            what = f"{aggregate} of {of}" if of else "number of events"
            feature = {
                "name": name,
                "describe": f"{what} of this {entity} within {window}" + ", with this event" * current,
                "entity": entity,
                "aggregate": aggregate,
                "window": window,
                "include_current": current,
            }
            if name in names:
                document.fault(path, "each aggregation once", f"{name!r} twice")
            names.add(name)
            features.append(feature | ({"of": of} if of else {}))


def _pairs(aggregates: Iterable[str], targets: Iterable[Field]) -> list[tuple[str, str]]:
    """(aggregate, field) of each feature of one window; a count has no field."""
    pairs: list[tuple[str, str]] = [
        (aggregate, field.name)
        for field in targets
        for aggregate in aggregates
        if aggregate != "count" and field.type.is_text == (aggregate == "distinct")
    ]
    return pairs + [("count", "")] * ("count" in aggregates)


def _read_entity(
    document: Document,
    config: Mapping[str, Any],
    path: Path,
    fields: Mapping[str, Field],
    entities: Mapping[str, str],
) -> str:
    """The kind of entity that `entity_key` names, by its field or by its kind."""
    key = document.text(config, "entity_key", path)
    kinds = {name: kind for kind, name in entities.items()} | {kind: kind for kind in entities}
    if key and key not in kinds:
        if key in fields:
            hint = f"write entity: {key.removesuffix('_id')} in the declaration of the field {key}"
        else:
            hint = nearest(key, kinds)
        document.fault((*path, "entity_key"), "a field with an entity", show(key), hint)
    return kinds.get(key, key)


def _read_windows(document: Document, config: Mapping[str, Any], path: Path) -> list[str]:
    windows = _read_list(document, config, "windows", path)
    for at, window in enumerate(windows):
        try:
            fits = _SHORTEST_US <= parse_duration(window) <= _LONGEST_US
        except ValueError:
            fits = False
        if not fits:
            document.fault((*path, "windows", at), "a window from 1s to 90d, such as 24h", show(window))
    return list(dict.fromkeys(windows))


def _read_aggregates(document: Document, config: Mapping[str, Any], path: Path) -> list[str]:
    written = _read_list(document, config, "aggregations", path)
    for at, name in enumerate(written):
        if _OTHER_AGGREGATES.get(name, name) not in _CURRENT:
            hint = nearest(name, _CURRENT)
            document.fault((*path, "aggregations", at), f"one of {', '.join(_CURRENT)}", show(name), hint)
    return [_OTHER_AGGREGATES.get(name, name) for name in dict.fromkeys(written)]


def _read_list(document: Document, config: Mapping[str, Any], key: str, path: Path) -> list[str]:
    listed = document.items(config.get(key), (*path, key))
    if not listed:
        document.fault((*path, key), "at least one", show(config.get(key)))
    for at, item in enumerate(listed):
        if item in listed[:at]:
            document.fault((*path, key, at), "each once", f"{item!r} twice")
    return [str(item) for item in listed]


def _read_targets(
    document: Document,
    config: Mapping[str, Any],
    path: Path,
    fields: Mapping[str, Field],
    aggregates: Sequence[str],
) -> list[Field]:
    """The fields that are aggregated: those named, or every amount and number."""
    given = config.get("target")
    over_values = [aggregate for aggregate in aggregates if aggregate != "count"]
    if given is None:
        targets = [field for field in fields.values() if field.type in (FieldType.MONEY, FieldType.NUMBER)]
        if not targets and over_values:
            document.fault(path, "a target, or a money or number field", "neither")
        if "distinct" in aggregates:
            document.fault((*path, "aggregations"), "a target for distinct", "none")
        return targets
    named = given if isinstance(given, list) else [given]
    for name in named:
        field = fields.get(name) if isinstance(name, str) else None
        if field is None:
            document.fault((*path, "target"), "a declared field", show(name), nearest(str(name), fields))
        elif not field.type.is_text and field.type not in _NUMERIC:
            document.fault((*path, "target"), "a number, money or text field", f"{name} ({field.type})")
        elif over_values and not _pairs(over_values, [field]):
            suits = "distinct" if field.type.is_text else "an aggregation of numbers"
            document.fault((*path, "aggregations"), f"{suits} for {name} ({field.type})", show(aggregates))
    return [fields[name] for name in named if isinstance(name, str) and name in fields]
