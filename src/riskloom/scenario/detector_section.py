"""Reads the `detector` section: which kind is trained, with which parameters, on which features."""

from __future__ import annotations

from typing import Any

from riskloom.errors import ParameterInvalid, nearest, show
from riskloom.scenario.document import Document
from riskloom.scenario.scenario import DetectorSpec, Feature

_PATH = ("detector",)


def read_detector(document: Document, features: tuple[Feature, ...]) -> DetectorSpec:
    """The detector's declaration, checked against the kinds and parameters that exist."""
    spec = document.mapping(document.data.get("detector"), _PATH, ("kind", "parameters", "features"))
    known = [feature.name for feature in features]
    chosen = [str(name) for name in document.items(spec.get("features"), (*_PATH, "features"))]
    for at, name in enumerate(chosen):
        if name not in known:
            document.fault((*_PATH, "features", at), "a declared feature", show(name), nearest(name, known))
        elif name in chosen[:at]:
            document.fault((*_PATH, "features", at), "each feature once", f"{name!r} twice")
    parameters = document.mapping(spec.get("parameters"), (*_PATH, "parameters"))
    kind = document.text(spec, "kind", _PATH, "isolation_forest")
    _check_kind(document, kind, parameters)
    return DetectorSpec(kind, parameters, tuple(chosen))


def _check_kind(document: Document, kind: str, parameters: dict[str, Any]) -> None:
    """Heavy libraries come with the kinds; they are imported only where a scenario is loaded."""
    from riskloom import detectors
    from riskloom.params import validate

    try:
        constraints = detectors.load(kind).PARAMETERS
    except ParameterInvalid as error:
        for fault in error.faults:
            document.fault((*_PATH, "kind"), fault.expected, fault.got, fault.hint)
        return
    try:
        validate(parameters, constraints)
    except ParameterInvalid as error:
        for fault in error.faults:
            document.fault((*_PATH, "parameters", fault.where), fault.expected, fault.got, fault.hint)
