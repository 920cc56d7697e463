"""Reads what is trained: the detectors, what each sees and how it is prepared, how several are joined.

`detector: {...}` says the same as `detectors: [{...}]` with one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from riskloom.detectors.prepare_spec import PreparationSpec
from riskloom.errors import ParameterInvalid, nearest, show
from riskloom.params import Constraint, validate
from riskloom.scenario.document import Document, Path
from riskloom.scenario.event_section import NAME_HINT, is_name
from riskloom.scenario.policy_section import read_threshold
from riskloom.scenario.preparation_section import read_preparation
from riskloom.scenario.scenario import DetectorSpec, Feature, ModelSpec

MODEL_KEYS = ("detector", "detectors", "ensemble", "calibration")
CALIBRATIONS = ("auto", "isotonic", "platt", "none")
DEFAULT_KIND = "isolation_forest"
ENSEMBLES = ("weighted_mean", "stacking")
_MOST = 32


def read_model(document: Document, features: tuple[Feature, ...]) -> ModelSpec:
    """What is declared, checked against the kinds and parameters that exist."""
    data = document.data
    if data.get("detector") is not None and data.get("detectors") is not None:
        document.fault(("detector",), "detector or detectors, not both", "both")
    listed: list[tuple[Path, Any]] = [(("detector",), data.get("detector") or {})]
    if data.get("detectors") is not None:
        given = document.items(data["detectors"], ("detectors",))
        if not 1 <= len(given) <= _MOST:
            document.fault(("detectors",), f"1 to {_MOST} detectors", str(len(given)))
        listed = [(("detectors", at), spec) for at, spec in enumerate(given)]
    specs: list[DetectorSpec] = []
    for path, spec in listed[:_MOST]:
        specs.append(_read_detector(document, spec, path, features, [known.name for known in specs]))
    kind, parameters = _read_ensemble(document, len(specs))
    return ModelSpec(
        tuple(specs),
        kind,
        parameters,
        document.choice(data, "calibration", (), CALIBRATIONS, "auto"),
        read_threshold(document),
    )


def _read_detector(
    document: Document, given: object, path: Path, features: Sequence[Feature], taken: Sequence[str]
) -> DetectorSpec:
    spec = document.mapping(given, path, ("name", "kind", "parameters", "features", "prepare"))
    parameters = document.mapping(spec.get("parameters"), (*path, "parameters"))
    kind = document.text(spec, "kind", path, DEFAULT_KIND)
    _check_kind(document, kind, parameters, path)
    name = document.text(spec, "name", path, _free_name(kind, taken))
    if not is_name(name):
        document.fault((*path, "name"), "a name", show(name), NAME_HINT)
    if name in taken:
        document.fault((*path, "name"), "a name of its own", f"{name!r} twice")
    seen, preparation = _read_inputs(document, spec, path, features)
    return DetectorSpec(name, kind, parameters, seen, preparation)


def _read_inputs(
    document: Document, spec: dict[str, Any], path: Path, features: Sequence[Feature]
) -> tuple[tuple[str, ...], PreparationSpec]:
    """The features a detector sees, all but categories that nothing encodes when none are listed."""
    known = {feature.name: feature for feature in features}
    chosen = [str(name) for name in document.items(spec.get("features"), (*path, "features"))]
    for at, name in enumerate(chosen):
        if name not in known:
            document.fault((*path, "features", at), "a declared feature", show(name), nearest(name, known))
        elif name in chosen[:at]:
            document.fault((*path, "features", at), "each feature once", f"{name!r} twice")
    categories = tuple(name for name, feature in known.items() if feature.category)
    names = tuple(name for name in chosen if name in known) or tuple(known)
    seen = [name for name in categories if name in names]
    preparation = read_preparation(document, spec.get("prepare"), (*path, "prepare"), names, seen)
    native = _takes_categories(str(spec.get("kind", DEFAULT_KIND)))
    encoded = set(categories) if native else set[str]()
    for step in preparation.steps:
        if step.kind == "encode":
            encoded |= set(step.columns or categories)
    if not chosen:
        return tuple(name for name in known if name not in categories or name in encoded), preparation
    for at, name in enumerate(chosen):
        if name in categories and name not in encoded:
            document.fault(
                (*path, "features", at),
                "a category that a step of prepare encodes",
                show(name),
                f"prepare: [{{encode: one_hot, columns: [{name}]}}]",
            )
    return tuple(chosen), preparation


def _takes_categories(kind: str) -> bool:
    """Whether a kind of detector splits categories itself."""
    from riskloom import detectors

    try:
        return any(constraint.name == "categorical" for constraint in detectors.load(kind).PARAMETERS)
    except ParameterInvalid:  # an unknown kind, noted elsewhere
        return False


def _free_name(kind: str, taken: Sequence[str]) -> str:
    name, number = kind, 2
    while name in taken:
        name, number = f"{kind}_{number}", number + 1
    return name


def _read_ensemble(document: Document, count: int) -> tuple[str, dict[str, Any]]:
    given = document.data.get("ensemble")
    if count < 2:
        if given is not None:
            document.fault(("ensemble",), "two detectors or more to join", str(count))
        return "", {}
    spec = document.mapping(
        {"kind": given} if isinstance(given, str) else given, ("ensemble",), ("kind", "parameters")
    )
    kind = document.choice(spec, "kind", ("ensemble",), ENSEMBLES, ENSEMBLES[0])
    parameters = document.mapping(spec.get("parameters"), ("ensemble", "parameters"))
    _check_kind(document, kind, parameters, ("ensemble",))
    return kind, parameters


def _check_kind(document: Document, kind: str, parameters: dict[str, Any], path: Path) -> None:
    """Heavy libraries come with the kinds; they are imported only where a scenario is loaded."""
    from riskloom import detectors

    _noting(document, (*path, "kind"), lambda: detectors.load(kind).PARAMETERS, parameters, path)


def _noting(
    document: Document,
    kind_path: Path,
    constraints: Callable[[], Sequence[Constraint]],
    parameters: dict[str, Any],
    path: Path,
) -> None:
    try:
        known = constraints()
    except ParameterInvalid as error:
        for fault in error.faults:
            document.fault(kind_path, fault.expected, fault.got, fault.hint)
        return
    try:
        validate(parameters, known)
    except ParameterInvalid as error:
        for fault in error.faults:
            document.fault((*path, "parameters", fault.where), fault.expected, fault.got, fault.hint)
