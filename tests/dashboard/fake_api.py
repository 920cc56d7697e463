"""A small server that answers as `/api/v1` does, from seeded data: customers, their habits, and one attack.

Stands in for the real server where a test is about what a page does with an answer.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

from fake_scenario import MODEL_SENTENCE, RULES, features, scenario

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ATTACKED = "user_0007"
BUNDLE = "6f1c0f7c9d2b4e5aa1b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f70819"
PLACES = [
    (52.52, 13.405, "EUR"),
    (48.857, 2.352, "EUR"),
    (51.507, -0.128, "GBP"),
    (40.713, -74.006, "USD"),
    (43.653, -79.383, "CAD"),
    (35.69, 139.69, "JPY"),
]
RATES = {"EUR": 1.09, "GBP": 1.27, "USD": 1.0, "CAD": 0.73, "JPY": 0.0067}
CATEGORIES = ["grocery", "restaurant", "fuel", "pharmacy", "transport", "clothing", None]


def iso(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def kilometres(a: dict[str, Any], b: dict[str, Any]) -> float:
    p, q = math.radians(a["lat"]), math.radians(b["lat"])
    h = math.sin((q - p) / 2) ** 2
    h += math.cos(p) * math.cos(q) * math.sin(math.radians(b["lon"] - a["lon"]) / 2) ** 2
    return 12742 * math.asin(math.sqrt(h))


def problem(status: int, code: str, detail: str) -> tuple[int, dict[str, Any]]:
    return status, {"type": "about:blank", "title": detail, "status": status, "code": code, "detail": detail}


class FakeApi:
    """The data and the answers; `answer` is what a route gives."""

    def __init__(self, customers: int = 40, payments: int = 900, seed: int = 5, now: datetime = NOW) -> None:
        self.now = now
        self.chance = random.Random(seed)
        self.down = False
        self.model: dict[str, Any] | None = {"kind": "isolation_forest", "trained_rows": 48210}
        self.decisions: list[dict[str, Any]] = []
        self.vectors: dict[str, dict[str, float | None]] = {}
        self.people = {f"user_{at:04}": self._person(at) for at in range(customers)}
        times = sorted(
            self.now - timedelta(minutes=6, days=9 * self.chance.random() ** 3) for _ in range(payments)
        )
        for time in times:
            self.pay(self.chance.choice(list(self.people)), time)

    def _person(self, at: int) -> dict[str, Any]:
        lat, lon, currency = PLACES[at % len(PLACES)]
        return {"lat": lat, "lon": lon, "currency": currency, "mean": self.chance.uniform(12, 70), "at": at}

    def pay(self, user: str, time: datetime, **changes: Any) -> dict[str, Any]:
        """One honest payment, or another with `changes`; `reasons` names what was met."""
        who, chance = self.people[user], self.chance
        risk = changes.pop("risk", round(100 * chance.random() ** 0.9 * 0.991, 3))
        codes = changes.pop("reasons", [])
        amount = round(who["mean"] * math.exp(chance.gauss(0, 0.7)), 2)
        event: dict[str, Any] = {
            "event_id": f"evt_{len(self.decisions):06}",
            "timestamp": iso(time),
            "user_id": user,
            "merchant_id": f"merchant_{chance.randrange(220):04}",
            "merchant_category": chance.choice(CATEGORIES),
            "amount": f"{amount / RATES[who['currency']]:.{0 if who['currency'] == 'JPY' else 2}f}",
            "currency": who["currency"],
            "lat": round(who["lat"] + chance.gauss(0, 0.03), 6),
            "lon": round(who["lon"] + chance.gauss(0, 0.04), 6),
            "device_id": f"device_{who['at']:04}a",
            "ip": f"203.0.113.{who['at'] + 1}",
            "channel": chance.choice(["contactless", "pos", "online", "contactless"]),
            **changes,
        }
        return self._decide(event, time, risk, list(codes))

    def attack(self, payments: int = 8) -> list[dict[str, Any]]:
        """New device, new address, another continent, many payments, growing amounts."""
        start, made = self.now - timedelta(seconds=28 * payments + 40), []
        for at in range(payments):
            codes = ["NEW_MERCHANT"] + (["NEW_DEVICE", "NEW_IP", "IMPOSSIBLE_TRAVEL"] if at == 0 else [])
            codes += ["VELOCITY_5M"] if at >= 4 else []
            codes += ["SPEND_1H"] if at >= 2 else []
            codes += ["AMOUNT_UNUSUAL", "TAKEOVER_PATTERN"] if at in (0, 1) else []
            made.append(
                self.pay(
                    ATTACKED,
                    start + timedelta(seconds=28 * at),
                    risk=round(99.2 + 0.1 * at, 3),
                    reasons=[*codes, "MODEL_RISK"],
                    amount=f"{640 + 215.5 * at:.2f}",
                    merchant_category="electronics",
                    lat=-23.55 + 0.01 * at,
                    lon=-46.633,
                    device_id="device_attacker",
                    ip="198.51.100.23",
                    channel="online",
                )
            )
        return made

    def _decide(self, event: dict[str, Any], time: datetime, risk: float, codes: list[str]) -> dict[str, Any]:
        before = [d for d in self.decisions if d["event"].get("user_id") == event["user_id"]]
        if risk >= 98 and "MODEL_RISK" not in codes:
            codes.append("MODEL_RISK")
        if not codes and self.chance.random() < 0.12:
            codes.append(self.chance.choice(["NEW_MERCHANT", "NEW_IP", "UNUSUAL_HOUR"]))
        vector = self._vector(event, time, before)
        outcome = "REJECTED" if "TAKEOVER_PATTERN" in codes else "APPROVED"
        if outcome == "APPROVED" and {"IMPOSSIBLE_TRAVEL", "VELOCITY_5M", "SPEND_1H", "MODEL_RISK"} & set(
            codes
        ):
            outcome = "FLAGGED"
        decision = {
            "decision_id": str(len(self.decisions)),
            "event_id": event["event_id"],
            "scenario": "card_payments",
            "arrival": len(self.decisions),
            "outcome": outcome,
            "flagged": outcome != "APPROVED",
            "anomaly_score": 0.38 + risk / 400 if self.model else None,
            "risk_score": risk if self.model else None,
            "reasons": [self._reason(code, event, vector, before, risk) for code in codes],
            "degraded": [] if self.model else ["no_model"],
            "bundle": BUNDLE,
            "event_time": iso(time),
            "arrived_at": iso(time + timedelta(seconds=0.4)),
            "decided_at": iso(time + timedelta(seconds=0.4012)),
            "event": event,
        }
        self.decisions.append(decision)
        self.vectors[event["event_id"]] = vector
        return decision

    def _vector(self, event: dict[str, Any], time: datetime, before: list[Any]) -> dict[str, float | None]:
        def within(seconds: float) -> list[Any]:
            return [d for d in before if (time - read(d["event_time"])).total_seconds() < seconds]

        def spent(seconds: float) -> float:
            return sum(base(d["event"]) for d in within(seconds))

        mean = spent(30 * 86400) / len(before) if before else None
        vector: dict[str, float | None] = {one["name"]: one["usual"]["middle"] for one in features()}
        gap = (time - read(before[-1]["event_time"])).total_seconds() if before else None
        km = kilometres(before[-1]["event"], event) if before else None
        for name, seconds in (("5m", 300), ("1h", 3600), ("24h", 86400), ("30d", 30 * 86400)):
            vector[f"user_tx_count_{name}"] = float(len(within(seconds)))
        vector |= {
            "user_spend_1h": spent(3600),
            "user_spend_24h": spent(86400),
            "user_amount_mean_30d": mean,
            "user_amount_max_30d": max((base(d["event"]) for d in before), default=None),
            "seconds_since_last": gap,
            "km_from_last": km,
            "speed_kmh": None if km is None or gap is None else km / max(gap, 1) * 3600,
            "amount_base": base(event),
            "amount_vs_user_mean": base(event) / mean if mean else None,
            "amount_zscore": (base(event) - mean) / (0.7 * mean) if mean else None,
            "hour_of_day": (time.hour + time.minute / 60 + event["lon"] / 15) % 24,
        }
        for name in ("device_id", "ip", "merchant_id"):
            known = any(d["event"][name] == event[name] for d in before)
            vector[f"is_new_{name.removesuffix('_id')}"] = 0.0 if known else 1.0
        return vector

    def _reason(self, code: str, event: Any, vector: Any, before: list[Any], risk: float) -> dict[str, Any]:
        mean, amount = vector["user_amount_mean_30d"] or 30.0, base(event)
        recent = [d["event_id"] for d in before[-6:]]
        values: dict[str, Any]
        values, evidence = {
            "NEW_DEVICE": ({"value": 1.0, "usual": 1.0, "device_id": event["device_id"]}, []),
            "NEW_IP": ({"value": 1.0, "usual": 1.0}, []),
            "NEW_MERCHANT": ({"value": 1.0, "merchant_id": event["merchant_id"]}, []),
            "IMPOSSIBLE_TRAVEL": (
                {"value": vector["speed_kmh"], "usual": 900.0, "km_from_last": vector["km_from_last"]},
                recent[-1:],
            ),
            "VELOCITY_5M": ({"value": vector["user_tx_count_5m"], "usual": 1.6}, recent[-4:]),
            "SPEND_1H": ({"value": vector["user_spend_1h"] + amount, "usual": 52.1}, recent[-3:]),
            "AMOUNT_UNUSUAL": ({"value": amount, "usual": mean}, recent),
            "UNUSUAL_HOUR": ({"value": vector["hour_of_day"], "usual": 0.0}, recent[-2:]),
            "TAKEOVER_PATTERN": ({"value": amount, "usual": mean}, recent[-1:]),
            "MODEL_RISK": ({"value": risk, "usual": 98.0, "speed_kmh": vector["speed_kmh"]}, []),
        }[code]
        severity, _, sentence = RULES.get(code, ("medium", "", MODEL_SENTENCE))
        told = {key: f"{value:,.2f}" if isinstance(value, float) else value for key, value in values.items()}
        message = sentence.format(base_currency="USD", **told)
        return {
            "code": code,
            "severity": severity,
            "message": message,
            "values": values,
            "evidence": evidence,
        }

    def answer(self, path: str, asked: dict[str, str]) -> tuple[int, Any]:
        """(status, body) of a GET."""
        if self.down:
            return problem(503, "store_unavailable", "The database is locked.")
        parts = path.removeprefix("/api/v1/").split("/")
        match parts:
            case ["decisions"]:
                return 200, self._list(asked, self._chosen(asked))
            case ["decisions", event_id]:
                return self._detail(unquote(event_id))
            case ["events"]:
                chosen = [d for d in reversed(self.decisions) if self._fits(d, asked)]
                page = self._list(asked, chosen)
                return 200, {**page, "items": [self._event(d) for d in page["items"]]}
            case ["queues"]:
                return 200, [
                    {
                        "name": "all",
                        "states": {"open": {"count": 3, "oldest_age_s": 7500}},
                        "closed_in_a_day": {"resolved": 5},
                    }
                ]
            case ["reports", _]:
                whole = {"frauds": 9, "caught": 7, "value_caught": 150_000, "value_missed": 2_000}
                return 200, {"decimals": 2, "whole": whole}
            case ["scenario"]:
                return 200, scenario()
            case ["health" | "readiness" | "stats" | "models" as name]:
                return 200, getattr(self, f"_{name}")()
        return problem(404, "not_found", "No such route.")

    def _fits(self, d: dict[str, Any], asked: dict[str, str]) -> bool:
        who, since, until = asked.get("entity"), asked.get("since"), asked.get("until")
        if who and d["event"]["user_id"] != who:
            return False
        return not (since and d["event_time"] < since) and not (until and d["event_time"] >= until)

    def _chosen(self, asked: dict[str, str]) -> list[dict[str, Any]]:
        found = [d for d in reversed(self.decisions) if self._fits(d, asked)]
        if asked.get("outcome"):
            found = [d for d in found if d["outcome"] == asked["outcome"]]
        if asked.get("flagged"):
            found = [d for d in found if d["flagged"] == (asked["flagged"] == "true")]
        if asked.get("min_risk"):
            found = [d for d in found if (d["risk_score"] or 0) >= float(asked["min_risk"])]
        for name, key in (("reason", "code"), ("severity", "severity")):
            if asked.get(name):
                found = [d for d in found if any(r[key] == asked[name] for r in d["reasons"])]
        return sorted(found, key=lambda d: -(d["risk_score"] or 0)) if asked.get("order") == "risk" else found

    def _list(self, asked: dict[str, str], found: list[Any]) -> dict[str, Any]:
        start, limit = int(asked.get("cursor") or 0), int(asked.get("limit") or 50)
        more = start + limit < len(found)
        return {"items": found[start : start + limit], "next": str(start + limit) if more else None}

    def _event(self, d: dict[str, Any]) -> dict[str, Any]:
        same = {key: d[key] for key in ("event_id", "arrival", "event_time", "arrived_at", "event")}
        return {
            **same,
            "amount_base": base(d["event"]),
            "outcome": d["outcome"],
            "risk_score": d["risk_score"],
        }

    def _detail(self, event_id: str) -> tuple[int, Any]:
        by_id = {d["event_id"]: d for d in self.decisions}
        if event_id not in by_id:
            return problem(404, "not_found", f"No decision about event {event_id!r}.")
        found = by_id[event_id]
        named = {key for reason in found["reasons"] for key in reason["evidence"]}
        vector = self.vectors[event_id]
        listed = [
            {
                "name": one["name"],
                "describe": one["describe"],
                "value": vector[one["name"]],
                "usual": one["usual"] if self.model else None,
            }
            for one in features()
        ]
        events = [self._event(by_id[key]) for key in sorted(named, key=lambda key: -by_id[key]["arrival"])]
        return 200, {**found, "features": listed, "evidence_events": events}

    def _health(self) -> dict[str, Any]:
        return {
            "status": "ok",
            "version": "0.1.0",
            "scenario": "card_payments",
            "bundle": BUNDLE,
            "model": self.model,
            "arrivals": len(self.decisions),
            "ready": True,
        }

    def _readiness(self) -> dict[str, Any]:
        return {"ready": True}

    def _stats(self) -> dict[str, Any]:
        hour = [d for d in self.decisions if read(d["arrived_at"]) > self.now - timedelta(hours=1)]
        names = ("APPROVED", "FLAGGED", "REJECTED")

        def counted(some: list[Any]) -> dict[str, int]:
            count = Counter(d["outcome"] for d in some)
            return {name: count[name] for name in names}

        minutes = [self.now.replace(second=0, microsecond=0) - timedelta(minutes=59 - at) for at in range(60)]
        per_minute = []
        for minute in minutes:
            count = Counter(
                d["outcome"] for d in hour if minute <= read(d["arrived_at"]) < minute + timedelta(minutes=1)
            )
            per_minute.append({"minute": iso(minute), **{name.lower(): count[name] for name in names}})
        codes = Counter(r["code"] for d in self.decisions if d["flagged"] for r in d["reasons"])
        return {
            "total_events": len(self.decisions),
            "total_decisions": len(self.decisions),
            "outcomes": counted(self.decisions),
            "last_hour": counted(hour),
            "per_minute": per_minute,
            "top_reasons": [{"code": code, "count": count} for code, count in codes.most_common(8)],
            "newest_arrival": len(self.decisions) - 1 if self.decisions else None,
            "rates": {"events_per_second": round(len(hour) / 3600, 3)},
        }

    def _models(self) -> dict[str, Any]:
        runs = [
            {
                "created_at": iso(self.now - timedelta(days=days)),
                "model_type": "isolation_forest",
                "trained_rows": rows,
                "threshold": 0.6021 + 0.001 * days,
                "percentile": 98.0,
                "feature_columns": [one["name"] for one in features()],
                "bundle": BUNDLE[days:] + BUNDLE[:days],
            }
            for days, rows in ((0, 48210), (3, 41007))
        ]
        return {"current": runs[0] if self.model else None, "runs": runs if self.model else []}


def read(text: str) -> datetime:
    return datetime.fromisoformat(text)


def base(event: dict[str, Any]) -> float:
    return float(event["amount"]) * RATES[event["currency"]]
