"""The counting behind `bootstrap`: rows as cells of a ranking, and measures of many replicates at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from riskloom.measure.cost import CostMatrix
from riskloom.measure.steps import Flags, Floats, Integers

_CELLS_AT_ONCE = 2_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """How one detector ranks: frauds by falling score, and between which of them each legitimate row lies.

    With f[0] > f[1] > ... the frauds' distinct scores, legitimate rows between f[d - 1] and f[d] are in cell
    4d, those that tie with f[d] in cell 4d + 2; rows below the threshold are in the (odd) cell behind. So
    cells fall with the score, and the even ones are flagged.
    """

    order: npt.NDArray[np.intp]
    """The frauds, numbered in row order, by falling score."""
    starts: npt.NDArray[np.intp]
    """Where in `order` each distinct score begins."""
    cell_of_row: Integers
    """The cell of each legitimate row, in row order."""
    flagged: Flags | None
    """Which frauds are flagged, in row order; None without a threshold."""

    @property
    def cells(self) -> int:
        """How many cells there are."""
        return 4 * self.starts.size + 2


@dataclass(frozen=True, slots=True, eq=False)
class Replicates:
    """R replicates, the same drawn rows for every detector.

    `frauds` says how often each fraud was drawn, shape (R, frauds) in row order; `cells`, by detector, how
    many legitimate rows were drawn in each of its cells, shape (R, cells).
    """

    frauds: Floats
    cells: tuple[Floats, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Joint:
    """Legitimate rows counted in the joint cells of all detectors (and of the blocks, where there are any).

    `places` gives, by detector, the own cell of each joint cell, `sizes` the number of own cells.
    """

    counts: Integers
    block: Integers
    places: tuple[Integers, ...]
    sizes: tuple[int, ...]

    def split(self, frauds: Floats, drawn: Floats) -> Replicates:
        """From counts of joint cells, shape (R, joint), to counts of each detector's cells."""
        own = []
        for place, size in zip(self.places, self.sizes, strict=True):
            counted = np.empty((len(drawn), size))
            for at, row in enumerate(drawn):
                counted[at] = np.bincount(place, weights=row, minlength=size)
            own.append(counted)
        return Replicates(frauds, tuple(own))


def rank(fraud: Flags, score: Floats, threshold: float | None) -> Ranked:
    """Sort the frauds and put each legitimate row into its cell; O(n log frauds)."""
    own, honest = score[fraud], score[~fraud]
    order = np.argsort(-own, kind="stable")
    falling = own[order]
    starts = np.flatnonzero(np.append(True, falling[1:] != falling[:-1])[: falling.size])
    rising = falling[starts][::-1]
    to = np.searchsorted(rising, honest, side="right")
    tied = to > np.searchsorted(rising, honest, side="left")
    cell = 4 * (rising.size - to) + np.where(tied, 2, 0)
    if threshold is not None:
        cell += honest < threshold
    return Ranked(order, starts, cell.astype(np.int64), None if threshold is None else own >= threshold)


def replicates_of(
    fraud: Flags,
    ranked: Sequence[Ranked],
    block: npt.NDArray[np.generic] | None,
    count: int,
    seed: int,
) -> Iterator[Replicates]:
    """First the rows as they are, then `count` drawn replicates, in batches of bounded size."""
    frauds = int(fraud.sum())
    blocks, number = 0, np.zeros(fraud.size, np.int64)
    if block is not None:
        ids, number = np.unique(block, return_inverse=True)
        blocks = ids.size
    joint = _join(number[~fraud], ranked)
    yield joint.split(np.ones((1, frauds)), joint.counts[None, :].astype(np.float64))
    chance = np.random.default_rng(seed)
    batch = max(1, _CELLS_AT_ONCE // max(1, frauds, joint.counts.size, *joint.sizes))
    for start in range(0, count, batch):
        size = min(batch, count - start)
        chosen, drawn = np.empty((size, frauds)), np.empty((size, joint.counts.size))
        for at in range(size):
            if block is None:
                chosen[at] = _draw(chance, np.ones(frauds, np.int64))
                drawn[at] = _draw(chance, joint.counts)
            else:
                weight = _draw(chance, np.ones(blocks, np.int64))
                chosen[at] = weight[number[fraud]]
                drawn[at] = weight[joint.block] * joint.counts
        yield joint.split(chosen, drawn)


def replicate_measures(
    ranked: Ranked,
    frauds: Floats,
    cells: Floats,
    *,
    rate: float,
    amounts: Floats | None,
    matrix: CostMatrix | None,
) -> dict[str, Floats]:
    """Each measure of each replicate; `amounts` are those of the frauds, in row order."""
    with np.errstate(divide="ignore", invalid="ignore"):
        measured = _rank_measures(ranked, frauds, cells, rate)
        if ranked.flagged is not None:
            measured |= _threshold_measures(ranked.flagged, frauds, cells, amounts, matrix)
    return measured


def _rank_measures(ranked: Ranked, frauds: Floats, cells: Floats, rate: float) -> dict[str, Floats]:
    total = frauds.sum(axis=1)
    if not ranked.starts.size:
        nothing = np.full(len(frauds), np.nan)
        return {"roc_auc": nothing, "average_precision": nothing, "recall_at_fpr": nothing}
    own = np.add.reduceat(frauds[:, ranked.order], ranked.starts, axis=1)
    found = np.cumsum(own, axis=1)
    passed = np.cumsum(cells, axis=1)
    above, through = passed[:, 1:-1:4], passed[:, 3::4]
    honest = passed[:, -1]
    won = (own * (honest[:, None] - (above + through) / 2)).sum(axis=1)
    hits = np.divide(found, found + through, out=np.zeros_like(found), where=found > 0)
    allowed = through / honest[:, None] <= rate
    best = np.max(found, axis=1, where=allowed, initial=0.0)
    return {
        "roc_auc": won / (total * honest),
        "average_precision": (own * hits).sum(axis=1) / total,
        "recall_at_fpr": np.where(honest > 0, best / total, np.nan),
    }


def _threshold_measures(
    flagged: Flags, frauds: Floats, cells: Floats, amounts: Floats | None, matrix: CostMatrix | None
) -> dict[str, Floats]:
    total, found = frauds.sum(axis=1), frauds @ flagged.astype(np.float64)
    wrong = cells[:, ::2].sum(axis=1)
    measured = {
        "precision": found / (found + wrong),
        "recall": found / total,
        "f1": 2 * found / (total + found + wrong),
        "false_positives_per_fraud": wrong / found,
    }
    if amounts is not None:
        value, value_found = frauds @ amounts, frauds @ (amounts * flagged)
        measured["value_detected"] = value_found / value
        if matrix is not None:
            lost = value - matrix.recovered_share * value_found
            measured["cost"] = lost + matrix.review_cost * (found + wrong) + matrix.insult_cost * wrong
    return measured


def _join(number: npt.NDArray[np.integer], ranked: Sequence[Ranked]) -> Joint:
    """Count the distinct combinations of block and cells."""
    columns = [number, *(one.cell_of_row for one in ranked)]
    joint = np.zeros(number.size, np.int64)
    for column in columns:
        width = int(column.max(initial=0)) + 1
        joint = np.unique(joint * width + column, return_inverse=True)[1].astype(np.int64)
    _, first, counts = np.unique(joint, return_index=True, return_counts=True)
    block, *places = (np.asarray(column[first], np.int64) for column in columns)
    return Joint(counts.astype(np.int64), block, tuple(places), tuple(one.cells for one in ranked))


def _draw(chance: np.random.Generator, counts: Integers) -> Integers:
    """As many rows as there are, drawn with replacement: how many of each cell. Exact either way."""
    total = int(counts.sum())
    if not total:
        return counts
    if 4 * counts.size < total:
        return chance.multinomial(total, counts / total)
    chosen = np.repeat(np.arange(counts.size), counts)[chance.integers(0, total, total)]
    return np.bincount(chosen, minlength=counts.size)
