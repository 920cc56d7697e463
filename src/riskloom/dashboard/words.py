"""Real words for codes, and figures as people read them; values in, text out."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

MISSING = "–"
OUTCOMES: Mapping[str, str] = {"APPROVED": "Approved", "FLAGGED": "Flagged", "REJECTED": "Rejected"}
SEVERITIES: Mapping[str, str] = {"low": "Low", "medium": "Medium", "high": "High", "critical": "Critical"}
DEGRADED: Mapping[str, str] = {
    "no_model": "decided by rules alone, no model was trained yet",
    "too_late": "it arrived too late for its history to be looked at",
    "no_lists": "the lists could not be read",
    "no_probability": "decided without its cost, the probability was not known",
    "no_amount": "decided without its cost, the amount was not known",
    "no_budget": "decided outside the alert budget, later than it arrived",
    "no_brakes": "decided outside the limits, later than it arrived",
    "decided_late": "decided later than it arrived",
}
ACTIONS: Mapping[str, str] = {
    "watch": "Note",
    "flag": "Flag",
    "approve": "Approve",
    "reject": "Reject",
    "allow": "Allow",
    "deny": "Deny",
}
_TITLES: Mapping[str, str] = {"MODEL_RISK": "Unusual overall"}
_FIELDS: Mapping[str, str] = {
    "ip": "IP address",
    "user": "Customer",
    "lat": "Latitude",
    "lon": "Longitude",
    "timestamp": "Time",
    "merchant_category": "Category",
    "event": "Event",
}
_SPAN = re.compile(r"^(\d+)(s|m|h|d)$")
_SPAN_WORDS = {"s": ("s", "s"), "m": ("min", "min"), "h": ("hour", "hours"), "d": ("day", "days")}
_UPPER = {"ip": "IP", "id": "ID", "atm": "ATM", "pos": "POS"}


def outcome_word(outcome: str | None) -> str:
    """An outcome as a word; an event that was never decided says so."""
    return "Not decided" if outcome is None else OUTCOMES.get(outcome, outcome.capitalize())


def reason_title(code: str) -> str:
    """A short title for a reason code: `VELOCITY_24H` is "Velocity, 24 hours"."""
    if code in _TITLES:
        return _TITLES[code]
    parts = code.lower().split("_")
    span = span_words(parts[-1]) if len(parts) > 1 else ""
    text = " ".join(_UPPER.get(part, part) for part in (parts[:-1] if span else parts))
    return f"{text[:1].upper()}{text[1:]}" + (f", {span}" if span else "")


def span_words(text: str) -> str:
    """A declared duration in words: `5m` is "5 min", `24h` "24 hours"; nothing when it is none."""
    found = _SPAN.match(text)
    if not found:
        return ""
    one, many = _SPAN_WORDS[found[2]]
    return f"{found[1]} {one if found[1] == '1' else many}"


def field_label(name: str) -> str:
    """A field's name as a label: `user_id` is "Customer", `merchant_id` "Merchant"."""
    stem = name.removesuffix("_id")
    return _FIELDS.get(stem, stem.replace("_", " ").capitalize())


def code_words(text: object) -> str:
    """A category value as words: `card_testing` is "card testing"."""
    return str(text).replace("_", " ")


def number(value: float | None, digits: int = 2) -> str:
    """A figure with thousands separators and no more digits than help."""
    if value is None or not math.isfinite(value):
        return MISSING
    if value == round(value):
        return f"−{-value:,.0f}" if value < 0 else f"{value:,.0f}"
    size = abs(value)
    kept = 0 if size >= 1000 else min(1, digits) if size >= 100 else digits
    if 0 < size < 0.01:
        return f"{value:.2g}"
    text = f"{value:,.{kept}f}"
    return f"−{text[1:]}" if text.startswith("-") else text


def count(value: int, word: str) -> str:
    """How many of something: "1 event", "2,000 events"."""
    return f"{number(value)} {word}{'' if value == 1 else 's'}"


def money(value: float | None, currency: str) -> str:
    """An amount in major units with its currency."""
    if value is None or not math.isfinite(value):
        return MISSING
    digits = 0 if currency in ("JPY", "KRW", "CLP", "ISK", "VND") or value == 0 else 2
    text = f"{value:,.{digits}f} {currency}".strip()
    return f"−{text[1:]}" if text.startswith("-") else text


def percent(share: float | None) -> str:
    """A share of one, as percent."""
    return MISSING if share is None or not math.isfinite(share) else f"{number(100 * share, 1)} %"


def risk(score: float | None) -> str:
    """A risk score, finer at the top where it matters, and never rounded up to 100."""
    if score is None:
        return MISSING
    digits = 2 if score >= 99 else 1
    return f"{math.floor(score * 10**digits + 1e-9) / 10**digits:.{digits}f}"


def duration(seconds: float | None) -> str:
    """A time span in its two largest units."""
    if seconds is None or not math.isfinite(seconds):
        return MISSING
    if seconds < 0:
        return f"−{duration(-seconds)}"
    if seconds < 60:
        return f"{number(round(seconds, 1) if seconds < 10 else round(seconds))} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min" + (f" {rest} s" if rest and minutes < 10 else "")
    hours, minutes = divmod(round(seconds / 60), 60)
    if hours < 24:
        return f"{hours} h" + (f" {minutes} min" if minutes else "")
    days, hours = divmod(round(seconds / 3600), 24)
    return f"{days} day{'' if days == 1 else 's'}" + (f" {hours} h" if hours and days < 10 else "")


def before(seconds: float) -> str:
    """How long before, or after, something was."""
    return f"{duration(abs(seconds))} {'after' if seconds < 0 else 'before'}"


def span_text(low: str, high: str) -> str:
    """Two figures as a range, with the unit they share said once."""
    if low == high:
        return low
    first, _, unit = low.rpartition(" ")
    shared = first and unit and high.endswith(f" {unit}") and not unit[0].isdigit()
    return f"{first if shared else low} to {high}"


def read_time(text: str) -> datetime:
    """An ISO 8601 time as an aware datetime; one without a zone is UTC."""
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def clock(text: str, zone: str) -> str:
    """The time of day in a zone, to the second."""
    return read_time(text).astimezone(ZoneInfo(zone)).strftime("%H:%M:%S")


def day(text: str, zone: str) -> str:
    """The date in a zone: `21 Nov`, with the year when `text` is not of this one."""
    time = read_time(text).astimezone(ZoneInfo(zone))
    return f"{time.day} {time:%b %Y}"


def moment(text: str, zone: str) -> str:
    """Date, time and zone."""
    return f"{day(text, zone)}, {clock(text, zone)} {zone}"


def ago(text: str, now: datetime) -> str:
    """How long before `now`, in one unit."""
    seconds = (now - read_time(text)).total_seconds()
    if seconds < 5:
        return "just now"
    for size, word in ((86400, "day"), (3600, "h"), (60, "min")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {word}{'s' if word == 'day' and count > 1 else ''} ago"
    return f"{int(seconds)} s ago"


def feature_text(name: str, value: float | None, feature: Mapping[str, Any], currency: str) -> str:
    """A feature's value in its unit, read from how it is declared, else from its name."""
    if value is None or not math.isfinite(value):
        return MISSING
    match unit_of(name, feature):
        case "yes":
            return "yes" if value else "no"
        case "count":
            return number(value, 0)
        case "seconds":
            return duration(value)
        case "km":
            return f"{number(value, 1)} km"
        case "kmh":
            return f"{number(value, 0)} km/h"
        case "money":
            return money(value, currency)
        case "share":
            return percent(value)
        case "times":
            return f"{number(value, 1)} ×"
        case "hour":
            minutes = round(value * 60) % 1440
            return f"{minutes // 60:02}:{minutes % 60:02}"
    return number(value)


_BY_AGGREGATE: Mapping[str, str] = {
    "first_seen": "yes",
    "count": "count",
    "distinct": "count",
    "seconds_since_last": "seconds",
    "travel_km": "km",
    "travel_speed": "kmh",
}
_BY_NAME: tuple[tuple[str, str], ...] = (
    (r"^(is|has)_", "yes"),
    (r"(_vs_|_ratio)", "times"),
    (r"_share", "share"),
    (r"(_kmh|speed)", "kmh"),
    (r"(^km_|_km$|_km_)", "km"),
    (r"zscore|_deviation|hour_std", "plain"),
    (r"seconds_", "seconds"),
    (r"hour_of_day|hour_mean|local_hour", "hour"),
    (r"amount|spend", "money"),
    (r"_count|_merchants_|_users_|_devices_|_ips_", "count"),
)


def unit_of(name: str, feature: Mapping[str, Any]) -> str:
    """What a feature is measured in: yes, count, seconds, km, kmh, money, share, times, hour or plain."""
    known = _BY_AGGREGATE.get(str(feature.get("aggregate") or ""))
    return known or next((unit for pattern, unit in _BY_NAME if re.search(pattern, name)), "plain")
