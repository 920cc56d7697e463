"""What some nodes of trees ask beside "is the value above the threshold?": for categories, and for zeros."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from riskloom.detectors.base import Arrays
from riskloom.errors import BundleInvalid

CODES = 2**24
"""A category is a whole number from 0 to one below this."""
MOST_WORDS = 2**24
"""Of 64 bits, for the answers of all nodes to each category, as the kernels read them."""

FIELDS: dict[str, type[np.generic]] = {
    "zero_missing": np.uint8,
    "code_start": np.int64,
    "code": np.int32,
}


class Answers(NamedTuple):
    """The nodes that ask for categories, the place of each one's answer, and the tables of the kernels."""

    node: npt.NDArray[np.int64]
    place: npt.NDArray[np.int64]
    places: int
    tables: tuple[Any, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Branches:
    """How N nodes branch that do not ask for a threshold alone. Checked by the `Trees` that hold it.

    Parameters
    ----------
    zero_missing
        uint8[N]: 1 where zero counts as missing (LightGBM's `zero_as_missing`).
    code_start
        int64[N + 1]: where the categories that a node lists begin in `code`, and C. A node that lists any
        asks for nothing else: they go left, all others go right, seen or unseen, missing ones as it says.
    code
        int32[C]: the listed categories, rising within a node.
    """

    zero_missing: npt.NDArray[np.uint8]
    code_start: npt.NDArray[np.int64]
    code: npt.NDArray[np.int32]

    @property
    def by_code(self) -> npt.NDArray[np.bool_]:
        """Which nodes ask for categories."""
        return np.diff(self.code_start) > 0

    def arrays(self) -> Arrays:
        """The arrays by name."""
        return {name: getattr(self, name) for name in FIELDS}

    def first(self, nodes: int) -> Branches:
        """Those of the first so many nodes."""
        start = self.code_start[: nodes + 1]
        return Branches(self.zero_missing[:nodes], start, self.code[: start[-1]])

    def check(self, feature: npt.NDArray[np.int32], leaf: int) -> None:
        """Refuse what does not fit nodes that ask about `feature` (`leaf` at a leaf).

        Raises
        ------
        BundleInvalid
            The kernels check nothing.
        """
        nodes, start, code = feature.size, self.code_start, self.code
        if self.zero_missing.shape != (nodes,) or (self.zero_missing > 1).any():
            raise BundleInvalid(f"trees.zero_missing: expected 0 or 1 for each of {nodes} nodes.")
        if start.shape != (nodes + 1,) or code.ndim != 1:
            raise BundleInvalid(f"trees.code_start: expected a place for each of {nodes} nodes, and the end.")
        if start[0] != 0 or start[-1] != code.size or (start[1:] < start[:-1]).any():
            raise BundleInvalid(f"trees.code_start: expected a rising sequence from 0 to {code.size}.")
        if code.size and not (code.min() >= 0 and code.max() < CODES):
            raise BundleInvalid(f"trees.code: expected categories from 0 to {CODES - 1}.")
        begins = np.zeros(code.size + 1, np.bool_)
        begins[start] = True
        if (np.diff(code) <= 0)[~begins[1 : code.size]].any():
            raise BundleInvalid("trees.code: expected rising categories within each node.")
        sets = self.by_code
        mixed = np.intersect1d(feature[sets], feature[~sets])
        if (feature[sets] == leaf).any() or mixed.size or (self.zero_missing[sets] > 0).any():
            raise BundleInvalid(
                "trees.code: expected a feature to be a category in all its nodes or in none."
            )

    def answers(self, feature: npt.NDArray[np.int32], missing_left: npt.NDArray[np.uint8]) -> Answers | None:
        """What the nodes that list categories say to each slot; None when there are none."""
        asks = np.flatnonzero(self.by_code)
        if not asks.size:
            return None
        asks = asks[np.argsort(feature[asks], kind="stable")]
        columns, first, counts = np.unique(feature[asks], return_index=True, return_counts=True)
        blocks = (counts + 63) // 64
        bit = np.arange(asks.size) - np.repeat(first, counts)  # of the node among those of its feature
        of = np.repeat(np.arange(columns.size), counts)
        number = np.zeros(feature.size, np.int64)
        number[asks] = np.arange(asks.size)
        listing = number[np.repeat(np.arange(feature.size), np.diff(self.code_start))]
        slots = np.zeros(columns.size, np.int64)
        np.maximum.at(slots, of[listing], self.code.astype(np.int64) + 3)
        begin = np.cumsum([0, *(slots * blocks)])
        if begin[-1] > MOST_WORDS:
            raise BundleInvalid(
                f"trees.code: expected answers of at most {MOST_WORDS} words, got {begin[-1]}."
            )
        words = np.full(int(begin[-1]), ~np.uint64(0))
        misses = np.flatnonzero(missing_left[asks] == 1)
        nodes = np.concatenate((listing, misses))
        slot = np.concatenate((self.code.astype(np.int64) + 2, np.zeros(misses.size, np.int64)))
        at = begin[of[nodes]] + slot * blocks[of[nodes]] + bit[nodes] // 64
        np.bitwise_and.at(words, at, ~(np.uint64(1) << (bit[nodes] % 64).astype(np.uint64)))
        place = 64 * (np.cumsum(blocks) - blocks)[of] + bit
        tables = (columns.astype(np.int64), slots, blocks.astype(np.int64), begin[:-1], words)
        return Answers(asks, place, int(64 * blocks.sum()), tables)
