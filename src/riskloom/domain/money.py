"""Money: decimal text to exact integers, converted once to the base currency by a dated rate table."""

from __future__ import annotations

import bisect
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from riskloom.domain.duration import DAY_US
from riskloom.errors import Fault, ScenarioInvalid, nearest, show

_EXPONENTS = {
    code: digits
    for digits, codes in (
        (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
        (3, "BHD IQD JOD KWD LYD OMR TND"),
        (4, "CLF UYW"),
    )
    for code in codes.split()
}
"""Digits behind the point (ISO 4217) where they are not 2."""
_DECIMAL = re.compile(r"([+-]?)(\d{0,90})(?:\.(\d{0,90}))?(?:[eE]([+-]?\d{1,3}))?", re.ASCII)
_CODE = re.compile(r"[A-Z]{3}")
_RATE_DIGITS = 30
_RATE_LIMIT = 10**_RATE_DIGITS
"""More digits than any rate has, so that a table can be written out and read back."""
_EPOCH = date(1970, 1, 1)
_SHORTEST = re.compile(r"(?:0|[1-9][0-9]*)(?:\.[0-9]*[1-9])?")
POWERS: tuple[int, ...] = tuple(10**power for power in range(13))
"""Powers of ten; no number has more than 12 decimals."""


def exponent(currency: str) -> int:
    """Digits behind the point of a currency (ISO 4217).

    >>> exponent("USD"), exponent("JPY"), exponent("KWD")
    (2, 0, 3)
    """
    return _EXPONENTS.get(currency, 2)


def is_currency_code(text: str) -> bool:
    """Whether `text` has the form of an ISO 4217 code."""
    return _CODE.fullmatch(text) is not None


def parse_decimal(text: str) -> tuple[int, int]:
    """The exact value of a decimal text as (digits, scale): digits / 10**scale.

    Raises
    ------
    ValueError
        When the text is not a plain decimal number of at most 90 digits on each side.

    >>> parse_decimal("12.50")
    (1250, 2)
    """
    match = _DECIMAL.fullmatch(text)
    if match is None or not (match[2] or match[3]):
        raise ValueError(f"not a decimal number: {text!r}")
    sign, whole, fraction, power = match.groups()
    fraction = fraction or ""
    digits, scale = int(whole + fraction), len(fraction) - int(power or 0)
    if not -60 <= scale <= 90:
        raise ValueError(f"out of range: {text!r}")
    if scale < 0:
        digits, scale = digits * 10**-scale, 0
    return (-digits if sign == "-" else digits), scale


def shortest_decimal(text: str) -> str:
    """The shortest decimal text of the same value, without exponent; most amounts are written so already.

    >>> shortest_decimal("012.50"), shortest_decimal("1e3")
    ('12.5', '1000')
    """
    if _SHORTEST.fullmatch(text):
        return text
    digits, scale = parse_decimal(text)
    while scale and digits % 10 == 0:
        digits, scale = digits // 10, scale - 1
    sign, text = ("-" if digits < 0 else ""), f"{abs(digits):0{scale + 1}d}"
    return f"{sign}{text[:-scale]}.{text[-scale:]}" if scale else sign + text


def plain_minor(text: str, decimals: int) -> int | None:
    """Minor units of an amount that is written in its shortest form and needs no rounding; else None.

    >>> plain_minor("12.5", 2), plain_minor("12.50", 2), plain_minor("0.125", 2)
    (1250, None, None)
    """
    whole, point, fraction = text.partition(".")
    if not (whole.isdecimal() and len(whole) <= 15 and text.isascii()) or (whole[0] == "0" and whole != "0"):
        return None
    if not point:
        return int(whole) * POWERS[decimals]
    if len(fraction) > decimals or not fraction.isdecimal() or fraction[-1] == "0":
        return None
    return int(whole + fraction) * POWERS[decimals - len(fraction)]


def divide_half_even(numerator: int, denominator: int) -> int:
    """The quotient rounded to the nearest integer, halves to the even one; `denominator` > 0.

    >>> divide_half_even(5, 2), divide_half_even(7, 2), divide_half_even(-5, 2)
    (2, 4, -2)
    """
    quotient, rest = divmod(numerator, denominator)
    twice = 2 * rest
    if twice > denominator or (twice == denominator and quotient & 1):
        quotient += 1
    return quotient


def scale_decimal(text: str, decimals: int) -> int:
    """A decimal text as an integer scaled by 10**decimals, rounded half to even.

    >>> scale_decimal("1.0005", 3)
    1000
    """
    digits, scale = parse_decimal(text)
    if scale <= decimals:
        return int(digits * 10 ** (decimals - scale))
    return divide_half_even(digits, 10 ** (scale - decimals))


@dataclass(frozen=True, slots=True)
class RateTable:
    """What one unit of each currency is worth in the base currency, by date.

    `rows` maps a currency to its (days since 1970, numerator, scale), sorted by day; a rate is
    numerator / 10**scale and holds from its day on until the next.
    """

    base: str
    rows: Mapping[str, tuple[tuple[int, int, int], ...]]

    @property
    def currencies(self) -> tuple[str, ...]:
        """Every currency that can be converted, the base first."""
        return (self.base, *sorted(self.rows))

    def convert(self, amount: str, currency: str, time_us: int) -> int:
        """Minor units of the base currency for an amount as decimal text in `currency`, at its day's rate.

        Rounded once, half to even.

        Raises
        ------
        KeyError
            When the currency is unknown.
        LookupError
            When no rate is dated on or before that day.
        ValueError
            When the amount is not a decimal number.
        """
        digits, scale = parse_decimal(amount)
        if currency != self.base:
            numerator, rate_scale = self._rate(currency, time_us)
            digits, scale = digits * numerator, scale + rate_scale
        decimals = exponent(self.base)
        if scale <= decimals:
            return int(digits * 10 ** (decimals - scale))
        return divide_half_even(digits, 10 ** (scale - decimals))

    def _rate(self, currency: str, time_us: int) -> tuple[int, int]:
        rows = self.rows[currency]
        at = bisect.bisect_right(rows, time_us // DAY_US, key=lambda row: row[0]) - 1
        if at < 0:
            first = (_EPOCH + timedelta(days=rows[0][0])).isoformat()
            raise LookupError(f"the first rate of {currency} is dated {first}")
        return rows[at][1], rows[at][2]

    def as_data(self) -> dict[str, object]:
        """The table as plain values that `parse_rates` reads back."""
        days: dict[int, dict[str, str]] = {}
        for currency, rows in self.rows.items():
            for day, numerator, scale in rows:
                text = f"{numerator:0{scale + 1}d}"
                days.setdefault(day, {})[currency] = f"{text[:-scale]}.{text[-scale:]}" if scale else text
        rates = [
            {"date": (_EPOCH + timedelta(days=day)).isoformat(), **dict(sorted(days[day].items()))}
            for day in sorted(days)
        ]
        return {"base": self.base, "rates": rates}


def parse_rates(data: object, where: str = "rates") -> RateTable:
    """A rate table from `{base: USD, rates: [{date: 2024-01-01, EUR: 1.1, ...}, ...]}`.

    Raises
    ------
    ScenarioInvalid
        With every fault of the table.
    """
    faults: list[Fault] = []
    if not isinstance(data, Mapping):
        raise ScenarioInvalid(Fault(where, "a mapping with base and rates", show(data)))
    faults += [
        Fault(f"{where}.{key}", "one of base, rates", show(key), nearest(str(key), ("base", "rates")))
        for key in data
        if key not in ("base", "rates")
    ]
    base = data.get("base")
    if not isinstance(base, str) or not is_currency_code(base):
        faults.append(Fault(f"{where}.base", "a currency code such as USD", show(base)))
    listed = data.get("rates", [])
    rows: dict[str, dict[int, tuple[int, int]]] = {}
    if not isinstance(listed, Sequence) or isinstance(listed, str):
        faults.append(Fault(f"{where}.rates", "a list of dated rates", show(listed)))
        listed = []
    for index, row in enumerate(listed):
        _parse_rate_row(row, f"{where}.rates[{index}]", rows, faults)
    if isinstance(base, str) and base in rows:
        faults.append(Fault(f"{where}.base", "no rate for the base currency itself", show(base)))
    if faults:
        raise ScenarioInvalid(faults)
    return RateTable(
        str(base),
        {
            code: tuple((day, *rate) for day, rate in sorted(by_day.items()))
            for code, by_day in sorted(rows.items())
        },
    )


def _parse_rate_row(
    row: object, where: str, rows: dict[str, dict[int, tuple[int, int]]], faults: list[Fault]
) -> None:
    if not isinstance(row, Mapping):
        faults.append(Fault(where, "a mapping of date and rates", show(row)))
        return
    try:
        day = (date.fromisoformat(str(row.get("date"))) - _EPOCH).days
    except ValueError:
        faults.append(Fault(f"{where}.date", "a date such as 2024-01-31", show(row.get("date"))))
        return
    for code, rate in row.items():
        if code == "date":
            continue
        if not isinstance(code, str) or not is_currency_code(code):
            faults.append(Fault(f"{where}.{code}", "a currency code such as EUR", show(code)))
            continue
        try:
            numerator, scale = parse_decimal(str(rate))
        except ValueError:
            numerator, scale = 0, 0
        if not 0 < numerator < _RATE_LIMIT or scale > _RATE_DIGITS or isinstance(rate, bool):
            faults.append(Fault(f"{where}.{code}", "a positive decimal rate", show(rate)))
        elif day in rows.setdefault(code, {}):
            faults.append(Fault(f"{where}.{code}", "one rate a day", f"a second one on {row['date']}"))
        else:
            rows[code][day] = (numerator, scale)
