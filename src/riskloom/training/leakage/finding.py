"""What the leakage check hands back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from riskloom.errors import Fault, ParameterInvalid, show
from riskloom.measure.result import Result

Kind = Literal["name", "identity", "label_time", "later", "alone", "missing", "rule"]
Severity = Literal["leak", "suspicious", "notice"]
SEVERITIES: tuple[Severity, ...] = ("leak", "suspicious", "notice")


@dataclass(frozen=True, slots=True)
class Bounds:
    """From where on something is named.

    `alone_auc` and `missing_auc` are ROC-AUCs of one field alone, of its values and of whether it is there.
    A rule needs `rule_precision` and `rule_recall` (of all frauds), and to be `rule_lift` times better than
    chance; an identity between fields must hold in `identity_share` of the rows.
    """

    alone_auc: float = 0.98
    missing_auc: float = 0.7
    rule_precision: float = 0.95
    rule_recall: float = 0.1
    rule_lift: float = 5.0
    identity_share: float = 0.1

    def __post_init__(self) -> None:
        faults = []
        for name, least in (
            ("alone_auc", 0.5),
            ("missing_auc", 0.5),
            ("rule_precision", 0.0),
            ("rule_recall", 0.0),
            ("identity_share", 0.0),
        ):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not least < value <= 1:
                faults.append(Fault(name, f"a number above {least:g} up to 1", show(value)))
        if not isinstance(self.rule_lift, int | float) or not self.rule_lift >= 1:
            faults.append(Fault("rule_lift", "a number from 1", show(self.rule_lift)))
        if faults:
            raise ParameterInvalid(faults)


@dataclass(frozen=True, slots=True)
class Finding(Result):
    """One thing that looks as if the answer had leaked into the data.

    `leak` is known only after the event; `suspicious` is too good to be true and must be explained; `notice`
    is a hint. `says` is a sentence for people; `value` the figure it rests on (0 where it rests on words);
    `drop` are the fields to leave out.
    """

    kind: Kind
    severity: Severity
    fields: tuple[str, ...]
    drop: tuple[str, ...]
    value: float
    says: str


@dataclass(frozen=True, slots=True)
class ScoreWithout(Result):
    """What the model measures when `dropped` fields are left out of everything it learns from."""

    name: str
    dropped: tuple[str, ...]
    measures: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class LeakageReport(Result):
    """All findings, the gravest first, and the scores without what they name."""

    rows: int
    frauds: int
    checked: tuple[str, ...]
    findings: tuple[Finding, ...]
    scores: tuple[ScoreWithout, ...] = ()

    def to_drop(self, severity: Severity = "leak") -> tuple[str, ...]:
        """The fields that findings of at least this severity would leave out, each once."""
        graver = SEVERITIES[: SEVERITIES.index(severity) + 1]
        return tuple(
            dict.fromkeys(
                name for finding in self.findings if finding.severity in graver for name in finding.drop
            )
        )


def show_share(share: float) -> str:
    """A share as findings say it.

    >>> show_share(0.5)
    '50.0 %'
    """
    return f"{share * 100:.1f} %"
