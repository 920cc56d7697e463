"""Clients that send payments of every kind, and people who change all that can be changed meanwhile."""

from __future__ import annotations

import contextlib
import itertools
import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from riskloom.bundle import Bundle, make_bundle
from riskloom.domain.show import show_time
from riskloom.scenario.load import scenario_from_parts
from support.events import payment, trained_bundle
from support.policed import card_parts
from support.process import Process

DAY_S = 86_400
Event = dict[str, Any]


def version(
    per_day: int = 60, *, percentile: float = 80, per_hour: int = 400, window: str = "24h", trees: int = 20
) -> Bundle:
    """Card payments with a model, lists, a label-aware feature, an alert budget, limits and a deadline."""
    parts = card_parts()
    parts["model"] = {"detector": {"parameters": {"trees": trees, "max_samples": 64}}}
    parts["lists"] = [
        {"name": "trusted", "of": "user_id", "kind": "allow"},
        {"name": "stolen", "of": "device_id", "kind": "deny"},
    ]
    features = parts["features"]["features"]
    features.append({"name": "own_count", "entity": "user", "aggregate": "count", "window": window})
    features.append({"name": "frauds", "entity": "merchant", "aggregate": "fraud_count", "window": "7d"})
    rule = {"severity": "low", "action": "flag", "message": "x"}
    parts["rules"] += [
        {**rule, "code": "OFTEN", "when": "own_count >= 9", "limit": {"per_hour": per_hour}},
        {**rule, "code": "KNOWN_FRAUD", "when": "frauds >= 1", "evidence": "frauds"},
    ]
    parts["policy"] = {
        "percentile": percentile,
        "budget": {"per_day": per_day, "entity": "user_id"},
        "limit": {"per_minute": 2_000},
        "deadline_ms": 60_000,
    }
    return make_bundle(scenario_from_parts(parts), trained_bundle(trees).model)


@dataclass
class Crowd:
    """Sends events until told to stop or the server is gone; remembers what was acknowledged."""

    wanted: int
    seed: int
    sent: dict[str, Event] = field(default_factory=dict)
    decided: dict[str, tuple[int, str]] = field(default_factory=dict)
    """(arrival, outcome) as every answer had it, by event id."""
    ingested: dict[str, int] = field(default_factory=dict)
    contradictions: list[str] = field(default_factory=list)
    allowed: int = 0
    """How many events may be sent so far."""
    stopped: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def acknowledged(self) -> int:
        """How many events the server has said it has."""
        return len(self.decided) + sum(name not in self.decided for name in list(self.ingested))

    def start(self, process: Process) -> list[threading.Thread]:
        """Begin; the threads end when the server is gone."""
        self.stopped.clear()
        jobs: list[Callable[[httpx.Client, random.Random], None]] = [
            self._batch,
            self._batch,
            self._one,
            self._one,
            self._twice,
            self._later,
        ]
        threads = [
            threading.Thread(target=self._work, args=(process, job, number))
            for number, job in enumerate(jobs)
        ]
        for thread in threads:
            thread.start()
        return threads

    def retry(self, process: Process) -> None:
        """Send again what was sent and not acknowledged."""
        with process.client() as client:
            waiting = [event for name, event in list(self.sent.items()) if not self._is_known(name)]
            for start in range(0, len(waiting), 200):
                answer = client.post("/api/v1/score/batch", json={"events": waiting[start : start + 200]})
                self._note(answer, answer.json()["results"])

    def _is_known(self, name: str) -> bool:
        return name in self.decided or name in self.ingested

    def _work(
        self, process: Process, job: Callable[[httpx.Client, random.Random], None], number: int
    ) -> None:
        chance = random.Random(f"{self.seed} {number} {len(self.sent)}")
        with process.client() as client, contextlib.suppress(httpx.TransportError):
            while not self.stopped.is_set() and len(self.sent) < self.wanted:
                if len(self.sent) < self.allowed:
                    job(client, chance)
                else:
                    self.stopped.wait(0.005)

    def _fresh(self, chance: random.Random, count: int) -> list[Event]:
        with self._lock:
            numbers = range(len(self.sent), len(self.sent) + count)
            made = [self._event(chance, number) for number in numbers]
            self.sent |= {event["event_id"]: event for event in made}
        return made

    def _event(self, chance: random.Random, number: int) -> Event:
        """One in eight is late, some too late; whole seconds, so that many are tied."""
        ago = chance.choice([60, 7_000, 3 * DAY_S, 9 * DAY_S]) if chance.random() < 0.125 else 0
        return payment(
            f"e-{number}",
            timestamp=show_time((int(time.time()) - ago) * 1_000_000),
            user_id=f"u-{min(chance.randrange(900), chance.randrange(900))}",
            device_id=f"d-{chance.randrange(1_500)}",
            merchant_id=f"m-{chance.randrange(60)}",
            merchant_category=chance.choice(["grocery", "travel", "electronics"]),
            amount=round(chance.lognormvariate(3, 1.2), 2),
            lat=51 + chance.random(),
            ip=f"203.0.113.{chance.randrange(250)}",
            channel=chance.choice(["online", "pos"]),
        )

    def _batch(self, client: httpx.Client, chance: random.Random) -> None:
        events = self._fresh(chance, 60)
        events += [event for event in events if chance.random() < 0.05]
        answer = client.post("/api/v1/score/batch", json={"events": events})
        self._note(answer, answer.json().get("results", []))

    def _one(self, client: httpx.Client, chance: random.Random) -> None:
        started = {"X-Request-Start": str(time.time() - 100)} if chance.random() < 0.05 else {}
        (event,) = self._fresh(chance, 1)
        answer = client.post("/api/v1/score", json=event, headers=started)
        self._note(answer, [answer.json()])

    def _twice(self, client: httpx.Client, chance: random.Random) -> None:
        """An event that was sent before, perhaps still in flight on another connection."""
        names = list(self.sent)
        event = self.sent[chance.choice(names[-200:])] if names else self._fresh(chance, 1)[0]
        if event["event_id"] not in self.ingested:
            answer = client.post("/api/v1/score", json=event)
            self._note(answer, [answer.json()])

    def _later(self, client: httpx.Client, chance: random.Random) -> None:
        """Taken in now; some are decided later, some never."""
        (event,) = self._fresh(chance, 1)
        answer = client.post("/api/v1/events", json=event)
        if answer.is_success:
            self.ingested[event["event_id"]] = answer.json()["arrival"]
        waiting = list(itertools.islice(reversed(self.ingested), 40))
        if chance.random() < 0.5 and waiting:
            answer = client.post(f"/api/v1/events/{chance.choice(waiting)}/score")
            self._note(answer, [answer.json()])

    def _note(self, answer: httpx.Response, results: list[Any]) -> None:
        for result in results:
            if "outcome" not in result:
                if answer.status_code < 500 and answer.status_code != 409:
                    self.contradictions.append(str(result))
                continue
            name, told = result["event_id"], (result["arrival"], result["outcome"])
            if self.decided.setdefault(name, told) != told:
                self.contradictions.append(f"{name}: {self.decided[name]}, then {told}")
            if name in self.ingested and self.ingested[name] != told[0]:
                self.contradictions.append(f"{name}: taken in as {self.ingested[name]}, decided as {told[0]}")


class People:
    """Those who change labels, lists, switches and versions, one thing after the other, round and round."""

    def __init__(self, crowd: Crowd, seed: int) -> None:
        self._crowd = crowd
        self._chance = random.Random(seed)
        self.done: list[str] = []
        self._next = self._acts()

    def act(self, process: Process) -> None:
        """Do the next thing; a server that is killed meanwhile may or may not have taken it."""
        with process.client() as client, contextlib.suppress(httpx.TransportError):
            name, what = next(self._next)
            answer = what(client)
            if answer is not None:
                assert answer.status_code < 300, f"{name}: {answer.text}"
                assert answer.json().get("problem") is None, f"{name}: {answer.text}"
            self.done.append(name)

    def _acts(self) -> Iterator[tuple[str, Callable[[httpx.Client], httpx.Response | None]]]:
        for turn in itertools.count():
            yield "labels", self._tell
            yield "trust", lambda client: client.post("/api/v1/lists/trusted", json=self._users())
            yield "2 shadow", lambda client: self._move(client, 2, "shadow")
            yield "deny", lambda client: client.post("/api/v1/lists/stolen", json=["d-1", "d-2", "d-3"])
            yield "3 canary", lambda client: self._move(client, 3, "canary", percent=30)
            yield "rule off", lambda client: self._switch(client, ["rule:OFTEN"])
            yield "other rules", self._other_rules
            yield "labels", self._tell
            yield "3 champion", lambda client: self._move(client, 3, "champion")
            yield "rule on", lambda client: self._switch(client, [])
            yield "4 canary", lambda client: self._move(client, 4, "canary", percent=40)
            yield "rollback", lambda client: client.post("/api/v1/models/rollback", json={"reason": "x"})
            yield "another policy", lambda client, turn=turn: self._other_policy(client, turn)
            yield "model off", lambda client: self._switch(client, ["model"])
            yield "labels", self._tell
            yield "model on", lambda client: self._switch(client, [])
            yield "1 champion", lambda client: self._move(client, 1, "champion")

    def _tell(self, client: httpx.Client) -> httpx.Response | None:
        known = list(self._crowd.decided)
        told = [
            {"event_id": name, "fraud": self._chance.random() < 0.4, "source": source}
            for source in ("customer", "analyst")
            for name in self._chance.sample(known, min(25, len(known)))
        ]
        return client.post("/api/v1/labels", json=told) if told else None

    def _users(self) -> list[str]:
        return [f"u-{self._chance.randrange(900)}" for _ in range(20)]

    def _switch(self, client: httpx.Client, off: list[str]) -> httpx.Response:
        return client.put("/api/v1/switches", json={"off": off, "reason": "x"})

    def _move(self, client: httpx.Client, number: int, to: str, **more: Any) -> httpx.Response | None:
        """Room is made first: there is one canary, and a champion is not moved but replaced."""
        stages = {one["version"]: one["stage"] for one in client.get("/api/v1/models/versions").json()}
        if stages[number] in (to, "champion"):
            return None
        for other, stage in stages.items():
            if to == "canary" and stage == "canary" and other != number:
                client.post(
                    f"/api/v1/models/versions/{other}/move", json={"to": "shadow", "reason": "room"}
                ).raise_for_status()
            elif to == "shadow" and stage == "shadow":
                client.post(
                    f"/api/v1/models/versions/{other}/move", json={"to": "retired", "reason": "room"}
                ).raise_for_status()
        if stages[number] == "retired" and to != "shadow":
            client.post(
                f"/api/v1/models/versions/{number}/move", json={"to": "shadow", "reason": "again"}
            ).raise_for_status()
        return client.post(f"/api/v1/models/versions/{number}/move", json={"to": to, "reason": "x", **more})

    def _other_rules(self, client: httpx.Client) -> httpx.Response | None:
        """Another bound in one rule, at work as a shadow."""
        rules = client.get("/api/v1/rules").json()
        for rule in rules:
            if rule["code"] == "OFTEN":
                rule["when"] = f"own_count >= {self._chance.randrange(3, 9)}"
        made = client.post("/api/v1/rule-sets", json={"rules": rules, "reason": "x"}).raise_for_status()
        return self._move(client, made.json()["version"], "shadow")

    def _other_policy(self, client: httpx.Client, turn: int) -> httpx.Response | None:
        """Another budget, at work as the champion."""
        policy = {
            "percentile": 85,
            "budget": {"per_day": 70 + turn, "entity": "user_id"},
            "limit": {"per_minute": 900},
        }
        made = client.post("/api/v1/policies", json={"policy": policy, "reason": "x"}).raise_for_status()
        return self._move(client, made.json()["version"], "champion")
