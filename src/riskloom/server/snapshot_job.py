"""Snapshots beside a running server: a child process rebuilds the state from the log and writes it.

The server itself never stops for it, and a child that dies costs nothing: state is derived.
"""

from __future__ import annotations

import asyncio
import sys

import msgspec
import structlog

from riskloom.bundle import read_bundle, write_bundle
from riskloom.errors import RiskloomError
from riskloom.server.db import database_url, open_engine
from riskloom.server.decisions.repo import DecisionRepo
from riskloom.server.engine import DecisionEngine
from riskloom.server.rebuild import Snapshots, rebuild
from riskloom.server.settings import Settings

log = structlog.get_logger()
PAUSE_S = 5.0


async def snapshot_regularly(settings: Settings, engine: DecisionEngine) -> None:
    """Start a child each time so many events have arrived; runs until it is cancelled."""
    if settings.snapshot_events == 0:
        return
    taken = engine.arrival
    while True:
        await asyncio.sleep(PAUSE_S)
        if engine.unready is not None or engine.arrival - taken < settings.snapshot_events:
            continue
        taken = engine.arrival
        bundle = engine.bundle
        folder = settings.bundles_folder / bundle.fingerprint
        try:
            await asyncio.to_thread(write_bundle, bundle, folder)
            await _child(
                {"database_url": settings.database_url, "data_dir": settings.data_dir, "bundle": str(folder)}
            )
        except (OSError, RiskloomError) as error:
            log.warning("snapshots.failed", reason=str(error))


async def _child(order: dict[str, str]) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "riskloom.server.snapshot_job",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, err = await process.communicate(msgspec.json.encode(order))
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    if process.returncode != 0:
        log.warning("snapshots.failed", reason=err.decode(errors="replace").strip()[-500:])


def main() -> int:
    """The child: rebuild and save, as ordered on stdin."""
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=dict[str, str])
    bundle = read_bundle(order["bundle"])
    engine = open_engine(database_url(order["database_url"]), pool_size=1)
    repo = DecisionRepo(engine, bundle.scenario.name)
    snapshots = Snapshots(order["data_dir"], bundle)
    pipeline, arrival = rebuild(repo, bundle, snapshots)
    snapshots.save(repo, pipeline.state, arrival)
    engine.dispose()
    return 0


if __name__ == "__main__":
    sys.exit(main())
