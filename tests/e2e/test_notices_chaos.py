"""A server and three relays, killed and started again at random, two channels that fail half the time: every
notice arrives, and twice only where an answer was lost.

`RISKLOOM_CHAOS_ALERTS=1000` is the size of the figure in docs/notices.md; `-s` prints what it counted.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from riskloom.bundle import make_bundle, write_bundle
from riskloom.scenario.load import scenario_from_parts
from support.databases import KINDS, Database
from support.events import payment
from support.outbox import SECRET, Outbox, alert
from support.policed import card_parts
from support.process import COMMAND, Process, environment
from support.sinks import HttpSink, MailSink, Taken, http_sink, mail_sink

pytestmark = pytest.mark.e2e
ALERTS = int(os.environ.get("RISKLOOM_CHAOS_ALERTS", "40"))
KILLS = 4 if ALERTS < 1_000 else 24
SERVED, RELAYED = (("sqlite",), ("postgresql",)) if ALERTS < 1_000 else (KINDS, KINDS)
"""The small size takes one database for each test; half a minute each is enough for every change."""
RELAYS = 3
PATIENCE_S = 300.0
NOTICED_S = 5.0
"""An answer can be lost by a kill so long after a notice was taken, at most."""


def told_bundle(folder: Path) -> Path:
    """Card payments of which every one raises an alert that two channels are told of."""
    parts = card_parts()
    parts["rules"].append({"code": "EACH", "when": "amount > 0", "action": "flag", "message": "x"})
    parts["notices"] = {"policies": [{"name": "all", "steps": [{"channels": ["ops", "mail"]}]}]}
    return write_bundle(make_bundle(scenario_from_parts(parts), None), folder)


def failing_half(seed: int, ways: list[str]) -> Callable[[int], str]:
    """Half of the deliveries succeed; the others fail in one of these ways."""
    chance = random.Random(seed)
    return lambda _number: chance.choice(["ok"] * len(ways) + ways)


class Relaying:
    """A relay in a process of its own."""

    def __init__(self, words: list[str], settings: dict[str, str]) -> None:
        self._popen = subprocess.Popen(
            [*COMMAND, "notices", "relay", *words],
            env=environment(**settings),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def kill(self) -> None:
        """SIGKILL."""
        self._popen.kill()
        self._popen.wait(30)


class Four:
    """The server and the relays; whichever is killed is started again."""

    def __init__(self, database: Database, bundle: Path, settings: dict[str, str]) -> None:
        self._database = database
        self._bundle = bundle
        self._settings = settings
        self.server = self._serve()
        data = ["--database", database.url, "--data-dir", str(database.data_dir)]
        self._words = [*data, "--scenario", str(bundle)]
        self._relays = [Relaying(self._words, settings) for _ in range(RELAYS)]
        self.killed: list[float] = []

    def kill(self, which: int) -> None:
        """Kill one, and start it again."""
        self.killed.append(time.monotonic())
        if which == RELAYS:
            self.server.kill()
            self.server = self._serve()
        else:
            self._relays[which].kill()
            self._relays[which] = Relaying(self._words, self._settings)

    def end(self) -> None:
        """Kill all of them."""
        self.server.kill()
        for relay in self._relays:
            relay.kill()

    def _serve(self) -> Process:
        return Process(self._database, "--bundle", str(self._bundle), **self._settings)


class Sender:
    """Sends payments one after the other, each until it is taken."""

    def __init__(self, four: Four, count: int) -> None:
        self.taken = 0
        self._four = four
        self._count = count
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._send)

    def __enter__(self) -> Sender:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stopped.set()
        self._thread.join()

    def wait_for(self, count: int) -> None:
        """Until so many were taken."""
        deadline = time.monotonic() + PATIENCE_S
        while self.taken < count:
            assert time.monotonic() < deadline, f"{self.taken} of {count} payments were taken"
            time.sleep(0.01)

    def _send(self) -> None:
        for number in range(self._count):
            event = payment(f"e-{number}", user_id=f"u-{number}", timestamp=None, amount=10)
            while not self._stopped.is_set():
                with contextlib.suppress(httpx.HTTPError):
                    url = f"{self._four.server.url}/api/v1/score"
                    if httpx.post(url, json=event, timeout=10).status_code == 200:
                        break
                self._stopped.wait(0.05)
            self.taken += 1


def settings_of(ops: HttpSink, mail: MailSink) -> dict[str, str]:
    """The settings of each process: haste, and channels without a limit."""
    channels = {
        "ops": f"webhook+http://:{SECRET}@{ops.url}/hook#per_minute=0",
        "mail": f"smtp://{mail.url}?from=a@b.example&to=c@d.example&tls=none#per_minute=0",
    }
    haste = {"notice_attempts": "60", "notice_pause_s": "0.005", "notice_timeout_s": "1.5"}
    return {"channels": json.dumps(channels), **haste}


def wait_until(reached: Callable[[], bool]) -> None:
    """Wait, for a while; what is not reached the test finds out."""
    deadline = time.monotonic() + PATIENCE_S
    while not reached() and time.monotonic() < deadline:
        time.sleep(0.1)


def states(database: Database) -> dict[str, int]:
    return dict(database.rows("select state, count(*) from notices group by state"))  # type: ignore[arg-type]


def unexplained(taken: Taken, killed: list[float]) -> list[str]:
    """Keys that were taken again although the answer before was not lost."""
    return [
        key
        for key, times in taken.times.items()
        for at_s, lost in times[:-1]
        if not lost and not any(0 <= kill_s - at_s <= NOTICED_S for kill_s in killed)
    ]


def check(kind: str, database: Database, ops: Taken, mail: Taken, killed: list[float]) -> None:
    """Every notice arrived, and none again without a reason."""
    assert states(database) == {"delivered": 2 * ALERTS}
    ids = [row[0] for row in database.rows("select id from alerts")]
    for name, taken in (("ops", ops), ("mail", mail)):
        assert set(taken.keys) == {f"{one}:0:{name}" for one in ids}
        assert unexplained(taken, killed) == []
        twice, lost = len(taken.keys) - len(ids), sum(taken.lost.values())
        print(
            f"{kind} {name}: {taken.asked:,} attempts, {len(taken.keys):,} taken of {len(ids):,}, "
            f"{twice:,} again: {lost:,} answers lost by the receiver, {twice - lost:,} by kills"
        )
    print(f"{kind}: {len(killed)} kills")


@pytest.mark.parametrize("kind", SERVED)
def test_every_notice_arrives_whoever_is_killed(
    make_database: Callable[[str], Database], tmp_path: Path, kind: str
) -> None:
    database, chance = make_database(kind), random.Random(7)
    bundle = told_bundle(tmp_path / "bundle")
    web = failing_half(1, ["fail", "fail", "fail", "fail", "lose", "lose", "hang"])
    with http_sink(web) as ops, mail_sink(failing_half(2, ["fail", "fail", "lose"])) as mail:
        four = Four(database, bundle, settings_of(ops, mail))
        try:
            with Sender(four, ALERTS) as sender:
                for number in range(KILLS):
                    sender.wait_for(ALERTS * (number + 1) // (KILLS + 1))
                    time.sleep(chance.uniform(0, 0.5))
                    four.kill(number if number <= RELAYS else chance.randrange(RELAYS + 1))
                sender.wait_for(ALERTS)
                wait_until(lambda: states(database) == {"delivered": 2 * ALERTS})
        finally:
            four.end()
    check(kind, database, ops.taken, mail.taken, four.killed)


@pytest.mark.parametrize("kind", RELAYED)
def test_every_notice_arrives_from_four_relays(
    make_database: Callable[[str], Database], tmp_path: Path, kind: str
) -> None:
    database, chance = make_database(kind), random.Random(8)
    outbox = Outbox(database, tmp_path / "small", "policies: [{name: a, steps: [{channels: [ops, mail]}]}]")
    bundle = write_bundle(make_bundle(outbox.scenario, None), tmp_path / "bundle")
    web = failing_half(3, ["fail", "fail", "fail", "fail", "lose", "lose", "hang"])
    killed: list[float] = []
    with http_sink(web) as ops, mail_sink(failing_half(4, ["fail", "fail", "lose"])) as mail:
        words = ["--database", database.url, "--scenario", str(bundle)]
        relays = [Relaying(words, settings_of(ops, mail)) for _ in range(RELAYS + 1)]
        try:
            for number in range(KILLS):
                first = number * ALERTS // KILLS
                last = (number + 1) * ALERTS // KILLS
                outbox.open(*(alert(one, time.time_ns() // 1000) for one in range(first + 1, last + 1)))
                wait_until(lambda wanted=first + last: states(database).get("delivered", 0) >= wanted)  # type: ignore[misc]
                killed.append(time.monotonic())
                which = number if number <= RELAYS else chance.randrange(RELAYS + 1)
                relays[which].kill()
                relays[which] = Relaying(words, settings_of(ops, mail))
            wait_until(lambda: states(database) == {"delivered": 2 * ALERTS})
        finally:
            for relay in relays:
                relay.kill()
            outbox.engine.dispose()
    check(f"{kind} (relays)", database, ops.taken, mail.taken, killed)
