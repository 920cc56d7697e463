"""Which type of field a column is, from its name and its values."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

import numpy as np

from riskloom.domain.field import INTEGER_LIMIT, FieldType
from riskloom.training.guess import names
from riskloom.training.guess.column import MOST_DECIMALS, Column

MOST_CATEGORIES = 60
LONGEST_CATEGORY = 40
FEWEST_FLOAT_DECIMALS = 6
HEADROOM = 100
"""A value that many times the largest seen still fits."""
CENTS_SHARE = 0.95
LATEST_US = 7_258_118_400_000_000
"""2200-01-01"""
TEXT_LIMIT = 256
TRIED = 2_000
FEWEST_KEYS = 25
"""Different values from which on a name that speaks of an entity means keys."""

_CLOCK = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d", re.ASCII)
_CONTROL = re.compile("[\x00-\x1f\x7f]")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")


@dataclass(frozen=True, slots=True)
class Typed:
    """The type of a field; `refused` says why no field can hold the column."""

    type: FieldType
    why: str
    decimals: int = 0
    signed: bool = False
    timezone: str = ""
    refused: str = ""


def guess_type(column: Column, exponent: int = 2) -> Typed:
    """The type of a column that is no label; `exponent` are the digits of the base currency."""
    match column.kind:
        case "boolean":
            return Typed(FieldType.BOOLEAN, "true and false")
        case "time":
            return _time(column)
        case "number":
            return _number(column, exponent)
        case "text":
            return _text(column)
    return Typed(FieldType.STRING, "", refused="lists or structures: a field holds one value")


def is_code(column: Column) -> bool:
    """Whether whole numbers are names of something: ids, postcodes, card numbers."""
    said = frozenset(names.words(column.name))
    codes = names.IDS | {"zip", "zipcode", "postcode", "postal", "ssn", "mcc", "iban", "phone", "msisdn"}
    if said & names.SUMMARIES or said & {"age", "days", "hours", "window"}:
        return False
    return bool(said & codes) or (bool(names.entity_of(column.name)) and column.distinct >= FEWEST_KEYS)


def is_email(column: Column) -> bool:
    """Whether the values are e-mail addresses."""
    return column.kind == "text" and bool(column.shown) and all(map(_EMAIL.fullmatch, column.shown[:TRIED]))


def is_ip(column: Column) -> bool:
    """Whether the values are IP addresses."""
    return column.kind == "text" and bool(column.shown) and all(map(_reads_as_ip, column.shown[:TRIED]))


def _time(column: Column) -> Typed:
    known = column.known
    if float(known.min()) < 0 or float(known.max()) >= LATEST_US:
        refused = "" if column.can_be_text else "times before 1970 or after 2199 cannot be held"
        return Typed(FieldType.STRING, "dates before 1970: kept as text", refused=refused)
    zone = "" if column.zoned else "UTC"
    return Typed(
        FieldType.TIME, "times" if column.zoned else "times without a zone: UTC assumed", timezone=zone
    )


def _text(column: Column) -> Typed:
    if is_ip(column):
        return Typed(FieldType.IP, "IP addresses")
    if column.shown and all(map(_CLOCK.fullmatch, column.shown)):
        return Typed(FieldType.CLOCK, "times of day as HH:MM")
    longest = max(map(len, column.shown), default=0)
    if any(_CONTROL.search(text) for text in column.shown):
        return Typed(FieldType.STRING, "", refused="line breaks or other control characters in it")
    few = column.distinct <= min(MOST_CATEGORIES, max(10, column.present // 20))
    if few and longest <= LONGEST_CATEGORY:
        return Typed(FieldType.CATEGORY, f"text with {column.distinct} different values")
    refused = f"texts of more than {TEXT_LIMIT} characters" if longest > TEXT_LIMIT else ""
    return Typed(FieldType.STRING, f"text with {column.distinct:,} different values", refused=refused)


def _number(column: Column, exponent: int) -> Typed:
    known, said = column.known, frozenset(names.words(column.name))
    low, high = float(known.min()), float(np.abs(known).max())
    if said & names.LATITUDES and high <= 90:
        return Typed(FieldType.LATITUDE, "called latitude, from -90 to 90")
    if said & names.LONGITUDES and high <= 180:
        return Typed(FieldType.LONGITUDE, "called longitude, from -180 to 180")
    if column.whole and column.can_be_text and (is_code(column) or high >= INTEGER_LIMIT):
        return Typed(FieldType.STRING, "numbers that name something")
    if is_money(column, exponent) and high * HEADROOM * 10**exponent < INTEGER_LIMIT:
        return Typed(FieldType.MONEY, f"called {_money_word(column.name)}, with cents", signed=low < 0)
    if column.whole and high < INTEGER_LIMIT:
        return Typed(FieldType.INTEGER, "whole numbers")
    decimals = _decimals(column, high)
    if decimals < 0:
        return Typed(FieldType.NUMBER, "", refused="numbers too large to be held exactly")
    return Typed(FieldType.NUMBER, "numbers", decimals=decimals, signed=low < 0)


def is_money(column: Column, exponent: int = 2) -> bool:
    """Whether numbers are amounts of money: called so, and written in minor units."""
    said = frozenset(names.words(column.name))
    if column.kind != "number" or said & names.SUMMARIES or not names.speaks_of(column.name, names.MONEY):
        return False
    scaled = column.known * 10.0**exponent
    return bool(
        np.mean(np.abs(scaled - np.round(scaled)) <= 1e-6 * np.maximum(1, np.abs(scaled))) >= CENTS_SHARE
    )


def _money_word(name: str) -> str:
    return next((word for word in sorted(names.MONEY) if word in "".join(names.words(name))), name)


def _decimals(column: Column, high: float) -> int:
    """Digits to hold: those that were written and some to spare, as long as large values still fit."""
    wanted = max(column.decimals, FEWEST_FLOAT_DECIMALS)
    for spare in (HEADROOM, 1):
        for decimals in range(min(wanted, MOST_DECIMALS), -1, -1):
            if max(high, 1.0) * spare * 10**decimals < INTEGER_LIMIT:
                return decimals
    return -1


def _reads_as_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
