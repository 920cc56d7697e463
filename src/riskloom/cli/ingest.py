"""`riskloom ingest`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from riskloom.cli.console import FileEvents, complete_scenario, dead_letter_path, print_json, say
from riskloom.errors import Fault

if TYPE_CHECKING:
    from riskloom.bundle import Bundle
    from riskloom.domain.event import Event
    from riskloom.scenario.scenario import Scenario


def ingest(
    data: Annotated[Path, typer.Option(help="Events, CSV or Parquet.")],
    scenario: Annotated[
        str | None,
        typer.Option(
            "--scenario",
            "-s",
            help="A shipped scenario, a folder, or a YAML file.",
            autocompletion=complete_scenario,
        ),
    ] = None,
    bundle: Annotated[str | None, typer.Option(help="A trained bundle's folder.")] = None,
    database: Annotated[str | None, typer.Option(help="Where to. [RISKLOOM_DATABASE_URL]")] = None,
    data_dir: Annotated[str | None, typer.Option(help="Folder for snapshots. [RISKLOOM_DATA_DIR]")] = None,
    to: Annotated[str | None, typer.Option(help="Send to a running server instead, as arriving now.")] = None,
    score: Annotated[bool, typer.Option("--score", help="Also decide each event, with evidence.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Take a file of history into a database that no server holds, each event as of its own time.

    With --to the events are sent to a running server, and arrive now.

    Events without an id are called by the file's digest and their row, so a second import changes nothing; an
    interrupted one is run again. Rows that cannot be read go to DATA.dead-letters.jsonl.
    """
    from riskloom.scorer import load_bundle

    loaded = load_bundle(bundle or scenario or "card_payments")
    events = FileEvents(data, loaded.scenario, dead_letter_path(data))
    start = time.perf_counter()
    if to is not None:
        counts = _send(events, loaded.scenario, to, score=score)
    else:
        counts = _backfill(events, loaded, {"database_url": database, "data_dir": data_dir}, score=score)
    took = time.perf_counter() - start
    if as_json:
        print_json({**counts, "buried": events.buried, "seconds": took})
    said = ", ".join(f"{count:,} {what}" for what, count in counts.items())
    say(f"{said}, {events.buried:,} dead letters, in {took:.1f} s")


def _backfill(events: FileEvents, bundle: Bundle, given: dict[str, Any], *, score: bool) -> dict[str, int]:
    from riskloom.clock import SystemClock
    from riskloom.server.decisions.backfill import backfill
    from riskloom.server.settings import Settings
    from riskloom.stream import DeadLetter

    settings = Settings.read(**given)

    def conflict(event: Event, fault: Fault) -> None:
        events.bury(DeadLetter(0, (fault,), {bundle.scenario.id_field: event.id}))

    counts = backfill(
        settings, bundle, events.chunks(4_096), score=score, clock=SystemClock(), on_conflict=conflict
    )
    return {
        "taken": counts.taken,
        "known": counts.known,
        "conflicts": counts.conflicts,
        "flagged": counts.flagged,
    }


def _send(events: FileEvents, scenario: Scenario, to: str, *, score: bool) -> dict[str, int]:
    """Events over HTTP; what the server refuses becomes a dead letter."""
    from riskloom.client import Client
    from riskloom.stream import DeadLetter

    counts = {"taken": 0, "refused": 0, "flagged": 0}
    with Client(to) as client:
        for chunk in events.chunks(1_000):
            bodies = [_as_sent(scenario, event) for event in chunk]
            answers = client.score_many(bodies) if score else client.ingest_many(bodies)
            for body, answer in zip(bodies, answers, strict=True):
                error: Any = answer.get("error")
                counts["flagged"] += bool(answer.get("flagged"))
                counts["refused" if error else "taken"] += 1
                if error:
                    fault = Fault(
                        str(body[scenario.id_field]), "an event that the server takes", str(error["detail"])
                    )
                    events.bury(DeadLetter(0, (fault,), body))
    return counts


def _as_sent(scenario: Scenario, event: Event) -> dict[str, Any]:
    from riskloom.domain.show import shower

    shown = {field.name: shower(field)(event.values[field.name], event.sent) for field in scenario.fields}
    body: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(shown))
    return {name: value for name, value in body.items() if value is not None}
