"""A measure with what chance alone could have made of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

from riskloom.measure.result import Result


@dataclass(frozen=True, slots=True)
class Estimate(Result):
    """A measured `value` and its interval; NaN where it is not defined."""

    value: float
    low: float = math.nan
    high: float = math.nan

    @property
    def has_interval(self) -> bool:
        """Whether both ends are known."""
        return not (math.isnan(self.low) or math.isnan(self.high))


def wilson(found: float, of: float, level: float = 0.95) -> Estimate:
    """A share with its score interval: right for few and for extreme counts, closed form.

    References
    ----------
    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of the
    American Statistical Association 22, 1927. DOI 10.1080/01621459.1927.10502953

    >>> share = wilson(5, 10)
    >>> round(share.low, 3), share.value, round(share.high, 3)
    (0.237, 0.5, 0.763)
    """
    if not of:
        return Estimate(math.nan)
    z = NormalDist().inv_cdf(0.5 + level / 2)
    share, squared = found / of, z * z
    middle = (share + squared / (2 * of)) / (1 + squared / of)
    half = z / (1 + squared / of) * math.sqrt(share * (1 - share) / of + squared / (4 * of * of))
    return Estimate(share, max(0.0, middle - half), min(1.0, middle + half))
