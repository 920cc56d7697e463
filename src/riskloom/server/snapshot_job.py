"""Snapshots beside a running server: a child process takes the state on from the log and writes it.

On its way it decides a sample of the events again and compares bit for bit with what was decided live: the
parity monitor. The server itself never stops for it, and a child that dies costs nothing: state is derived.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import structlog

from riskloom.bundle import read_bundle, write_bundle
from riskloom.errors import RiskloomError
from riskloom.server.db import database_url, open_engine
from riskloom.server.decisions.repo import DecisionRepo
from riskloom.server.engine import DecisionEngine
from riskloom.server.kit.child import run_child
from riskloom.server.rebuild import Snapshots
from riskloom.server.replays.repo import ReplayRepo
from riskloom.server.replays.service import check_since
from riskloom.server.settings import Settings

log = structlog.get_logger()
PAUSE_S = 5.0


async def snapshot_regularly(settings: Settings, engine: DecisionEngine) -> None:
    """Start a child each time so many events have arrived, or so much time has passed; until cancelled."""
    if settings.snapshot_events == 0:
        return
    taken, at_s = engine.arrival, time.monotonic()
    while True:
        await asyncio.sleep(min(PAUSE_S, settings.parity_s))
        fresh = engine.arrival - taken
        is_due = fresh >= settings.snapshot_events or (fresh and time.monotonic() - at_s >= settings.parity_s)
        if engine.unready is not None or not is_due:
            continue
        taken, at_s = engine.arrival, time.monotonic()
        bundle = engine.bundle
        folder = settings.bundles_folder / bundle.fingerprint
        try:
            await asyncio.to_thread(write_bundle, bundle, folder)
            found = await _child(
                {
                    "database_url": settings.database_url,
                    "data_dir": settings.data_dir,
                    "bundle": str(folder),
                    "bundles": str(settings.bundles_folder),
                }
            )
            if found is not None:
                engine.parity.add(found, engine.clock.now_us())
        except (OSError, RiskloomError) as error:
            log.warning("snapshots.failed", reason=str(error))


async def _child(order: dict[str, str]) -> dict[str, Any] | None:
    code, out, err = await run_child("riskloom.server.snapshot_job", order)
    if code != 0:
        log.warning("snapshots.failed", reason=err[-500:])
        return None
    found: dict[str, Any] = msgspec.json.decode(out)
    return found


def main() -> int:
    """The child: verify a sample and save, as ordered on stdin; says what it found on stdout."""
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=dict[str, str])
    bundle = read_bundle(order["bundle"])
    engine = open_engine(database_url(order["database_url"]), pool_size=1)
    repo = DecisionRepo(engine, bundle.scenario.name)
    snapshots = Snapshots(order["data_dir"], bundle)
    state, arrival = snapshots.load(repo)
    found, arrival = check_since(ReplayRepo(engine), bundle, [Path(order["bundles"])], state, arrival)
    snapshots.save(repo, state, arrival)
    engine.dispose()
    sys.stdout.buffer.write(msgspec.json.encode(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
