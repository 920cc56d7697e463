"""The two data sets of policy_table.py: their weeks, models, rules, and what is left out as known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from page import DATA, ROOT, events_of, vectors_of

from riskloom.model import Model
from riskloom.scenario.load import load_scenario, scenario_from_parts
from riskloom.scenario.scenario import Scenario
from riskloom.stream import Labelled
from riskloom.training.fit import fit_model
from riskloom.training.history import History
from riskloom.training.known import drop_known
from riskloom.training.split import Parts, split_by_durations

DAY_US = 86_400_000_000
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Fold:
    """A training period and a judged one, µs from and before; a label delay lies between."""

    train: tuple[int, int]
    judged: tuple[int, int]


@dataclass(frozen=True)
class Case:
    """A data set: how it is read, trained on and judged.

    Parameters
    ----------
    per_day, tried
        The budgets of the table, and those that were tried on the weeks before.
    percentile
        The policy's own threshold: of its first day, and of what a flagged customer pays later that day.
    strict, loose
        The rules of the policy (code, condition); of rules alone, with `{}` for the number that loosens.
    ladder
        The numbers that are put there, from the strictest on.
    """

    title: str
    said: str
    currency: str
    file: Path
    scenario: Path
    entity: str
    drops_known: bool
    model: Mapping[str, Any]
    test: tuple[Fold, ...]
    validation: tuple[Fold, ...]
    per_day: tuple[int, ...]
    tried: tuple[int, ...]
    percentile: float
    strict: tuple[tuple[str, str], ...]
    loose: tuple[tuple[str, str], ...]
    ladder: tuple[float, ...]

    def rules(self, looseness: float | None = None) -> list[dict[str, object]]:
        """The rules as a scenario declares them."""
        written = self.strict if looseness is None else self.loose
        return [
            {"code": code, "when": when.format(looseness), "message": code.lower().replace("_", " ")}
            for code, when in written
        ]

    def chunks(self) -> Iterator[list[Labelled]]:
        """The recorded events in arrival order."""
        return events_of(load_scenario(self.scenario), self.file)

    def fit(self, history: History, fold: Fold, seed: int) -> Model:
        """The model of a fold, learned from its training period."""
        inside = (history.time_us >= fold.train[0]) & (history.time_us < fold.train[1])
        return fit_model(
            history.rows(inside), self.scenario_of(history, fold, {"percentile": 98}, ()), seed=seed
        )

    def judged(self, history: History, fold: Fold) -> Rows:
        """The rows that are judged, without known cards where the protocol leaves them out."""
        return self._parts(history, fold).test

    def _parts(self, history: History, fold: Fold) -> Parts:
        days = [(end - start) // DAY_US for start, end in (fold.train, fold.judged)]
        split = split_by_durations(fold.train[0], train=f"{days[0]}d", delay="7d", test=f"{days[1]}d")
        parts = split.assign(history.time_us)
        return (
            drop_known(parts, history.time_us, history.labels, history.entities)
            if self.drops_known
            else parts
        )

    def scenario_of(
        self,
        history: History,
        fold: Fold,
        policy: Mapping[str, object],
        rules: Sequence[Mapping[str, object]],
    ) -> Scenario:
        """The scenario with detector, policy and rules; what is left out as known is on an allow list."""
        parts = {**load_scenario(self.scenario).parts, "rules": [*rules], "policy": dict(policy)}
        parts["model"] = {"detector": dict(self.model), "calibration": "none"}
        if self.drops_known:
            parts["lists"] = [self._known(history, fold)]
        return scenario_from_parts(parts)

    def _known(self, history: History, fold: Fold) -> dict[str, object]:
        """An allow list of cards that are not judged, each from the day on that leaves it out."""
        dropped = self._parts(history, fold).dropped
        first: dict[int, int] = {}
        for card, time_us in zip(
            history.entities[dropped].tolist(), history.time_us[dropped].tolist(), strict=True
        ):
            first.setdefault(card, time_us // DAY_US * DAY_US)
        entries = [
            {"value": str(card), "from": f"{np.datetime64(since_us, 'us').astype('datetime64[s]')}Z"}
            for card, since_us in sorted(first.items())
        ]
        return {"name": "known", "of": self.entity, "kind": "allow", "entries": entries}


def read_history(case: Case, from_us: int, until_us: int) -> History:
    """Features by the engine over the whole history, of the rows of a time. Entities are ids as numbers."""
    scenario = load_scenario(case.scenario)
    amount = scenario.feature_names.index("amount")
    columns: list[list[npt.NDArray[Any]]] = [[] for _ in range(4)]
    for chunk, vectors in vectors_of(scenario, case.file):
        if chunk[0][0].time_us >= until_us:
            break
        if chunk[-1][0].time_us < from_us:
            continue
        columns[0].append(vectors)
        columns[1].append(np.array([label for _, label in chunk], np.float64))
        columns[2].append(np.array([event.time_us for event, _ in chunk], np.int64))
        columns[3].append(np.array([int(str(event.values[case.entity])) for event, _ in chunk], np.int64))
    vectors, labels, time_us, entities = (np.concatenate(parts) for parts in columns)
    return History(vectors, labels, time_us, vectors[:, amount], entities)


def day(written: str) -> int:
    """A day as microseconds."""
    return int(np.datetime64(written, "us").astype(np.int64))


def weeks(*starts: str) -> tuple[Fold, ...]:
    """Training weeks, each with a judged week 14 days later."""
    return tuple(
        Fold((day(start), day(start) + 7 * DAY_US), (day(start) + 14 * DAY_US, day(start) + 21 * DAY_US))
        for start in starts
    )


HANDBOOK = Case(
    title="Handbook, the four test weeks of the prequential protocol",
    said="Each week has the model of the training week 14 days before (LightGBM, the parameters of the "
    "supervised table); cards known to be compromised are left out, for all alike.",
    currency="EUR",
    file=DATA / "handbook" / "transactions.parquet",
    scenario=ROOT / "examples" / "handbook" / "supervised.yaml",
    entity="CUSTOMER_ID",
    drops_known=True,
    model={
        "kind": "lightgbm",
        "parameters": {
            "trees": 150, "num_leaves": 8, "min_data_in_leaf": 50, "reg_lambda": 10.0, "colsample": 0.5,
        },
    },
    test=weeks("2018-07-25", "2018-08-01", "2018-08-08", "2018-08-15"),
    validation=weeks("2018-06-27", "2018-07-04", "2018-07-11"),
    per_day=(40,),
    tried=(40,),
    percentile=99.5,
    strict=(
        ("ABOVE_220", "TX_AMOUNT > 220"),
        ("FAR_ABOVE_OLDER", "amount_vs_older > 3"),
        ("TERMINAL_COMPROMISED", "terminal_frauds_14d >= 3 and terminal_frauds_35d == terminal_frauds_28d"),
    ),
    loose=(
        ("ABOVE_220", "TX_AMOUNT > 220"),
        ("TERMINAL_COMPROMISED", "terminal_frauds_14d >= 2 and terminal_frauds_35d == terminal_frauds_28d"),
        ("FAR_ABOVE_OLDER", "amount_vs_older > {}"),
    ),
    ladder=(6, 4, 3.5, 3.2, 3, 2.8, 2.5),
)  # fmt: skip

SPARKOV = Case(
    title="Sparkov 2019, the last quarter",
    said="One model (LightGBM) of 1 January to 23 September; labels are known after seven days.",
    currency="USD",
    file=DATA / "sparkov" / "sparkov_sim_a_2019.parquet",
    scenario=ROOT / "examples" / "sparkov" / "supervised.yaml",
    entity="cc_num",
    drops_known=False,
    model={
        "kind": "lightgbm",
        "parameters": {
            "trees": 400, "num_leaves": 31, "learning_rate": 0.05, "min_data_in_leaf": 50,
            "reg_lambda": 10.0, "colsample": 0.5,
        },
    },
    test=(Fold((day("2019-01-01"), day("2019-09-24")), (day("2019-10-01"), day("2020-01-01"))),),
    validation=(Fold((day("2019-01-01"), day("2019-07-25")), (day("2019-08-01"), day("2019-09-24"))),),
    per_day=(3,),
    tried=(3,),
    percentile=98.5,
    strict=(
        ("TINY_FUEL", "category == 'gas_transport' and amt < 17"),
        ("SURE", "risk_score >= 99.3"),
    ),
    loose=(
        ("TINY_FUEL", "category == 'gas_transport' and amt < 17"),
        ("TELLING_AGAIN", "is_telling == 1 and card_telling_48h >= 1 and amt > {}"),
    ),
    ladder=(350, 310, 290, 250, 0),
)  # fmt: skip
