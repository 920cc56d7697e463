"""Chance as whole numbers: raw words of PCG64, whose stream numpy keeps the same on all machines."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

QUANTILES = 4096
_BELL = NormalDist()
_MASK = (1 << 64) - 1


class Dice:
    """One independent stream of whole numbers, named by a seed and a path of integers (purpose, day, ...).

    >>> Dice(7, 1).below(100) == Dice(7, 1).below(100)
    True
    """

    __slots__ = ("_words",)

    def __init__(self, seed: int, *path: int) -> None:
        self._words = np.random.PCG64(np.random.SeedSequence(seed, spawn_key=path))

    def draw(self, limit: int | Ints, size: int) -> Ints:
        """`size` integers, each from 0 to its limit less one; limits are from 1 to 2**31."""
        high = self._words.random_raw(size) >> np.uint64(33)
        scaled = high * np.asarray(limit, dtype=np.uint64) >> np.uint64(31)
        return scaled.astype(np.int64)

    def below(self, limit: int) -> int:
        """One integer from 0 to `limit` less one; `limit` is any size up to 2**63."""
        return int(self._words.random_raw()) * limit >> 64

    def between(self, low: int, high: int) -> int:
        """One integer from `low` to `high`, both included."""
        return low + self.below(high - low + 1)

    def word(self) -> int:
        """One 64-bit word."""
        return int(self._words.random_raw())


def mix_many(*parts: int | Ints) -> NDArray[np.uint64]:
    """A 64-bit word for each row of `parts`, without a state: the same parts always give the same word.

    The finaliser of splitmix64 over each part in turn (Steele, Lea and Flood, "Fast splittable pseudorandom
    number generators", OOPSLA 2014, doi:10.1145/2660193.2660195).
    """
    word = np.zeros(1, dtype=np.uint64)
    for part in parts:
        # Signed to unsigned wraps here, as it does in `mix_one`.
        plain = part if isinstance(part, np.ndarray) else np.array([part & _MASK], dtype=np.uint64)
        word = (word ^ plain.astype(np.uint64)) + np.uint64(0x9E3779B97F4A7C15)
        word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        word = word ^ (word >> np.uint64(31))
    return word


def mix_one(*parts: int) -> int:
    """`mix_many` of one row."""
    return int(mix_many(*parts)[0])


def hashed_below(limit: int | Ints, *parts: int | Ints) -> Ints:
    """Integers from 0 to `limit` less one that depend on `parts` alone; limits are from 1 to 2**31."""
    high = mix_many(*parts) >> np.uint64(33)
    return (high * np.asarray(limit, dtype=np.uint64) >> np.uint64(31)).astype(np.int64)


def bell_table(spread: int) -> Ints:
    """The `QUANTILES` mid-quantiles of a normal law with this standard deviation, as integers."""
    return np.array([round(spread * _quantile(i)) for i in range(QUANTILES)], dtype=np.int64)


def lognormal_table(sigma: float) -> Ints:
    """The `QUANTILES` mid-quantiles of a lognormal law with median 1, in 1/65,536."""
    factors = [round(65_536 * math.exp(sigma * _quantile(i))) for i in range(QUANTILES)]
    return np.array(factors, dtype=np.int64)


def choice_table(weights: list[int]) -> NDArray[np.uint8]:
    """A table of `QUANTILES` picks: a uniform draw picks index i with a share near weights[i] / sum."""
    total, table, seen = sum(weights), np.zeros(QUANTILES, dtype=np.uint8), 0
    for index, weight in enumerate(weights):
        start = seen * QUANTILES // total
        seen += weight
        table[start : seen * QUANTILES // total] = index
    return table


def _quantile(index: int) -> float:
    return _BELL.inv_cdf((index + 0.5) / QUANTILES)
