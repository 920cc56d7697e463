"""What can be declared about preparation: an ordered list of steps. Plain data, checked; nothing is computed.

A step fills gaps (`impute`), brings numbers to one scale (`scale`) or makes numbers of categories (`encode`):

    [{impute: median}, {scale: log, columns: [amount]}, {encode: one_hot, columns: [merchant_category]}]

Steps happen in the order they are written. Without `columns`, `impute` and `scale` take every column that
holds numbers then, encoded ones too, and `encode` every category that is left. The flags that `one_hot` and
`indicator` make stay 0 or 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from riskloom.errors import Fault, ParameterInvalid, nearest, show
from riskloom.params import Constraint, Value, validate

MOST_STEPS = 50

_INDICATOR = Constraint(
    "indicator",
    "boolean",
    False,
    "Whether a flag is added for each column that has gaps in training: 1 where it was missing.",
)

METHODS: Mapping[str, Mapping[str, tuple[Constraint, ...]]] = {
    "impute": {
        "mean": (_INDICATOR,),
        "median": (_INDICATOR,),
        "constant": (Constraint("value", "number", 0.0, "What stands where nothing is known."), _INDICATOR),
    },
    "scale": {"standard": (), "robust": (), "min_max": (), "log": ()},
    "encode": {
        "one_hot": (
            Constraint(
                "most",
                "integer",
                100,
                "How many values of a column get a flag, the most frequent; rarer ones have none.",
                minimum=1,
                maximum=1_000,
            ),
        ),
        "ordinal": (),
        "frequency": (),
        "target": (
            Constraint(
                "smoothing",
                "number",
                100.0,
                "How many rows of the overall fraud rate are added to the rows of each value.",
                above=0,
                maximum=1e9,
            ),
        ),
    },
}
"""The parameters of each method of each kind of step."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its kind, its method, the columns it is for (see the module), and its parameters.

    >>> Step("scale", "standard", ("amount",)).as_data()
    {'scale': 'standard', 'columns': ['amount']}

    Raises
    ------
    ParameterInvalid
        When there is no such kind or method, or a parameter is none of its.
    """

    kind: str
    method: str
    columns: tuple[str, ...] = ()
    parameters: Mapping[str, Value] = field(default_factory=dict)

    def __post_init__(self) -> None:
        faults = _unknown("kind", self.kind, METHODS) or _unknown("method", self.method, METHODS[self.kind])
        if faults:
            raise ParameterInvalid(faults)
        object.__setattr__(self, "parameters", validate(self.parameters, METHODS[self.kind][self.method]))

    def as_data(self) -> dict[str, Any]:
        """The step as it is written in a scenario, without parameters at their defaults."""
        usual = {constraint.name: constraint.default for constraint in METHODS[self.kind][self.method]}
        data: dict[str, Any] = {self.kind: self.method}
        if self.columns:
            data["columns"] = list(self.columns)
        return data | {name: value for name, value in self.parameters.items() if value != usual[name]}


@dataclass(frozen=True, slots=True)
class PreparationSpec:
    """The declared steps, in order; none means that values go to the detector as they are."""

    steps: tuple[Step, ...] = ()

    @classmethod
    def read(cls, given: object, *, where: str = "prepare") -> Self:
        """The steps that plain data (`{impute: median}` and so on) declare.

        Raises
        ------
        ParameterInvalid
            With every fault; `where` is put before the place of each.

        >>> PreparationSpec.read([{"impute": "median"}, {"scale": "standard"}]).steps[0].method
        'median'
        """
        if given is None:
            return cls()
        if not isinstance(given, Sequence) or isinstance(given, str):
            raise ParameterInvalid(Fault(where, "a list of steps", show(given)))
        if len(given) > MOST_STEPS:
            raise ParameterInvalid(Fault(where, f"at most {MOST_STEPS} steps", str(len(given))))
        faults: list[Fault] = []
        read = [_read_step(step, f"{where}[{at}]", faults) for at, step in enumerate(given)]
        if faults:
            raise ParameterInvalid(faults)
        return cls(tuple(step for step in read if step is not None))

    def as_data(self) -> list[dict[str, Any]]:
        """The steps as `read` takes them."""
        return [step.as_data() for step in self.steps]

    @property
    def needs_labels(self) -> bool:
        """Whether it can only be fitted with labels."""
        return any(step.method == "target" for step in self.steps)

    def check(
        self, names: Sequence[str], categories: Iterable[str], *, where: str = "prepare"
    ) -> list[Fault]:
        """All that is wrong with the columns: unknown ones, and steps that a column is not ready for.

        Parameters
        ----------
        names, categories
            The columns there are, and which of them hold categories.
        """
        faults: list[Fault] = []
        open_categories, scaled, encoded = set(categories), set[str](), set[str]()
        for at, step in enumerate(self.steps):
            place = f"{where}[{at}]"
            faults += _check_columns(step, place, names)
            for number, name in enumerate(step.columns):
                faults += _check_ready(
                    step, f"{place}.columns[{number}]", name, open_categories, scaled, encoded
                )
            if step.kind == "encode":
                chosen = set(step.columns) or set(open_categories)
                encoded |= chosen
                open_categories -= chosen
            elif step.kind == "scale":
                scaled |= set(step.columns) or {name for name in names if name not in open_categories}
        return faults


def _read_step(given: object, where: str, faults: list[Fault]) -> Step | None:
    if not isinstance(given, Mapping):
        faults.append(Fault(where, "a step such as {impute: median}", show(given)))
        return None
    kinds = [key for key in given if key in METHODS]
    if len(kinds) != 1:
        unknown = [str(key) for key in given if key not in METHODS and key != "columns"]
        hint = nearest(unknown[0], METHODS) if unknown else ""
        faults.append(Fault(where, f"one of {', '.join(METHODS)}", show(list(given)), hint))
        return None
    kind = kinds[0]
    found = len(faults)
    columns = _read_columns(given.get("columns"), f"{where}.columns", faults)
    method = given[kind]
    wrong = _unknown(f"{where}.{kind}", method, METHODS[kind])
    if wrong:
        faults += wrong
        return None
    rest = {key: value for key, value in given.items() if key not in (kind, "columns")}
    try:
        parameters = validate(rest, METHODS[kind][method], where=where)
    except ParameterInvalid as error:
        faults += error.faults
        return None
    return Step(kind, method, columns, parameters) if len(faults) == found else None


def _read_columns(given: object, where: str, faults: list[Fault]) -> tuple[str, ...]:
    if given is None:
        return ()
    if not isinstance(given, Sequence) or isinstance(given, str) or not given:
        faults.append(Fault(where, "a list of features, or no columns at all for every one", show(given)))
        return ()
    for at, name in enumerate(given):
        if not isinstance(name, str) or not name:
            faults.append(Fault(f"{where}[{at}]", "the name of a feature", show(name)))
        elif name in given[:at]:
            faults.append(Fault(f"{where}[{at}]", "each feature once", f"{name!r} twice"))
    return tuple(str(name) for name in given)


def _unknown(where: str, came: object, known: Mapping[str, object]) -> list[Fault]:
    if isinstance(came, str) and came in known:
        return []
    hint = nearest(came, known) if isinstance(came, str) else ""
    return [Fault(where, f"one of {', '.join(known)}", show(came), hint)]


def _check_columns(step: Step, where: str, names: Sequence[str]) -> list[Fault]:
    return [
        Fault(f"{where}.columns[{at}]", "a feature of this detector", show(name), nearest(name, names))
        for at, name in enumerate(step.columns)
        if name not in names
    ]


def _check_ready(
    step: Step, where: str, name: str, categories: set[str], scaled: set[str], encoded: set[str]
) -> list[Fault]:
    if step.kind != "encode":
        if name not in categories:
            return []
        return [Fault(where, "numbers, or a category that a step before encodes", f"the category {name!r}")]
    if name in encoded:
        return [Fault(where, "each feature encoded once", f"{name!r} twice")]
    if name in scaled:
        return [Fault(where, "a feature that no step before scales", show(name), "encode it first")]
    return []
