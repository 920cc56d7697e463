"""What the fake server declares: fields, features with what is usual, rules with their sentences."""

from __future__ import annotations

from typing import Any

_FEATURES = """
user_tx_count_5m | Payments in the last 5 minutes | count |  | 5m | 0 0 1
user_tx_count_1h | Payments in the last hour | count |  | 1h | 0 0 2
user_tx_count_24h | Payments in the last 24 hours | count |  | 24h | 0 2 6
user_tx_count_30d | Payments in the last 30 days | count |  | 30d | 8 47 96
seconds_since_last | Seconds since the last payment | seconds_since_last |  | 90d | 900 21600 172800
user_spend_1h | Spent in the last hour | sum | amount | 1h | 0 0 74.5
user_spend_24h | Spent in the last 24 hours | sum | amount | 24h | 0 58.2 260
user_amount_mean_30d | Mean amount over 30 days | mean | amount | 30d | 14.2 34.1 92.4
user_amount_max_30d | Largest amount in 30 days | max | amount | 30d | 52 139 610
is_new_device | First time with this device in 90 days | first_seen | device_id | 90d | 0 0 0
is_new_ip | First time from this IP address in 90 days | first_seen | ip | 90d | 0 0 1
is_new_merchant | First time at this merchant in 90 days | first_seen | merchant_id | 90d | 0 0 1
user_merchants_1h | Different merchants in the last hour | distinct | merchant_id | 1h | 0 0 2
km_from_last | Kilometres from the last payment | travel_km | lat lon | 90d | 0 2.3 21
speed_kmh | Speed from the last payment in km/h | travel_speed | lat lon | 90d | 0 0.4 9.2
user_night_share_30d | Share of payments at night over 30 days | mean | at_night | 30d | 0 0.01 0.09
device_users_24h | Customers on this device in 24 hours | distinct | user_id | 24h | 0 1 1
amount_base | Amount in the base currency |  |  |  | 4.1 27.5 148
hour_of_day | Solar hour at the place of the payment |  |  |  | 7.1 14.6 21.8
amount_vs_user_mean | Amount against the customer's own mean |  |  |  | 0.14 0.86 2.9
amount_zscore | Amount in standard deviations of its own |  |  |  | -1.1 -0.2 2
merchant_tx_count_24h | Payments at this merchant in 24 hours | count |  | 24h | 0 9 64
"""

RULES: dict[str, tuple[str, str, str]] = {
    "NEW_DEVICE": ("medium", "watch", "First payment of this customer with device {device_id} in 90 days"),
    "NEW_IP": ("low", "watch", "First payment of this customer from this IP address in 90 days"),
    "NEW_MERCHANT": ("low", "watch", "First payment of this customer at merchant {merchant_id} in 90 days"),
    "IMPOSSIBLE_TRAVEL": (
        "critical",
        "flag",
        "{km_from_last} km from the last payment at {value} km/h; faster than any airliner",
    ),
    "VELOCITY_5M": (
        "high",
        "flag",
        "{value} payments in the 5 minutes before this one; {usual} a day is usual",
    ),
    "SPEND_1H": (
        "high",
        "flag",
        "{value} {base_currency} spent within the hour, this payment included; {usual} a day is usual",
    ),
    "AMOUNT_UNUSUAL": (
        "medium",
        "watch",
        "{value} {base_currency} is far above this customer's own history; {usual} is usual",
    ),
    "UNUSUAL_HOUR": ("low", "watch", "Paid at {value} o'clock local time; {usual} payments are at night"),
    "TAKEOVER_PATTERN": (
        "critical",
        "reject",
        "New device and new IP address with a jump in amount ({value} {base_currency}; {usual} is usual)",
    ),
}
"""Severity, action and sentence by code."""

MODEL_SENTENCE = "Unusual as a whole: more suspicious than {value} % of the training reference"

_TYPES = {
    "event_id": "string",
    "timestamp": "time",
    "user_id": "string",
    "merchant_id": "string",
    "merchant_category": "category",
    "amount": "money",
    "currency": "category",
    "lat": "latitude",
    "lon": "longitude",
    "device_id": "string",
    "ip": "ip",
    "channel": "category",
}
_ENTITIES = {"user_id": "user", "merchant_id": "merchant", "device_id": "device", "ip": "ip"}


def features() -> list[dict[str, Any]]:
    """Name, describe, usual; and aggregate, of, window, or an expression."""
    found = []
    for line in _FEATURES.strip().splitlines():
        name, describe, aggregate, of, window, usual = (part.strip() for part in line.split("|"))
        low, middle, high = (float(figure) for figure in usual.split())
        how: dict[str, Any] = {"aggregate": aggregate, "of": of.split(), "window": window}
        feature = {"name": name, "describe": describe, "usual": {"low": low, "middle": middle, "high": high}}
        found.append(feature | (how if aggregate else {"expression": name}))
    return found


def scenario() -> dict[str, Any]:
    """The answer of `/api/v1/scenario`."""
    fields = [
        {
            "name": name,
            "type": kind,
            "entity": _ENTITIES.get(name),
            "pii": name in ("user_id", "ip"),
            "required": name != "merchant_category",
        }
        for name, kind in _TYPES.items()
    ]
    when = "is_new_device == 1 and user_tx_count_30d >= 3"
    rules = [
        {"code": code, "severity": severity, "action": action, "when": when, "message": message}
        for code, (severity, action, message) in RULES.items()
    ]
    return {
        "name": "card_payments",
        "describe": "Card payments in shops and online; one decision for each authorisation.",
        "base_currency": "USD",
        "timezone": "UTC",
        "main_entity": "user_id",
        "fields": fields,
        "features": [{key: value for key, value in one.items() if key != "usual"} for one in features()],
        "rules": rules,
        "policy": {"percentile": 98, "reject_percentile": None},
    }
