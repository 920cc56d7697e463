"""How much one field tells by itself: by its values, and by whether it is there at all."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from riskloom.measure.ranking import roc_auc
from riskloom.measure.steps import Floats, Integers
from riskloom.training.leakage.column import Field, Table
from riskloom.training.leakage.finding import Bounds, Finding, show_share

_EDGES = 64
_PRIOR = 20.0
"""So many rows at the overall rate are added to each bin, so that a bin of one row says nothing."""


def find_alone(table: Table, bounds: Bounds) -> Iterator[Finding]:
    """Fields that rank fraud almost perfectly by themselves, and fields whose absence does."""
    for field in table.fields:
        strength = auc_alone(table, field)
        if strength >= bounds.alone_auc:
            says = f"{field.name} alone ranks fraud with an AUC of {strength:.3f}; few honest fields do."
            yield Finding("alone", "suspicious", (field.name,), (field.name,), strength, says)
        absence = auc_missing(table, field)
        if absence >= bounds.missing_auc:
            there, fraud = ~field.missing, table.fraud
            shares = [show_share(float(there[kind].mean())) for kind in (fraud, ~fraud)]
            says = (
                f"Whether {field.name} is there ranks fraud with an AUC of {absence:.3f}: "
                f"{shares[0]} of frauds have it and {shares[1]} of the rest."
            )
            yield Finding("missing", "suspicious", (field.name,), (field.name,), absence, says)


def auc_alone(table: Table, field: Field) -> float:
    """The ROC-AUC, on the judging half, of the fraud rates that the learning half had in bins of the field.

    Bins see what a plain AUC does not: values that are suspicious in the middle, or one by one.
    """
    bins = _bins(field, table)
    learns, fraud = table.learns, table.fraud
    width = int(bins.max()) + 1
    rows = np.bincount(bins[learns], minlength=width)
    frauds = np.bincount(bins[learns & fraud], minlength=width)
    overall = frauds.sum() / rows.sum()
    rates = (frauds + _PRIOR * overall) / (rows + _PRIOR)
    return roc_auc(fraud[~learns], rates[bins][~learns])


def auc_missing(table: Table, field: Field) -> float:
    """The ROC-AUC of presence or absence, whichever is above one half; needs no learning."""
    lacks = field.missing
    if not lacks.any() or lacks.all():
        return 0.5
    found = roc_auc(table.fraud, lacks)
    return max(found, 1 - found)


def _bins(field: Field, table: Table) -> Integers:
    """The bin of each row: 0 where missing; a text's own code; numbers by quantiles of all and of frauds."""
    known = ~field.missing
    bins = np.zeros(field.values.size, np.int64)
    if field.is_text:
        bins[known] = field.values[known].astype(np.int64) + 1
        return bins
    held = table.learns & known
    edges = [_quantiles(field.values[held]), _quantiles(field.values[held & table.fraud])]
    both = np.unique(np.concatenate(edges))
    bins[known] = np.searchsorted(both, field.values[known], side="right") * 2 + 1
    bins[known] -= np.isin(field.values[known], both)
    bins[known] += 1
    return bins


def _quantiles(values: Floats) -> Floats:
    if not values.size:
        return values
    shares = np.linspace(0, 1, _EDGES + 1)
    return np.asarray(np.quantile(values, shares, method="inverted_cdf"), np.float64)
