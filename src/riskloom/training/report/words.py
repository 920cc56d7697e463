"""Figures and texts as people read them; everything that comes from data is escaped here."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from html import escape

from riskloom.measure.interval import Estimate

NONE = "–"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

MEASURES = {
    "average_precision": "Average precision",
    "roc_auc": "ROC-AUC",
    "recall_at_fpr": "Recall at 1 % false positives",
    "entity_precision_at_k": "Precision among the daily k, by entity",
    "precision_at_k": "Precision among the daily k",
    "precision": "Precision",
    "recall": "Recall",
    "f1": "F1",
    "value_detected": "Value detected",
    "false_positives_per_fraud": "False positives per fraud found",
    "cost": "Cost",
}
SHARES = frozenset({"precision", "recall", "value_detected"})
DOWN_IS_GOOD = frozenset({"false_positives_per_fraud", "cost"})


def text(value: object) -> str:
    """Safe inside HTML and SVG."""
    return escape(str(value))


def count(value: float) -> str:
    """A whole number with marks.

    >>> count(67240)
    '67,240'
    """
    return NONE if math.isnan(value) else f"{value:,.0f}"


def percent(share: float, digits: int | None = None) -> str:
    """A share; small ones get more digits.

    >>> percent(0.6612), percent(0.00661), percent(0.000012)
    ('66.1 %', '0.66 %', '0.0012 %')
    """
    if math.isnan(share):
        return NONE
    if digits is None:
        size = abs(share) * 100
        digits = 1 if size >= 10 or size == 0 else min(4, max(1, 1 - math.floor(math.log10(size))))
    return f"{share * 100:.{digits}f} %"


def figure(value: float) -> str:
    """A measure from 0 to 1 to three digits; others to three that count.

    >>> figure(0.8712), figure(12.3456), figure(float("nan"))
    ('0.871', '12.3', '–')
    """
    if math.isnan(value):
        return NONE
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if abs(value) <= 1:
        return f"{value:.3f}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def number(value: float) -> str:
    """A score or a threshold: four digits that count.

    >>> number(0.0123456), number(-4.25), number(120000.0)
    ('0.01235', '-4.25', '1.2e+05')
    """
    return NONE if math.isnan(value) else ("∞" if value == math.inf else f"{value:.4g}")


def money(minor: float, currency: str, decimals: int) -> str:
    """An amount of minor units with its currency, without cents from a hundred on.

    >>> money(123456, "EUR", 2), money(1999, "EUR", 2)
    ('EUR 1,235', 'EUR 19.99')
    """
    if math.isnan(minor):
        return NONE
    amount = minor / 10**decimals
    shown = f"{abs(amount):,.0f}" if abs(amount) >= 100 or not amount else f"{abs(amount):,.{decimals}f}"
    return f"{'-' if amount < 0 else ''}{currency} {shown}".strip()


def moment(time_us: int | None) -> str:
    """A time as a date in UTC.

    >>> moment(0)
    '1970-01-01'
    """
    if time_us is None:
        return NONE
    try:
        return (_EPOCH + timedelta(microseconds=time_us)).date().isoformat()
    except OverflowError:
        return str(time_us)


def measure(name: str, value: float, currency: str = "", decimals: int = 0) -> str:
    """A measure's value in its own unit."""
    if name == "cost":
        return money(value, currency, decimals)
    if name in SHARES:
        return percent(value, 1)
    return f"{value:.2f}" if name == "false_positives_per_fraud" and not math.isnan(value) else figure(value)


def interval(name: str, estimate: Estimate, currency: str = "", decimals: int = 0) -> str:
    """Both ends of an interval, or nothing."""
    if not estimate.has_interval:
        return ""
    low, high = (measure(name, end, currency, decimals) for end in (estimate.low, estimate.high))
    return f"{low.removesuffix(' %').removesuffix(' ')} to {high}"


def plural(number_of: float, word: str) -> str:
    """A count with its word.

    >>> plural(1, "fraud"), plural(3, "fraud")
    ('1 fraud', '3 frauds')
    """
    return f"{count(number_of)} {word}" if number_of == 1 else f"{count(number_of)} {word}s"
