"""The Numenta anomaly benchmark on its 35 series of real and made-up sensors, with its own scoring.

    python benchmarks/nab.py

The shipped scenario `sensor_readings` as it stands: all series are read as one stream of readings, its
detector learns from the probation of the series (their first part, which the benchmark does not score),
without labels, and its policy's hold flags once while an episode lasts. The benchmark sets one threshold for
all series, the best one for each of its profiles. Nothing is tuned for a series. Writes its section of
docs/benchmarks.md.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
from page import DATA, Vectors, table, write_section

from riskloom.bundle import make_bundle
from riskloom.domain.read import NumberText
from riskloom.pipeline import Pipeline
from riskloom.policy.hold import Episodes, Hold
from riskloom.scenario.load import load_scenario
from riskloom.stream import UNLABELLED, Labelled
from riskloom.training.fit import fit_model
from riskloom.training.history import compute_features, unlabelled

FOLDER = DATA / "nab"
PROFILES = {"standard": (0.11, 1.0), "low FP": (0.22, 1.0), "low FN": (0.11, 2.0)}
"""What a false positive and a missed window cost."""
COLUMNS = ("subset_standard", "subset_reward_low_FP_rate", "subset_reward_low_FN_rate")
CHUNK = 8_192
SEED = 1
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Series:
    """One series: its readings in order of time, and the windows in which something was wrong (first and last
    reading of each)."""

    name: str
    times_us: Integers
    values: Vectors
    windows: tuple[tuple[int, int], ...]

    @property
    def probation(self) -> int:
        """How many readings at the beginning are not scored."""
        return min(int(0.15 * len(self.values)), 750)


def main() -> None:
    """Score all series and write the table down."""
    series = read_series()
    scores = score(series)
    rows = [
        (
            "**Riskloom, `sensor_readings`**",
            *(f"**{best(series, scores, *cost):.1f}**" for cost in PROFILES.values()),
        )
    ]
    with (DATA / "published" / "nab.csv").open() as file:
        published = sorted(csv.DictReader(file), key=lambda row: -float(row[COLUMNS[0]]))
    rows += [(row["detector"], *(f"{float(row[name]):.1f}" for name in COLUMNS)) for row in published]
    readings = sum(len(one.values) for one in series)
    write_section(
        "nab",
        f"""## Sensors: the Numenta anomaly benchmark, {len(series)} series

`python benchmarks/nab.py`: {readings:,} readings as one stream through `sensor_readings`, its `ecod` detector
trained on the probation of the series without labels (their first 15 %, which is not scored), flagged once
while an episode of two days lasts. One threshold for all series, set by the benchmark as for all others. The
published rows are of the same series, with the thresholds of the whole corpus. Which three features the
detector sees, and the two days, were chosen with these series in sight.

{table(("detector", *PROFILES), rows)}""",
    )


def read_series() -> list[Series]:
    """The series of the benchmark."""
    columns = pq.read_table(FOLDER / "nab_series.parquet").to_pydict()
    windows = json.loads((FOLDER / "windows.json").read_text())
    times = np.array(columns["timestamp"], "datetime64[us]").astype(np.int64)
    files, values = np.array(columns["file"]), np.array(columns["value"], float)
    found = []
    for name in dict.fromkeys(columns["file"]):
        own = files == name
        told = next(spans for file, spans in windows.items() if file.endswith(name))
        spans = np.array(told, "datetime64[us]").reshape(-1, 2).astype(np.int64)
        first, last = (
            np.searchsorted(times[own], spans[:, 0]),
            np.searchsorted(times[own], spans[:, 1], "right") - 1,
        )
        found.append(
            Series(name, times[own], values[own], tuple(zip(first.tolist(), last.tolist(), strict=True)))
        )
    return found


def score(series: list[Series]) -> list[Vectors]:
    """The anomaly score of each reading; of one that the policy's hold keeps back minus infinity."""
    scenario = load_scenario("sensor_readings")
    order = sorted((int(t), at, row) for at, one in enumerate(series) for row, t in enumerate(one.times_us))
    where = np.array([(at, row) for _, at, row in order])
    events = stream(series, order, scenario.schema())
    vectors = np.concatenate([v for _, v in compute_features(Pipeline(make_bundle(scenario, None)), events)])
    probation = where[:, 1] < np.array([one.probation for one in series])[where[:, 0]]
    scores = fit_model(unlabelled(vectors[probation]), scenario, seed=SEED).score_many(vectors).anomaly_scores
    hold = scenario.policy.hold
    assert hold is not None
    found = []
    for at, one in enumerate(series):
        own = scores[where[:, 0] == at]
        found.append(held_back(one, own, hold))
    return found


def stream(series: list[Series], order: list[tuple[int, int, int]], schema: Any) -> Iterator[list[Labelled]]:
    """All readings in order of time."""
    for start in range(0, len(order), CHUNK):
        yield [
            (
                schema.parse_one(
                    {
                        "reading_id": f"{at}:{row}",
                        "timestamp": f"{np.datetime64(time_us, 'us')}Z",
                        "sensor": series[at].name,
                        "value": NumberText(repr(float(series[at].values[row]))),
                    },
                    time_us,
                    make_id=str,
                ),
                UNLABELLED,
            )
            for time_us, at, row in order[start : start + CHUNK]
        ]


def held_back(one: Series, scores: Vectors, hold: Hold) -> Vectors:
    """What the policy flags at any threshold: an episode's readings that are not worse than those before are
    held, whatever the threshold is that all of them pass."""
    episodes, kept = Episodes(replace(hold, entity="sensor")), scores.copy()
    for row, (time_us, worth) in enumerate(zip(one.times_us.tolist(), scores.tolist(), strict=True)):
        if episodes.holds(time_us, one.name, worth):
            kept[row] = -np.inf
        episodes.take(time_us, one.name, worth)
    return kept


def best(series: list[Series], scores: list[Vectors], fp_cost: float, fn_cost: float) -> float:
    """The benchmark's score at the threshold that makes it highest, 0 for detecting nothing, 100 for all."""
    scored = np.concatenate([s[one.probation :] for one, s in zip(series, scores, strict=True)])
    thresholds = np.unique(scored[np.isfinite(scored)])[-4_000:]
    worths = [worth_of(one) for one in series]
    windows = sum(len(counted(one)) for one in series)
    found = max(
        sum(
            raw(one, s, w, threshold, fp_cost, fn_cost)
            for one, s, w in zip(series, scores, worths, strict=True)
        )
        for threshold in thresholds
    )
    return 100 * (found + fn_cost * windows) / (windows + fn_cost * windows)


def raw(
    one: Series, scores: Vectors, worth: Vectors, threshold: float, fp_cost: float, fn_cost: float
) -> float:
    """What the detections of one series are worth."""
    flagged = np.flatnonzero(scores >= threshold)
    flagged = flagged[flagged >= one.probation]
    total, outside = 0.0, np.ones(len(flagged), bool)
    for first, last in counted(one):
        inside = (flagged >= first) & (flagged <= last)
        outside &= ~inside
        total += worth[flagged[inside][0]] if inside.any() else -fn_cost
    return total + fp_cost * float(worth[flagged[outside]].sum())


def counted(one: Series) -> list[tuple[int, int]]:
    """The windows that end after the probation."""
    return [(first, last) for first, last in one.windows if last >= one.probation]


def worth_of(one: Series) -> Vectors:
    """What a detection at each reading is worth: in a window from 1 at its beginning to 0 at its end; behind
    one falling to -1, as it is before the first."""
    worth = np.full(len(one.values), -1.0)
    for (first, last), (following, _) in pairwise([*one.windows, (len(worth), len(worth))]):
        behind = np.arange(last + 1, following)
        worth[last + 1 : following] = sigmoid((behind - last) / max(last - first, 1))
        inside = np.arange(first, last + 1)
        worth[first : last + 1] = sigmoid(-(last - inside + 1) / (last - first + 1)) / sigmoid(-1.0)
    return worth


def sigmoid(position: Any) -> Any:
    """The benchmark's scaled sigmoid; position 0 is a window's end, -1 its beginning."""
    return 2.0 / (1.0 + np.exp(5.0 * position)) - 1.0


if __name__ == "__main__":
    main()
