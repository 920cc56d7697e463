"""`Evaluation`: everything a report shows, as frozen plain data. It holds figures and names, never rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from riskloom.domain.money import exponent
from riskloom.measure.calibration import Calibration
from riskloom.measure.cost import CostMatrix
from riskloom.measure.curves import Curve
from riskloom.measure.groups import Group
from riskloom.measure.interval import Estimate
from riskloom.measure.ranking import DailyPrecision
from riskloom.measure.result import Result
from riskloom.measure.threshold import AtThreshold
from riskloom.training.leakage.finding import LeakageReport
from riskloom.training.report.words import MEASURES


@dataclass(frozen=True, slots=True)
class PartFacts(Result):
    """One part of the split; the times are those of its first and last event, None without time."""

    name: str
    rows: int
    frauds: int
    first_us: int | None = None
    last_us: int | None = None


@dataclass(frozen=True, slots=True)
class SplitFacts(Result):
    """How the rows were parted.

    `scheme` is "time" or "stratified". `delay_us` is the label delay left out between the parts, `dropped`
    how many test rows were left out because their `entity` was known to be compromised.
    """

    scheme: str
    parts: tuple[PartFacts, ...]
    delay_us: int = 0
    dropped: int = 0
    entity: str = ""

    def part(self, name: str) -> PartFacts | None:
        """The part of that name, if there is one."""
        return next((part for part in self.parts if part.name == name), None)


@dataclass(frozen=True, slots=True)
class DataFacts(Result):
    """What was learned from: the file's name (no path), its digest, the field that holds the label."""

    source: str
    rows: int
    frauds: int
    sha256: str = ""
    label: str = ""
    licence: str = ""


@dataclass(frozen=True, slots=True)
class Sweep(Result):
    """Thresholds, rising, and what each would do; lists of one length, or empty where it is not known.

    `alerts_low` and `alerts_high` are the 10th and 90th percentile over days; `cost` is that of the whole
    test. `scale` says how the thresholds are best drawn: "linear" or "log".
    """

    thresholds: tuple[float, ...]
    flagged_share: tuple[float, ...]
    precision: tuple[float, ...]
    recall: tuple[float, ...]
    alerts_per_day: tuple[float, ...] = ()
    alerts_low: tuple[float, ...] = ()
    alerts_high: tuple[float, ...] = ()
    cost: tuple[float, ...] = ()
    scale: str = "linear"


@dataclass(frozen=True, slots=True)
class Distribution(Result):
    """How many legitimate rows and frauds score between one edge and the next; the outer bins are open."""

    edges: tuple[float, ...]
    honest: tuple[int, ...]
    frauds: tuple[int, ...]
    scale: str = "linear"


@dataclass(frozen=True, slots=True)
class Days(Result):
    """What k looks a day find, of `what` ("payments", or the name of an entity).

    `precision` is the detector's, `ceiling` that of a perfect ranking.
    """

    what: str
    precision: DailyPrecision
    ceiling: DailyPrecision


@dataclass(frozen=True, slots=True)
class DetectorEvaluation(Result):
    """One detector on the test.

    `estimates` are measures with intervals, by name; `differences` the same measures minus the chosen
    detector's, on the same drawn rows. `validation` is what the same threshold did on the validation part.
    """

    name: str
    at: AtThreshold
    estimates: Mapping[str, Estimate]
    precision_recall: Curve
    roc: Curve
    sweep: Sweep
    distribution: Distribution
    differences: Mapping[str, Estimate] = field(default_factory=dict)
    days: tuple[Days, ...] = ()
    calibration: Calibration | None = None
    importances: Mapping[str, float] = field(default_factory=dict)
    importance_of: str = ""
    segments: Mapping[str, tuple[Group, ...]] = field(default_factory=dict)
    months: tuple[Group, ...] = ()
    validation: AtThreshold | None = None
    detail: str = ""
    seconds: float | None = None

    def estimate(self, name: str) -> Estimate:
        """A measure by its name; NaN where it was not made."""
        return self.estimates.get(name, Estimate(math.nan))


@dataclass(frozen=True, slots=True)
class Evaluation(Result):
    """A whole training run, judged.

    Parameters
    ----------
    detectors
        All that were trained, `chosen` among them by name.
    threshold_rule
        How the threshold was found, as a sentence part: "least expected cost on validation".
    currency
        Of the amounts and costs, which are in its minor units; empty where there are none.
    created
        The date, as text: a report knows no clock.
    hashes, versions
        What makes the run repeatable, by name: bundle, scenario, data; libraries.
    intended_use, limits
        Sentences from whoever answers for the model; the report adds what follows from the figures.
    """

    scenario: str
    describe: str
    detectors: tuple[DetectorEvaluation, ...]
    chosen: str
    data: DataFacts
    split: SplitFacts
    threshold_rule: str
    seed: int
    created: str
    features: tuple[str, ...] = ()
    currency: str = ""
    matrix: CostMatrix | None = None
    leakage: LeakageReport | None = None
    hashes: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    intended_use: str = ""
    limits: tuple[str, ...] = ()
    interval_by: str = "rows"
    replicates: int = 0

    @property
    def best(self) -> DetectorEvaluation:
        """The chosen detector.

        Raises
        ------
        LookupError
            When `chosen` names none of the detectors.
        """
        for detector in self.detectors:
            if detector.name == self.chosen:
                return detector
        raise LookupError(f"{self.chosen!r} is none of {[detector.name for detector in self.detectors]}")

    def name_of(self, measure: str) -> str:
        """A measure in words, with the k and the entity of this run."""
        for each in self.best.days:
            if measure == ("precision_at_k" if each.what == "rows" else "entity_precision_at_k"):
                by = "" if each.what == "rows" else f", by {each.what}"
                return f"Precision among {each.precision.k} a day{by}"
        return MEASURES.get(measure, measure)

    @property
    def decimals(self) -> int:
        """Digits behind the point of the currency."""
        return exponent(self.currency) if self.currency else 0
