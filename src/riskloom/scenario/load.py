"""Loads a scenario by name (shipped), by folder, by YAML file, or from the parts of a bundle."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from riskloom.domain.duration import DAY_US
from riskloom.domain.field import Field, FieldType
from riskloom.domain.money import RateTable, is_currency_code, parse_rates
from riskloom.errors import Fault, NotFound, ScenarioInvalid, nearest, show
from riskloom.expression.tree import Type
from riskloom.policy.policy import Policy
from riskloom.rules.rule_set import Rule
from riskloom.scenario.document import Document, read_document
from riskloom.scenario.event_section import is_name, pick_field, read_derived, read_fields
from riskloom.scenario.feature_section import read_features
from riskloom.scenario.rules_section import read_rules
from riskloom.scenario.scenario import RISK_SCORE, DetectorSpec, Feature, Scenario, expression_type

SHIPPED = resources.files("riskloom") / "scenarios"
FEATURE_KEYS = (
    "scenario", "describe", "base_currency", "timezone", "max_lateness", "clock_tolerance", "unknown_fields",
    "event", "features",
)  # fmt: skip
_KEYS = (*FEATURE_KEYS, "detector", "rules", "policy", "rates")


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
    if path.is_dir():
        path = path / "scenario.yaml"
    elif str(named) in shipped_scenarios():
        path = Path(str(SHIPPED / str(named) / "scenario.yaml"))
    if not path.is_file():
        known = shipped_scenarios()
        raise NotFound(
            f"No scenario {str(named)!r}: not a shipped one ({', '.join(known)}), not a folder or YAML file.",
            hint=nearest(str(named), known),
        )
    document = _read_file(path)
    top = document.mapping(document.data, (), _KEYS)
    document.data = top
    rules = _side_document(document, "rules", path.parent, [])
    rates = _side_document(document, "rates", path.parent, None)
    return build(document, rules, rates)


def scenario_from_parts(parts: Mapping[str, Any]) -> Scenario:
    """The scenario that a bundle's parts describe: features, detector, rules, policy, rates.

    Raises
    ------
    ScenarioInvalid
        When the parts do not fit together.
    """
    head = parts.get("features")
    data = {**(head if isinstance(head, dict) else {})}
    data |= {"detector": parts.get("detector"), "policy": parts.get("policy")}
    document = Document("bundle/features", data)
    document.mapping(data, (), _KEYS)
    rules = Document("bundle/rules", parts.get("rules"))
    return build(document, rules, Document("bundle/rates", parts.get("rates")))


def build(document: Document, rules_document: Document, rates_document: Document) -> Scenario:
    """Check every section and put the scenario together; all faults of all files are raised at once."""
    data = document.data
    name = document.text(data, "scenario", ())
    if name and not is_name(name):
        document.fault(("scenario",), "a name", show(name), "small letters, digits and _")
    timezone = document.text(data, "timezone", (), "UTC")
    if timezone not in available_timezones():
        document.fault(("timezone",), "an IANA time zone", show(timezone), nearest(timezone, available_timezones()))
        timezone = "UTC"
    ZoneInfo(timezone)
    base_currency = document.text(data, "base_currency", (), "USD")
    if not is_currency_code(base_currency):
        document.fault(("base_currency",), "a currency code such as USD", show(base_currency))
    fields = read_fields(document, base_currency)
    entities = _entities(document, fields)
    derived = read_derived(document, fields, timezone)
    columns = (*fields, *(column.field for column in derived))
    features = read_features(document, columns, entities, timezone)
    rates = _read_rates(rates_document, base_currency)
    detector = _read_detector(document, features)
    policy = _read_policy(document)
    id_field = pick_field(document, "id", fields, FieldType.STRING, "event_id")
    if not id_field:
        document.fault(("event", "id"), "the name of the field that identifies an event", "nothing")
    rules = _read_rules(rules_document, columns, features, timezone)
    scenario = Scenario(
        name=name,
        describe=document.text(data, "describe", (), ""),
        base_currency=base_currency,
        timezone=timezone,
        max_lateness_us=document.duration(data, "max_lateness", (), "7d"),
        ahead_us=document.duration(data, "clock_tolerance", (), "1d"),
        ignore_unknown=document.choice(data, "unknown_fields", (), ("refuse", "ignore"), "refuse") == "ignore",
        id_field=id_field,
        time_field=pick_field(document, "time", fields, FieldType.TIME, "timestamp"),
        label_field=str(document.mapping(data.get("event"), ("event",)).get("label", "")),
        fields=fields,
        derived=derived,
        entities=entities,
        features=features,
        detector=detector,
        rules=rules,
        policy=policy,
        rates=rates,
        parts={
            "features": {key: data[key] for key in FEATURE_KEYS if data.get(key) is not None},
            "detector": data.get("detector") or {},
            "rules": rules_document.data or [],
            "policy": data.get("policy") or {},
            "rates": rates.as_data(),
        },
    )
    document.faults += rules_document.faults + rates_document.faults
    document.finish()
    return scenario


def _read_file(path: Path) -> Document:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioInvalid(Fault("document", "a readable file in UTF-8", str(error), file=str(path))) from error
    return read_document(text, str(path))


def _side_document(document: Document, key: str, folder: Path, default: Any) -> Document:
    """Rules and rates stand in the scenario itself or in a file that it names."""
    value = document.data.get(key, default)
    if isinstance(value, str):
        if not (folder / value).is_file():
            document.fault((key,), "the name of a file beside the scenario", show(value))
            return Document(value, default)
        return _read_file(folder / value)
    lines = {path[1:]: line for path, line in document.lines.items() if path and path[0] == key}
    return Document(document.file, value, lines)


def _entities(document: Document, fields: tuple[Field, ...]) -> dict[str, str]:
    entities: dict[str, str] = {}
    for field in fields:
        if not field.entity:
            continue
        path = ("event", "fields", field.name, "entity")
        if not field.type.is_text:
            document.fault(path, "an entity in a text field", f"a {field.type}")
        if field.entity in entities:
            document.fault(path, "one field an entity", f"{field.entity} is {entities[field.entity]} already")
        entities[field.entity] = field.name
    return entities


def _read_rates(document: Document, base_currency: str) -> RateTable:
    if document.data is None:
        return RateTable(base_currency, {})
    try:
        rates = parse_rates(document.data)
    except ScenarioInvalid as error:
        document.faults += [
            Fault(fault.where, fault.expected, fault.got, fault.hint, document.file) for fault in error.faults
        ]
        return RateTable(base_currency, {})
    if rates.base != base_currency:
        document.fault(("base",), f"the scenario's base currency {base_currency}", show(rates.base))
    return rates


def _read_detector(document: Document, features: tuple[Feature, ...]) -> DetectorSpec:
    path = ("detector",)
    spec = document.mapping(document.data.get("detector"), path, ("kind", "parameters", "features"))
    known = [feature.name for feature in features]
    chosen = [str(name) for name in document.items(spec.get("features"), (*path, "features"))]
    for name in chosen:
        if name not in known:
            document.fault((*path, "features"), "declared features", show(name), nearest(name, known))
    parameters = document.mapping(spec.get("parameters"), (*path, "parameters"))
    return DetectorSpec(document.text(spec, "kind", path, "isolation_forest"), parameters, tuple(chosen))


def _read_policy(document: Document) -> Policy:
    path = ("policy",)
    spec = document.mapping(document.data.get("policy"), path, ("percentile", "reject_percentile"))
    numbers: dict[str, float | None] = {"percentile": 98.0, "reject_percentile": None}
    for key in numbers:
        value = spec.get(key, numbers[key])
        if value is None and key == "reject_percentile":
            continue
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 100:
            document.fault((*path, key), "a number from 0 to 100", show(value))
        else:
            numbers[key] = float(value)
    return Policy(numbers["percentile"] or 0.0, numbers["reject_percentile"])


def _read_rules(
    document: Document, fields: tuple[Field, ...], features: tuple[Feature, ...], timezone: str
) -> tuple[Rule, ...]:
    types = {field.name: expression_type(field) for field in fields}
    for feature in features:
        boolean = feature.expression is not None and feature.expression.type is Type.BOOLEAN
        types[feature.name] = Type.BOOLEAN if boolean else Type.NUMBER
    types[RISK_SCORE] = Type.NUMBER
    windows = frozenset(feature.name for feature in features if feature.window is not None)
    return read_rules(document, types, windows, timezone)
