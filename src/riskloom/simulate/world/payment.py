"""One simulated payment and how it is written: the columns, in order, and their texts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from riskloom.domain.money import exponent
from riskloom.simulate.world import places

EVENT_COLUMNS = (
    "event_id",
    "timestamp",
    "user_id",
    "merchant_id",
    "merchant_category",
    "amount",
    "currency",
    "lat",
    "lon",
    "device_id",
    "ip",
    "channel",
)
LABEL_COLUMNS = ("is_fraud", "fraud_kind")
COLUMNS = EVENT_COLUMNS + LABEL_COLUMNS

_EXPONENTS = tuple(exponent(currency) for currency in places.CURRENCIES)


@dataclass(frozen=True, slots=True)
class Payment:
    """One payment before it is written; `currency` is an index of `places.CURRENCIES`, degrees are micro."""

    time_us: int
    user_id: str
    merchant_id: str
    merchant_category: str | None
    amount_minor: int
    currency: int
    lat: int
    lon: int
    device_id: str
    ip: str
    channel: str
    fraud_kind: str = ""

    def values(self, event_id: str) -> tuple[object, ...]:
        """The payment as written, in the order of `COLUMNS`."""
        return (
            event_id,
            timestamp_text(self.time_us),
            self.user_id,
            self.merchant_id,
            self.merchant_category,
            amount_text(self.amount_minor, self.currency),
            places.CURRENCIES[self.currency],
            self.lat / 1e6,
            self.lon / 1e6,
            self.device_id,
            self.ip,
            self.channel,
            int(self.fraud_kind != ""),
            self.fraud_kind,
        )


def timestamp_text(time_us: int) -> str:
    """A time as ISO 8601 with milliseconds and Z.

    >>> timestamp_text(1_704_067_200_123_000)
    '2024-01-01T00:00:00.123Z'
    """
    return str(np.datetime_as_string(np.datetime64(time_us, "us"), unit="ms", timezone="UTC"))


def amount_text(amount_minor: int, currency: int) -> str:
    """Minor units as decimal text with the digits of the currency.

    >>> amount_text(1250, places.CURRENCIES.index("USD")), amount_text(1250, places.CURRENCIES.index("JPY"))
    ('12.50', '1250')
    """
    digits = _EXPONENTS[currency]
    if digits == 0:
        return str(amount_minor)
    return f"{amount_minor // 10**digits}.{amount_minor % 10**digits:0{digits}d}"


def read_time_us(value: object) -> int:
    """The microseconds of a written timestamp: ISO 8601 text with a zone, or microseconds already.

    Raises
    ------
    ValueError
        When it is neither.
    """
    if isinstance(value, int):
        return value
    moment = datetime.fromisoformat(str(value))
    if moment.tzinfo is None:
        raise ValueError(f"a time without a zone: {value!r}")
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
