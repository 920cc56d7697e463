"""A `Standard` scales as the usual scaler does, but for gaps, infinities and what lies far out."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from riskloom.detectors.base import Arrays
from riskloom.detectors.checks import edges, sample
from riskloom.detectors.standardise import LARGEST, Standard
from riskloom.errors import BundleInvalid


def test_ordinary_rows_are_scaled_as_by_the_usual_scaler() -> None:
    X = sample(1)

    standard, rows = Standard.fit(X)

    assert np.allclose(rows, StandardScaler().fit_transform(X), rtol=0, atol=1e-12)
    assert np.allclose(standard.apply(X), rows, rtol=0, atol=1e-12)


def test_the_limits_lie_three_spans_beyond_the_outer_quantiles() -> None:
    column = np.arange(10_001.0)
    column[-1] = 1e9

    standard, rows = Standard.fit(column[:, None])

    assert standard.lower.tolist() == [10.0 - 3 * 9_980.0]
    assert standard.upper.tolist() == [9_990.0 + 3 * 9_980.0]
    assert rows.max() * standard.scale[0] + standard.center[0] == pytest.approx(standard.upper[0])


def test_a_rare_flag_keeps_its_values() -> None:
    flag = np.zeros(10_000)
    flag[7] = 1.0

    standard, rows = Standard.fit(flag[:, None])

    assert standard.upper[0] == 4.0
    assert rows[7, 0] == pytest.approx(np.sqrt(9_999))


def test_the_outer_quantiles_are_values_that_were_there() -> None:
    column = np.zeros(1_990)
    column[:2] = 8.0, 16.0  # the 99.9 % quantile lies between 0 and 8

    standard, _ = Standard.fit(column[:, None])

    assert (standard.lower[0], standard.upper[0]) == (-24.0, 32.0)


def test_a_constant_stays_that_constant() -> None:
    standard, rows = Standard.fit(np.full((50, 1), 1e9 + 0.1))

    assert standard.scale[0] == 1.0
    assert np.abs(rows).max() < 1e-6
    assert np.abs(standard.apply(np.array([[-5.0], [np.inf]]))).max() < 1e-6


def test_gaps_become_the_median_and_infinities_a_limit() -> None:
    X = sample(2)
    X[::4, 1] = np.nan
    X[:, 4] = np.nan

    standard, _ = Standard.fit(X)

    given = np.array([X[1], X[1], X[1]])
    given[:, 1] = np.nan, np.inf, -np.inf
    wanted = np.array([np.nanmedian(X[:, 1]), standard.upper[1], standard.lower[1]])
    assert np.array_equal(standard.apply(given)[:, 1], (wanted - standard.center[1]) / standard.scale[1])
    assert standard.fill[4] == standard.apply(given)[0, 4] == 0.0


def test_whatever_comes_is_scaled_finitely() -> None:
    X = edges(sample(3))

    for standard, rows in (Standard.fit(X), Standard.fit(X[-10:]), Standard.fit(np.full((3, 2), np.nan))):
        assert np.isfinite(rows).all()
        assert np.isfinite(standard.apply(edges(sample(1))[:, : rows.shape[1]])).all()
        standard.check("it", 6)


def test_subnormal_differences_are_no_scale() -> None:
    standard, _ = Standard.fit(np.array([[0.0], [1e-310]]))

    assert standard.scale[0] == 1.0


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("fill", np.zeros(0)),
        ("fill", np.zeros(2)),
        ("lower", np.full(3, 2.0)),
        ("upper", np.full(3, LARGEST * 1.01)),
        ("center", np.full(3, np.nan)),
        ("scale", np.full(3, 1e-101)),
        ("scale", np.full(3, np.inf)),
    ],
)
def test_what_is_no_scaling_is_refused(name: str, broken: np.ndarray) -> None:
    ones: Arrays = {"fill": np.zeros(3), "lower": -np.ones(3), "upper": np.ones(3)}
    arrays = ones | {"center": np.zeros(3), "scale": np.ones(3)} | {name: broken}

    with pytest.raises(BundleInvalid, match=r"^it"):
        Standard.read(arrays, "it", 3)
