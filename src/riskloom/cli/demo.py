"""`riskloom demo`: history, model, server, dashboard, an attack, and what became of it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from riskloom.cli.console import say, words
from riskloom.errors import AlreadyRunning, Fault, ParameterInvalid

SEED = 7
DAYS = 45
DAY_US = 86_400_000_000
MARKER = ".riskloom-demo"
ATTACKS = (
    (
        "account_takeover",
        "somebody else takes over the account: new device, new address, far away, large amounts",
    ),
    ("card_testing", "stolen numbers are tried: many tiny online payments within minutes"),
)
COLOURS = {"APPROVED": "green", "FLAGGED": "yellow", "REJECTED": "red"}
START_S = 90.0
SHOWN = 14


def demo(
    exit_after: Annotated[bool, typer.Option("--exit", help="End after the summary.")] = False,
    events: Annotated[
        int, typer.Option(help="How much history to simulate.", min=2_000, max=1_000_000)
    ] = 20_000,
    port: Annotated[int, typer.Option(help="Port of the API; the next free one when it is busy.")] = 8000,
    dashboard_port: Annotated[int, typer.Option(help="Port of the dashboard.")] = 8501,
    folder: Annotated[
        Path, typer.Option("--dir", help="Working folder; what an earlier demo left is removed.")
    ] = Path("var/demo"),
) -> None:
    """Watch a fraud attack being caught, explained and queued for review. Needs no services and no network.

    Simulates 45 days of card payments, trains, starts the API and the dashboard, sends a customer's normal
    payments and then attacks, and shows what was decided and why. Stays up until Ctrl-C.
    """
    began = time.perf_counter()
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, signal.default_int_handler)  # both end what was started here
    _fresh_folder(folder)
    history, bundle = folder / "history.parquet", folder / "bundle"
    today_us = int(time.time()) // 86_400 * DAY_US
    start = time.strftime("%Y-%m-%d", time.gmtime((today_us - DAYS * DAY_US) / 1e6))
    step = _Steps(folder / "demo.log")
    step("simulating history", "simulate", "--events", str(events), "--seed", str(SEED), "--days", str(DAYS),
         "--start", start, "--out", str(history))  # fmt: skip
    step("training an isolation forest", "train", "--data", str(history), "--out", str(bundle))
    database = ["--database", f"sqlite:///{folder / 'demo.db'}", "--data-dir", str(folder / "data")]
    step("deciding the history, event by event", "ingest", "--data", str(history), "--bundle", str(bundle),
         "--score", *database)  # fmt: skip
    port, dashboard_port = _free_port(port), _free_port(dashboard_port)
    url = f"http://127.0.0.1:{port}"
    with contextlib.ExitStack() as running:
        serve = [sys.executable, "-m", "riskloom.cli", "serve", "--bundle", str(bundle), *database]
        server = running.enter_context(_process([*serve, "--port", str(port)], folder / "api.log"))
        shown = running.enter_context(_dashboard(dashboard_port, url, folder / "dashboard.log"))
        _attack(url, history, server, folder)
        say(f"\nready after {time.perf_counter() - began:.0f} s. Look:")
        if shown is not None:
            say(f"  review queue   http://127.0.0.1:{dashboard_port}")
        say(f"  API            {url}/docs")
        say(f"  one decision   {url}/api/v1/decisions?flagged=true&limit=1")
        if not exit_after:
            say("\nCtrl-C ends it.")
            _wait(server)
    say("ended.")


class _Steps:
    """Runs the product's own commands, and shows their words when one fails."""

    def __init__(self, log: Path) -> None:
        self._log = log

    def __call__(self, what: str, *arguments: str) -> None:
        began = time.perf_counter()
        with words.status(f"{what} ..."), self._log.open("ab") as log:
            code = subprocess.call(  # noqa: S603 - our own command line
                [sys.executable, "-m", "riskloom.cli", *arguments], stdout=log, stderr=log
            )
        if code != 0:
            say(self._log.read_text(errors="replace")[-2000:])
            raise AlreadyRunning(f"{what} failed (exit code {code}).", hint=f"see {self._log}")
        say(f"✓ {what} ({time.perf_counter() - began:.0f} s)")


def _attack(url: str, history: Path, server: subprocess.Popen[bytes], folder: Path) -> None:
    """Wait for the server, send normal behaviour and attacks, show what was decided."""
    from riskloom.client import Client
    from riskloom.simulate.attacks import attack
    from riskloom.simulate.cards import LABEL_COLUMNS

    with Client(url) as client:
        _wait_until_ready(client, server, folder)
        for number, (kind, words_for) in enumerate(ATTACKS):
            victim = _victim(history, number)
            latest_us = max(_time_us(row) for row in victim)
            at_us = max(time.time_ns() // 1000 - 20 * 60_000_000, latest_us + 6 * 3_600_000_000)
            payments = attack(kind, victim, at_us, SEED + number)
            answers = [
                client.score({name: value for name, value in payment.items() if name not in LABEL_COLUMNS})
                for payment in payments
            ]
            _show(kind, words_for, payments, answers)


def _show(kind: str, words_for: str, payments: Sequence[dict[str, Any]], answers: Sequence[Any]) -> None:
    """Each payment on a line; each reason in words when it first appears, then by its code."""
    words.print(f"\n[bold]{kind.replace('_', ' ')}[/]: {words_for}")
    told: set[str] = set()
    for number, (payment, answer) in enumerate(zip(payments, answers, strict=True)):
        if number == SHOWN:
            words.print(f"  ... and {len(payments) - SHOWN} more like it")
        if number >= SHOWN:
            continue
        _show_one(payment, answer, told)
    frauds = [a for p, a in zip(payments, answers, strict=True) if p["is_fraud"]]
    normal = [a for p, a in zip(payments, answers, strict=True) if not p["is_fraud"]]
    caught = sum(answer["flagged"] for answer in frauds)
    passed = sum(not answer["flagged"] for answer in normal)
    approved = f"{passed} of {len(normal)} normal ones approved"
    say(f"  {caught} of {len(frauds)} fraudulent payments caught; {approved}.")


def _show_one(payment: dict[str, Any], answer: Any, told: set[str]) -> None:
    risk = answer["risk_score"]
    colour = COLOURS[answer["outcome"]]
    amount = f"{payment['amount']} {payment['currency']}"
    again = [reason["code"] for reason in answer["reasons"] if reason["code"] in told]
    words.print(
        f"  {'fraud ' if payment['is_fraud'] else 'normal'}  {str(payment['timestamp'])[11:19]}  {amount:>14}"
        f"  at {payment['lat']:6.1f},{payment['lon']:7.1f}  risk {risk if risk is None else f'{risk:5.1f}'}"
        f"  [{colour}]{answer['outcome']}[/]  [dim]{' '.join(again)}[/]",
        soft_wrap=True,
    )
    for reason in answer["reasons"]:
        if reason["code"] not in told:
            told.add(reason["code"])
            count = len(reason["evidence"])
            evidence = f" [dim]({count} event{'s' if count != 1 else ''} as evidence)[/]" if count else ""
            words.print(f"          • {reason['message']}{evidence}", soft_wrap=True)


def _victim(history: Path, number: int) -> list[dict[str, Any]]:
    """The honest payments of a customer who pays often, newest last."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    table = pq.read_table(history)
    robbed = set(table.filter(pc.equal(table["is_fraud"], 1))["user_id"].to_pylist())
    counted = sorted(
        ((pair["counts"], pair["values"]) for pair in pc.value_counts(table["user_id"]).to_pylist()),
        reverse=True,
    )
    steady = [user for _, user in counted if user not in robbed]
    user = steady[len(steady) // 20 + number]
    rows: list[dict[str, Any]] = table.filter(pc.equal(table["user_id"], user)).to_pylist()
    return rows


def _time_us(row: dict[str, Any]) -> int:
    from datetime import datetime

    return int(datetime.fromisoformat(row["timestamp"]).timestamp() * 1e6)


def _wait_until_ready(client: Any, server: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + START_S
    with words.status("starting the server ..."):
        while not client.ready():
            if server.poll() is not None or time.monotonic() > deadline:
                say((folder / "api.log").read_text(errors="replace")[-2000:])
                raise AlreadyRunning("The server did not start.", hint=f"see {folder / 'api.log'}")
            time.sleep(0.2)
    say(f"✓ serving on {client.base_url}")


@contextlib.contextmanager
def _process(command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of ours, ended with the block."""
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True)  # noqa: S603
        try:
            yield process
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=15)
            if process.poll() is None:
                process.kill()
                process.wait()


@contextlib.contextmanager
def _dashboard(port: int, url: str, log: Path) -> Iterator[subprocess.Popen[bytes] | None]:
    """The dashboard's process, or None where its extra is not installed."""
    import importlib.util

    if importlib.util.find_spec("streamlit") is None:
        say("the dashboard needs the extra 'dashboard': pip install 'riskloom[dashboard]'")
        yield None
        return
    from riskloom.dashboard.launch import command

    with _process(command(port, url), log) as process:
        yield process


def _free_port(wanted: int) -> int:
    for port in range(wanted, wanted + 50):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                continue
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                if port != wanted:
                    say(f"port {wanted} is busy: using {port}")
                return port
    raise ParameterInvalid(Fault("port", "a free port", f"{wanted} to {wanted + 49} are all busy"))


def _fresh_folder(folder: Path) -> None:
    """An empty working folder; only a folder that an earlier demo made is emptied."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARKER).exists():
            raise ParameterInvalid(Fault("--dir", "a new folder, or one of an earlier demo", str(folder)))
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER).write_text(f"{os.getpid()}\n")


def _wait(server: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(KeyboardInterrupt):
        while server.poll() is None:
            time.sleep(0.5)
        say("the server ended.")
