"""`riskloom simulate`."""

from __future__ import annotations

import importlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from riskloom.cli.console import TableWriter, bar, say
from riskloom.errors import Fault, ParameterInvalid, nearest, show

BATCH = 200
DAY_US = 86_400_000_000
SIMULATIONS = {"card_payments": "cards", "device_risk": "devices"}
"""What can be simulated, and the module of `riskloom.simulate` that does it."""
WORLDS = ("cards",)
"""Those with customers, days and times; the others make single events."""


def simulate(
    scenario: Annotated[str, typer.Option("--scenario", "-s", help="What to simulate.")] = "card_payments",
    events: Annotated[int, typer.Option(help="How many events, frauds included.", min=1)] = 50_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 7,
    out: Annotated[Path | None, typer.Option(help="Write to a CSV or Parquet file.")] = None,
    to: Annotated[str | None, typer.Option(help="Stream to a server, such as http://127.0.0.1:8000.")] = None,
    rate: Annotated[
        float, typer.Option(help="Events a second when streaming; 0 is as fast as it takes them.")
    ] = 50.0,
    days: Annotated[int, typer.Option(help="Over how many days.")] = 60,
    start: Annotated[
        str | None, typer.Option(help="First day, such as 2024-01-01; default: so that a stream ends today.")
    ] = None,
    users: Annotated[
        int | None,
        typer.Option(help="How many customers; default: one payment a day each, in a stream one each."),
    ] = None,
    fraud_share: Annotated[float, typer.Option(help="Which part is fraud, from 0 to 0.5.")] = 0.01,
) -> None:
    """Simulate events with labelled frauds: history in a file, or a live stream.

    card_payments: customers who pay, travel and are robbed. device_risk: single payments with what a device
    check says; written to device_risk.csv when neither --out nor --to is given.

    Labels (is_fraud, fraud_kind) go into the file; a server never sees them. A stream is sent with the
    present as its time, so that a server's windows hold it.
    """
    room = _simulation(scenario)
    options: dict[str, Any] = {"fraud_share": fraud_share}
    if SIMULATIONS[scenario] in WORLDS:
        people = max(1_000, events) if users is None and to is not None else users
        options |= _world(days, start, people)
    else:
        _refuse_world(scenario, start, users)
        out = _usual_file(scenario) if out is None and to is None else out
    if (out is None) == (to is None):
        raise ParameterInvalid(Fault("--out, --to", "one of them", "both" if out else "none"))
    if out is not None:
        began = time.perf_counter()
        with TableWriter(out) as table, bar("events") as progress:
            task = progress.add_task("simulating", total=events)
            for chunk in room.simulate_columns(events, seed, **options):
                table.write(chunk)
                progress.advance(task, len(chunk["event_id"]))
        say(f"{events:,} events, seed {seed}: {out} ({time.perf_counter() - began:.1f} s)")
    elif to is not None:
        _stream(room.simulate(events, seed, **options), room.LABEL_COLUMNS, to, rate, events)


def _simulation(scenario: str) -> Any:
    """The module that simulates a scenario."""
    if scenario not in SIMULATIONS:
        known = ", ".join(SIMULATIONS)
        raise ParameterInvalid(
            Fault("--scenario", f"one of {known}", show(scenario), nearest(scenario, SIMULATIONS))
        )
    return importlib.import_module(f"riskloom.simulate.{SIMULATIONS[scenario]}")


def _world(days: int, start: str | None, users: int | None) -> dict[str, Any]:
    """Options of simulations with customers and days."""
    options: dict[str, Any] = {"days": days}
    if start is not None:
        options["start_us"] = _day_us(start)
    if users is not None:
        options["users"] = users
    return options


def _refuse_world(scenario: str, start: str | None, users: int | None) -> None:
    """Single events know neither days nor customers."""
    given = {"--start": start, "--users": users}
    faults = [
        Fault(name, f"nothing: {scenario} has neither days nor customers", show(value))
        for name, value in given.items()
        if value is not None
    ]
    if faults:
        raise ParameterInvalid(faults)


def _usual_file(scenario: str) -> Path:
    """Where a simulation goes when nobody says where; never over a file that is there."""
    path = Path(f"{scenario}.csv")
    if path.exists():
        raise ParameterInvalid(Fault("--out", "a file to write", "none", f"{path} is there already"))
    return path


def _day_us(text: str) -> int:
    try:
        return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000
    except ValueError as error:
        raise ParameterInvalid(Fault("--start", "a day such as 2024-01-01", show(text))) from error


def _stream(
    rows: Iterator[dict[str, Any]], labels: tuple[str, ...], to: str, rate: float, total: int
) -> None:
    """Send events at a rate, stamped with the present."""
    from riskloom.client import Client

    counts: dict[str, int] = {}
    client = Client(to)
    began, sent = time.perf_counter(), 0
    with bar("events") as progress:
        task = progress.add_task(f"sending to {to}", total=total)
        while batch := list(islice(rows, max(1, min(BATCH, round(rate) or BATCH)))):
            now = datetime.now(UTC).isoformat()
            events = [_present(_unlabelled(row, labels), now) for row in batch]
            for answer in client.score_many(events):
                outcome = str(answer.get("outcome") or "refused")
                counts[outcome] = counts.get(outcome, 0) + 1
            sent += len(batch)
            progress.update(task, completed=sent)
            if rate:
                time.sleep(max(0.0, began + sent / rate - time.perf_counter()))
    said = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(counts.items()))
    say(f"{sent:,} events sent in {time.perf_counter() - began:.1f} s: {said}")


def _present(row: dict[str, Any], now: str) -> dict[str, Any]:
    """An event with the present as its time, where it has one."""
    return {**row, "timestamp": now} if "timestamp" in row else row


def _unlabelled(row: dict[str, Any], labels: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in labels}
