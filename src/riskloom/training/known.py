"""Entities that were known to be compromised: their cards are blocked, so they are no test of a model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from riskloom.errors import Fault, ParameterInvalid
from riskloom.measure.calendar import days_of
from riskloom.measure.groups import encode
from riskloom.measure.steps import check_column
from riskloom.training.split import Parts, check_times


def drop_known(
    parts: Parts,
    times_us: npt.ArrayLike,
    labels: npt.ArrayLike,
    entities: npt.ArrayLike,
    *,
    known_at_us: npt.ArrayLike | None = None,
    timezone: str = "UTC",
) -> Parts:
    """The parts without those test rows whose entity was known to be compromised when their day began.

    An entity is known from the day on that begins after a fraud of it became known; frauds before the train
    period do not count (the card has been replaced since). So each test day drops more than the one before.

    Parameters
    ----------
    times_us, labels, entities
        Of all n rows, not only of the parts: frauds in the gap and in earlier test days make entities known.
        Entities are integers or texts; None, NaN and empty texts are nobody.
    known_at_us
        When each row's label was known; without it, the delay of the split after the event.
    timezone
        Whose days.

    Raises
    ------
    ParameterInvalid
        For a split without periods.

    References
    ----------
    The protocol of the Handbook (see `split_prequential`), chapter 3.4; with its weeks this is its test set.
    """
    if parts.periods is None:
        raise ParameterInvalid(Fault("split", "one by time", parts.scheme))
    times = check_times(times_us)
    fraud = check_column("labels", labels, times.size) == 1
    known_at = times + parts.periods.delay_us if known_at_us is None else check_times(known_at_us, times.size)
    distinct, entity = encode(entities, times.size)
    counts = fraud & (entity >= 0) & (times >= parts.periods.train.start_us)
    first = np.full(len(distinct) + 1, np.iinfo(np.int64).max)
    np.minimum.at(first, entity[counts], days_of(known_at[counts], timezone))
    known = first[entity[parts.test]] < days_of(times[parts.test], timezone)
    return replace(parts, test=parts.test[~known], dropped=parts.test[known])
