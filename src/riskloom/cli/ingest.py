"""`riskloom ingest`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from riskloom.cli.console import FileEvents, complete_scenario, dead_letter_path, print_json, say
from riskloom.errors import Fault


def ingest(
    data: Annotated[Path, typer.Option(help="Events, CSV or Parquet.")],
    scenario: Annotated[
        str | None,
        typer.Option("--scenario", "-s", help="A shipped scenario, a folder, or a YAML file.", autocompletion=complete_scenario),
    ] = None,
    bundle: Annotated[str | None, typer.Option(help="A trained bundle's folder.")] = None,
    database: Annotated[str | None, typer.Option(help="Where to. [RISKLOOM_DATABASE_URL]")] = None,
    data_dir: Annotated[str | None, typer.Option(help="Folder for snapshots. [RISKLOOM_DATA_DIR]")] = None,
    score: Annotated[bool, typer.Option("--score", help="Also decide each event, with evidence.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Take a file of history into a database that no server holds, each event as of its own time.

    Events without an id are called by the file's digest and their row, so a second import changes nothing; an
    interrupted one is run again. Rows that cannot be read go to DATA.dead-letters.jsonl.
    """
    from riskloom.clock import SystemClock
    from riskloom.domain.event import Event
    from riskloom.scorer import load_bundle
    from riskloom.server.decisions.backfill import backfill
    from riskloom.server.settings import Settings
    from riskloom.stream import DeadLetter

    given: dict[str, Any] = {"database_url": database, "data_dir": data_dir}
    settings = Settings(**{name: value for name, value in given.items() if value is not None})
    loaded = load_bundle(bundle or scenario or "card_payments")
    events = FileEvents(data, loaded.scenario, dead_letter_path(data))
    start = time.perf_counter()

    def conflict(event: Event, fault: Fault) -> None:
        events.bury(DeadLetter(0, (fault,), {loaded.scenario.id_field: event.id}))

    counts = backfill(
        settings, loaded, events.chunks(4_096), score=score, clock=SystemClock(), on_conflict=conflict
    )
    took = time.perf_counter() - start
    if as_json:
        print_json(
            {
                "taken": counts.taken,
                "known": counts.known,
                "conflicts": counts.conflicts,
                "flagged": counts.flagged,
                "buried": events.buried,
                "seconds": took,
            }
        )
    say(
        f"{counts.taken:,} events taken in, {counts.known:,} were there, {counts.conflicts:,} in conflict,"
        f" {events.buried:,} dead letters, in {took:.1f} s"
    )
