"""The features of the Fraud Detection Handbook, reproduced from its payments by the path that the CLI takes.

The book: Y.-A. Le Borgne, W. Siblini, B. Lebichot, G. Bontempi, "Reproducible Machine Learning for Credit
Card Fraud Detection - Practical Handbook", Université Libre de Bruxelles, 2022, chapter 3.3.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import pytest

from riskloom.adapters.sources.parquet import open_rows
from riskloom.bundle import make_bundle
from riskloom.domain.field import Field, FieldType
from riskloom.pipeline import Pipeline
from riskloom.scenario.load import load_scenario
from riskloom.stream import EventStream
from riskloom.training.history import compute_features

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("RISKLOOM_DATA") or ROOT.parent / "shared" / "data") / "handbook"
ROWS = 201_295
AFTER_US = np.datetime64("2018-08-15", "us").astype(np.int64)
SWAPPED = (1_240_489, 1_240_490)
"""Two payments of one customer in the same second; the book took them in the other order."""

EXACT = {
    "customer_tx_count_1d": "CUSTOMER_ID_NB_TX_1DAY_WINDOW",
    "customer_tx_count_7d": "CUSTOMER_ID_NB_TX_7DAY_WINDOW",
    "customer_tx_count_30d": "CUSTOMER_ID_NB_TX_30DAY_WINDOW",
    "terminal_tx_count_1d": "TERMINAL_ID_NB_TX_1DAY_WINDOW",
    "terminal_tx_count_7d": "TERMINAL_ID_NB_TX_7DAY_WINDOW",
    "terminal_tx_count_30d": "TERMINAL_ID_NB_TX_30DAY_WINDOW",
    "during_weekend": "TX_DURING_WEEKEND",
    "during_night": "TX_DURING_NIGHT",
}
MEANS = {
    "customer_amount_mean_1d": "CUSTOMER_ID_AVG_AMOUNT_1DAY_WINDOW",
    "customer_amount_mean_7d": "CUSTOMER_ID_AVG_AMOUNT_7DAY_WINDOW",
    "customer_amount_mean_30d": "CUSTOMER_ID_AVG_AMOUNT_30DAY_WINDOW",
}

RISKS = {
    "terminal_risk_1d": "TERMINAL_ID_RISK_1DAY_WINDOW",
    "terminal_risk_7d": "TERMINAL_ID_RISK_7DAY_WINDOW",
    "terminal_risk_30d": "TERMINAL_ID_RISK_30DAY_WINDOW",
}

pytestmark = [
    pytest.mark.data,
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no reference data at {DATA}; set RISKLOOM_DATA"),
]

Columns = Mapping[str, npt.NDArray[np.float64]]


@pytest.fixture(scope="module")
def published() -> Columns:
    table = pq.read_table(DATA / "features_2018-07-25_2018-08-14.parquet")
    return {name: table[name].to_numpy().astype(np.float64) for name in table.column_names}


@pytest.fixture(scope="module")
def computed(published: Columns) -> Columns:
    """Our features of the published rows, in their order; payments since 2018-04-01 are in the windows."""
    scenario = load_scenario(ROOT / "examples" / "handbook")
    label = Field(scenario.label_field, FieldType.STRING, required=False)
    rows: Any = open_rows(DATA / "transactions.parquet", (*scenario.fields, label), [])
    buried: list[object] = []
    schema = scenario.schema(ignore_unknown=True)
    stream = EventStream(rows, schema, "handbook", buried.append, scenario.label_field)
    wanted = published["TRANSACTION_ID"]
    vectors = np.full((len(wanted), len(scenario.feature_names)), np.nan)
    for chunk, found in compute_features(Pipeline(make_bundle(scenario, None)), stream.labelled_chunks()):
        ids = np.array([int(event.id) for event, _ in chunk])
        at = np.minimum(np.searchsorted(wanted, ids), len(wanted) - 1)
        chosen = wanted[at] == ids
        vectors[at[chosen]] = found[chosen]
        if chunk[0][0].time_us >= AFTER_US:
            break
    assert not buried
    return {name: vectors[:, place] for place, name in enumerate(scenario.feature_names)}


def test_all_published_rows_are_there_in_the_order_of_their_ids(published: Columns) -> None:
    assert len(published["TRANSACTION_ID"]) == ROWS
    assert (np.diff(published["TRANSACTION_ID"]) > 0).all()


@pytest.mark.parametrize("ours", EXACT)
def test_counts_and_flags_are_the_books_but_for_the_tied_pair(
    ours: str, computed: Columns, published: Columns
) -> None:
    differs = computed[ours] != published[EXACT[ours]]
    assert set(published["TRANSACTION_ID"][differs]) == _expected_to_differ(ours)


@pytest.mark.parametrize("ours", MEANS)
def test_mean_amounts_are_the_books_but_for_the_tied_pair(
    ours: str, computed: Columns, published: Columns
) -> None:
    differs = ~(np.abs(computed[ours] - published[MEANS[ours]]) <= 1e-6)
    assert set(published["TRANSACTION_ID"][differs]) == _expected_to_differ(ours)


@pytest.mark.parametrize("ours", RISKS)
def test_terminal_risks_are_the_books(ours: str, computed: Columns, published: Columns) -> None:
    assert np.abs(computed[ours] - published[RISKS[ours]]).max() <= 1e-6


def _expected_to_differ(ours: str) -> set[int]:
    return set(SWAPPED) if ours.startswith("customer") else set()


def test_the_tied_pair_is_the_books_with_its_counts_exchanged(computed: Columns, published: Columns) -> None:
    first, second = np.searchsorted(published["TRANSACTION_ID"], SWAPPED)
    for ours, theirs in EXACT.items():
        if ours.startswith("customer"):
            assert computed[ours][first] == published[theirs][second]
            assert computed[ours][second] == published[theirs][first]
