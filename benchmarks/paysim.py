"""PaySim's Kaggle rows: ten honest payments to a fraud, as published; then at the fraud rate of the real log.

    python benchmarks/paysim.py

The rows drawn at random over the month: 70 % train, 30 % test, by the seed. A published system measured a
logistic regression on a test of 10 honest rows to 1 fraud, its scaler fitted on that test and its threshold
chosen there. Here scaler and threshold come from train: the threshold is that of the best F1 of scores that 5
folds of it give each other. At the natural rate the shares of frauds and of honest rows that are flagged are
weighed by 0.129 %, when the threshold is chosen and when the test is judged. Writes its section of
docs/benchmarks.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
from page import DATA, Vectors, table, vectors_of, write_section
from sklearn.model_selection import StratifiedKFold, train_test_split

from riskloom import detectors
from riskloom.detectors.prepare import Preparation
from riskloom.detectors.prepare_spec import PreparationSpec
from riskloom.measure.ranking import roc_auc
from riskloom.measure.threshold import sweep_thresholds
from riskloom.scenario.load import load_scenario

FILE = DATA / "paysim" / "paysim_kaggle_subset.parquet"
SEEDS, FOLDS, TEST, HONEST = (1, 2, 3, 4, 5), 5, 0.3, 10
NATURAL = 8_213 / 6_362_620
KINDS = ("logistic_regression", "xgboost", "lightgbm", "isolation_forest")
TYPES = ("is_transfer", "is_cash_out", "is_cash_in", "is_payment", "is_debit")
BEFORE = ("amount_value", *TYPES, "sender_balance", "receiver_balance")
AFTER = ("sender_balance_after", "receiver_balance_after")
BOOKED = (*AFTER, "sender_books_differ", "receiver_books_differ")
OF_BALANCES = (
    "sender_balance", "receiver_balance", "amount_share_of_balance", "amount_beyond_balance",
    "takes_whole_balance", "sender_has_nothing", "receiver_has_nothing",
)  # fmt: skip
FLOOR = 0.995
LOGARITHMS = PreparationSpec.read([{"scale": "log"}])
"""What the regression sees of its inputs; nothing is learned for it. It standardises them on train."""

Labels = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Payments:
    """Features by name and labels of all rows, and which were drawn at random."""

    names: tuple[str, ...]
    vectors: Vectors
    fraud: Labels
    random: npt.NDArray[np.bool_]

    def columns(self, names: tuple[str, ...]) -> Vectors:
        """Some features, float64[n, F]."""
        return np.ascontiguousarray(self.vectors[:, [self.names.index(name) for name in names]])


@dataclass(frozen=True, slots=True)
class Rates:
    """What a threshold does: the shares of frauds and of honest rows that it flags."""

    recall: float
    false: float

    def precision(self, rate: float) -> float:
        """The share of frauds among alerts where so large a share of all rows is fraud."""
        alerts = rate * self.recall + (1 - rate) * self.false
        return rate * self.recall / alerts if alerts else 0.0


def main() -> None:
    """Measure everything and write it down."""
    payments = read_payments()
    without = tuple(name for name in payments.names if name not in BOOKED)
    inputs = {
        "PaySim's columns, balances after the payment too": (*BEFORE, *AFTER),
        "PaySim's columns, balances before it alone": BEFORE,
        "mobile_money, all features": payments.names,
        "mobile_money, what is known before booking": without,
        "mobile_money, no balances at all": tuple(name for name in without if name not in OF_BALANCES),
    }
    rows = [
        (f"{said} ({len(names)})", kind, *assess(payments, names, kind))
        for said, names in inputs.items()
        for kind in KINDS
    ]
    write_section("paysim", report(payments, rows))


def read_payments() -> Payments:
    """The features of the scenario mobile_money."""
    scenario = load_scenario("mobile_money")
    vectors = np.concatenate([found for _, found in vectors_of(scenario, FILE)])
    read = pq.read_table(FILE, columns=["isFraud", "draw"])
    fraud = read["isFraud"].to_numpy().astype(np.float64)
    return Payments(scenario.feature_names, vectors, fraud, np.array(read["draw"].to_pylist()) == "random")


def assess(payments: Payments, names: tuple[str, ...], kind: str) -> tuple[str, ...]:
    """Figures of one detector on some inputs, means over the seeds."""
    X, y = payments.columns(names), payments.fraud
    if kind == "logistic_regression":
        X = Preparation.fit(LOGARITHMS, names, (), X).apply_many(X)
    early = np.flatnonzero(~payments.random & (y == 0))
    found = []
    for seed in SEEDS:
        learned, judged = train_test_split(
            np.flatnonzero(payments.random), test_size=TEST, stratify=y[payments.random], random_state=seed
        )
        few, tested = ten_to_one(learned, y, seed), ten_to_one(judged, y, seed)
        model = detectors.load(kind).fit(X[few], seed=seed, labels=y[few])
        scores, folded = model.score_many(X), in_folds(kind, X, y, learned, seed)
        at_ten = rates(scores, y, tested, best_threshold(folded[np.isin(learned, few)], y[few], 1 / 11))
        threshold = best_threshold(folded, y[learned], NATURAL)
        natural = rates(scores, y, judged, threshold)
        long = Rates(natural.recall, float((scores[early] >= threshold).mean()))
        precision = at_ten.precision(1 / (1 + HONEST))
        found.append(
            (
                roc_auc(y[tested], scores[tested]),
                precision,
                at_ten.recall,
                2 * precision * at_ten.recall / max(precision + at_ten.recall, 1e-12),
                at_ten.precision(NATURAL),
                natural.precision(NATURAL),
                natural.recall,
                long.precision(NATURAL),
            )
        )
    auc, *shares = np.mean(found, axis=0).tolist()
    per_fraud = 1 / shares[4] if shares[4] else float("inf")
    return (f"{auc:.4f}", *(f"{share:.3f}" for share in shares[:6]), f"{per_fraud:.1f}", f"{shares[6]:.3f}")


def ten_to_one(rows: Rows, y: Labels, seed: int) -> Rows:
    """All frauds of some rows and ten times as many of the others, in their order."""
    honest, frauds = rows[y[rows] == 0], rows[y[rows] == 1]
    drawn = np.random.default_rng(seed).permutation(honest)[: HONEST * len(frauds)]
    return rows[np.isin(rows, np.concatenate((frauds, drawn)))]


def in_folds(kind: str, X: Vectors, y: Labels, rows: Rows, seed: int) -> Vectors:
    """The scores of some rows, each by a model of the other folds."""
    scores = np.empty(len(rows))
    for others, own in StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(rows, y[rows]):
        few = ten_to_one(rows[others], y, seed)
        scores[own] = detectors.load(kind).fit(X[few], seed=seed, labels=y[few]).score_many(X[rows[own]])
    return scores


def best_threshold(scores: Vectors, y: Labels, rate: float) -> float:
    """The threshold of the best F1 where so large a share of all rows is fraud."""
    swept = sweep_thresholds(y, scores)
    recall = swept.recall
    alerts = rate * recall + (1 - rate) * swept.false_positive_rate
    return float(swept.thresholds[np.argmax(2 * rate * recall / (alerts + rate))])


def rates(scores: Vectors, y: Labels, rows: Rows, threshold: float) -> Rates:
    """What a threshold does to some rows."""
    flagged, fraud = scores[rows] >= threshold, y[rows] == 1
    return Rates(float(flagged[fraud].mean()), float(flagged[~fraud].mean()))


def report(payments: Payments, rows: list[tuple[str, ...]]) -> str:
    """The section of the page."""
    header = (
        "inputs", "detector", "AUC", "precision at 10:1", "recall", "F1", "its precision at 0.129 %",
        "threshold for 0.129 %: precision", "recall", "alerts per fraud", "precision over early rows",
    )  # fmt: skip
    drawn, frauds = int(payments.random.sum()), int(payments.fraud[payments.random].sum())
    early = int((~payments.random & (payments.fraud == 0)).sum())
    said = "; ".join(
        f"{row[2]} on {row[0]}{'' if float(row[2]) >= FLOOR else ' (**not met**)'}"
        for row in rows
        if row[1] == "logistic_regression"
    )
    return f"""## PaySim: genuine rows of the Kaggle log

`python benchmarks/paysim.py` (seeds {", ".join(map(str, SEEDS))}; means)

{drawn:,} rows drawn over the whole month, {frauds} of them frauds; 70 % train, 30 % test. Published (scaler
fitted and threshold chosen on the test itself, 10 honest rows to 1 fraud): logistic regression AUC 0.9958,
precision 0.944, recall 0.929, F1 0.936. Here both come from train alone. The detectors have their defaults;
the forest sees no labels. The regression sees logarithms (`scale: log`), decided on after it had reached
0.968 without them on the first inputs. How many inputs there are stands in brackets.

{table(header, rows)}

Asked for: a logistic regression of AUC >= {FLOOR}. It reaches {said}.

The fraudster of PaySim takes the whole balance: the feature `takes_whole_balance` of `mobile_money` says so
before the payment is booked, and nearly solves the set; beside it the balances after the payment add nothing.
Without any balance a fraud has to be told by amount, type and hour.

At the rate of the real log (0.129 %) a test of {round(TEST * (drawn - frauds)):,} honest rows is small: one
false alarm among them lowers a precision of 1 to 0.82. So the last column counts the false alarms among
the {early:,} honest rows of the early part of the log, which no model learned from; that is another time of
the month, not another draw.
"""


if __name__ == "__main__":
    main()
