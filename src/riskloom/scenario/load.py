"""Loads a scenario by name (shipped), by folder, by YAML file, or from the parts of a bundle."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any

from riskloom.detectors.prepare_spec import PreparationSpec
from riskloom.domain.field import Field, FieldType
from riskloom.domain.money import is_currency_code
from riskloom.errors import Fault, NotFound, ScenarioInvalid, nearest, show
from riskloom.expression.tree import Type
from riskloom.scenario.alert_section import read_alerts
from riskloom.scenario.case_section import read_cases
from riskloom.scenario.document import Document
from riskloom.scenario.event_section import (
    NAME_HINT,
    is_name,
    pick_field,
    read_derived,
    read_entities,
    read_fields,
)
from riskloom.scenario.feature_section import check_engine_limits, read_features
from riskloom.scenario.list_section import fields_of, read_lists
from riskloom.scenario.model_section import MODEL_KEYS, read_model
from riskloom.scenario.packs import expand_packs
from riskloom.scenario.policy_section import read_policy
from riskloom.scenario.preparation_section import check_transformations, expand_transformations
from riskloom.scenario.rates_section import read_rates
from riskloom.scenario.read_yaml import read_document
from riskloom.scenario.rules_section import Names, read_rules
from riskloom.scenario.scenario import RISK_SCORE, Feature, Scenario, expression_type
from riskloom.scenario.timezone import check_timezone

SHIPPED = resources.files("riskloom") / "scenarios"
FEATURE_KEYS = (
    "scenario", "describe", "base_currency", "timezone", "max_lateness", "clock_tolerance", "unknown_fields",
    "event", "features",
)  # fmt: skip
SIDES: Mapping[str, Any] = MappingProxyType(
    {"rules": [], "rates": None, "lists": [], "alerts": None, "cases": None}
)
"""What stands in the scenario itself or in a file that it names, and what each is where it is not there."""
_KEYS = (*FEATURE_KEYS, *MODEL_KEYS, "transformations", "policy", *SIDES)


def shipped_scenarios() -> tuple[str, ...]:
    """The names of the scenarios that come with Riskloom."""
    return tuple(sorted(entry.name for entry in SHIPPED.iterdir() if (entry / "scenario.yaml").is_file()))


def load_scenario(named: str | Path) -> Scenario:
    """Load a scenario.

    Parameters
    ----------
    named
        The name of a shipped scenario, a folder with a scenario.yaml, or a YAML file.

    Raises
    ------
    NotFound
        When there is no such scenario; names the nearest.
    ScenarioInvalid
        With every fault of its files, each with its line.
    """
    path = Path(named)
    if _is_file(path / "scenario.yaml"):
        path = path / "scenario.yaml"
    elif str(named) in shipped_scenarios():
        path = Path(str(SHIPPED / str(named) / "scenario.yaml"))
    if not _is_file(path):
        known = shipped_scenarios()
        raise NotFound(
            f"No scenario {show(str(named))}: not one of {', '.join(known)}, no folder, no YAML file.",
            hint=nearest(str(named), known),
        )
    document = _read_file(path)
    top = document.mapping(document.data, (), _KEYS)
    document.data = top
    return build(document, {key: _side_document(document, key, path.parent, SIDES[key]) for key in SIDES})


def scenario_from_parts(parts: Mapping[str, Any]) -> Scenario:
    """The scenario that a bundle's parts describe: features, detector, rules, policy, rates.

    Raises
    ------
    ScenarioInvalid
        When the parts do not fit together.
    """
    head = parts.get("features")
    data = {**(head if isinstance(head, dict) else {})}
    model = parts.get("model")
    data |= {**(model if isinstance(model, dict) else {}), "policy": parts.get("policy")}
    document = Document("bundle/features", data)
    document.mapping(data, (), _KEYS)
    return build(document, {key: Document(f"bundle/{key}", parts.get(key)) for key in SIDES})


def build(document: Document, sides: Mapping[str, Document]) -> Scenario:
    """Check every section and put the scenario together; all faults of all files are raised at once."""
    data = document.data
    event = document.mapping(data.get("event"), ("event",))
    base_currency = _read_currency(document)
    timezone = check_timezone(document, document.text(data, "timezone", (), "UTC"), ("timezone",))
    fields = read_fields(document, base_currency)
    entities = read_entities(document, fields)
    derived = read_derived(document, fields, timezone)
    columns = (*fields, *(column.field for column in derived))
    expanded, steps = expand_transformations(document, columns, entities)
    if expanded:
        data["features"] = [*document.items(data.get("features"), ("features",)), *expanded]
    features = read_features(document, columns, entities, timezone)
    _share_steps(document, steps, features)
    unknown_fields = document.choice(data, "unknown_fields", (), ("refuse", "ignore"), "refuse")
    rates = read_rates(sides["rates"], base_currency)
    lists, of_lists = read_lists(sides["lists"], columns)
    types, windows = _rule_types(columns, features)
    names = Names(types, windows, timezone, fields_of(lists))
    expand_packs(sides["rules"], types)
    rules = read_rules(sides["rules"], names, of_lists)
    codes = [rule.code for rule in rules]
    main_entity = next(iter(entities.values()), "")
    alerts = read_alerts(sides["alerts"], fields, main_entity, types, codes, timezone)
    scenario = Scenario(
        name=_read_name(document),
        describe=document.text(data, "describe", (), ""),
        base_currency=base_currency,
        timezone=timezone,
        max_lateness_us=document.duration(data, "max_lateness", (), "7d"),
        ahead_us=document.duration(data, "clock_tolerance", (), "1d"),
        ignore_unknown=unknown_fields == "ignore",
        id_field=_read_id(document, fields),
        time_field=pick_field(document, "time", fields, FieldType.TIME, "timestamp"),
        label_field=document.text(event, "label", ("event",), ""),
        label_delay_us=document.duration(event, "label_delay", ("event",), "7d"),
        fields=fields,
        derived=derived,
        entities=entities,
        features=features,
        model=read_model(document, features),
        rules=rules,
        policy=read_policy(document, columns),
        rates=rates,
        parts={
            "features": {key: data[key] for key in FEATURE_KEYS if data.get(key) is not None},
            "model": {key: data[key] for key in MODEL_KEYS if data.get(key) is not None},
            "rules": sides["rules"].data or [],
            "policy": data.get("policy") or {},
            "rates": rates.as_data(),
            **({"lists": sides["lists"].data} if lists else {}),
            **{key: sides[key].data for key in ("alerts", "cases") if sides[key].data},
        },
        lists=lists,
        alerts=alerts,
        cases=read_cases(sides["cases"], base_currency),
    )
    for side in sides.values():
        document.faults += side.faults
    if not document.faults:
        check_engine_limits(document, scenario.windows, scenario.columns)
    document.finish()
    return scenario


def _share_steps(document: Document, steps: PreparationSpec, features: tuple[Feature, ...]) -> None:
    """`transformations` prepare what every detector sees that does not say `prepare` itself."""
    if not steps.steps:
        return
    found = len(document.faults)
    categories = [feature.name for feature in features if feature.category]
    check_transformations(document, steps, [feature.name for feature in features], categories)
    if len(document.faults) > found:
        return
    data = document.data
    if data.get("detectors") is None:
        data["detector"] = _with_steps(data.get("detector") or {}, steps)
    elif isinstance(data["detectors"], list):
        data["detectors"] = [_with_steps(spec, steps) for spec in data["detectors"]]


def _with_steps(spec: Any, steps: PreparationSpec) -> Any:
    return {"prepare": steps.as_data(), **spec} if isinstance(spec, dict) else spec


def _read_name(document: Document) -> str:
    name = document.text(document.data, "scenario", ())
    if name and not is_name(name):
        document.fault(("scenario",), "a name", show(name), NAME_HINT)
    return name


def _read_currency(document: Document) -> str:
    base_currency = document.text(document.data, "base_currency", (), "USD")
    if not is_currency_code(base_currency):
        document.fault(("base_currency",), "a currency code such as USD", show(base_currency))
    return base_currency


def _read_id(document: Document, fields: tuple[Field, ...]) -> str:
    id_field = pick_field(document, "id", fields, FieldType.STRING, "event_id")
    if not id_field:
        document.fault(("event", "id"), "the name of the field that identifies an event", "nothing")
    return id_field


def _read_file(path: Path) -> Document:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioInvalid(
            Fault("document", "a readable file in UTF-8", str(error), file=str(path))
        ) from error
    return read_document(text, str(path))


def _side_document(document: Document, key: str, folder: Path, default: Any) -> Document:
    """Rules and rates stand in the scenario itself or in a file that it names."""
    value = document.data.get(key, default)
    if not isinstance(value, str):
        return document.section(key, value)
    if not _is_file(folder / value):
        document.fault((key,), "the name of a file beside the scenario", show(value))
        return Document(value, default)
    return _read_file(folder / value)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name longer than names can be, a folder that may not be read
        return False


def _rule_types(
    fields: tuple[Field, ...], features: tuple[Feature, ...]
) -> tuple[dict[str, Type], frozenset[str]]:
    """What rules may use, with types; and the window features, which can be evidence."""
    types = {field.name: expression_type(field) for field in fields}
    for feature in features:
        boolean = feature.expression is not None and feature.expression.type is Type.BOOLEAN
        types[feature.name] = Type.BOOLEAN if boolean else Type.NUMBER
    types[RISK_SCORE] = Type.NUMBER
    return types, frozenset(feature.name for feature in features if feature.window is not None)
