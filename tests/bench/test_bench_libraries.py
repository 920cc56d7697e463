"""The libraries that are compared with compute the same windows: without ties all values are equal."""

from __future__ import annotations

import numpy as np
import pytest

from riskloom.bench import libraries
from riskloom.bench.stream import Stream, make_stream
from riskloom.features.spec import SECOND_US


@pytest.fixture(scope="module")
def stream() -> Stream:
    """Few seconds for many events, so that ties are the rule."""
    made = make_stream(2_000)
    time_us = np.sort(np.random.default_rng(1).integers(0, 400, len(made))) * 1000 * SECOND_US
    ids = {name: column % 7 for name, column in made.ids.items()}
    texts = {name: [str(number) for number in column.tolist()] for name, column in ids.items()}
    return Stream(time_us, ids, texts, made.amount, made.lat, made.lon)


def test_duckdb_corrected_for_ties_gives_our_values(stream: Stream) -> None:
    pytest.importorskip("duckdb", reason="the extra `bench` is not installed")
    assert libraries._differing(libraries.duckdb(stream), libraries.riskloom(stream)) == 0


def test_pandas_gives_our_values(stream: Stream) -> None:
    pytest.importorskip("pandas", reason="the extra `bench` is not installed")
    assert libraries._differing(libraries.pandas(stream), libraries.riskloom(stream)) == 0


def test_polars_gives_our_values_but_for_ties(stream: Stream) -> None:
    pytest.importorskip("polars", reason="the extra `bench` is not installed")
    apart = np.arange(len(stream)) * 977 * SECOND_US
    alone = Stream(apart, stream.ids, stream.texts, stream.amount, stream.lat, stream.lon)
    assert libraries._differing(libraries.polars(alone), libraries.riskloom(alone)) == 0
    assert libraries._differing(libraries.polars(stream), libraries.riskloom(stream)) > 1_000


def test_a_wrong_value_and_a_missing_one_are_counted() -> None:
    exact = np.array([[1.0, np.nan, 3.0, 1e9]])
    assert libraries._differing(exact, exact) == 0
    assert libraries._differing(np.array([[1.1, 0.0, np.nan, 1e9 + 1]]), exact) == 3
