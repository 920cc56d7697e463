"""A log of many events: recovered whole, then from a snapshot, and what a server holds of them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from riskloom.bench.child import serving
from riskloom.bench.history import DAYS, SEED, bodies, events, fill, settings_of
from riskloom.bench.machine import resident_mb
from riskloom.bench.report import Figure, Part
from riskloom.bench.sizes import Sizes
from riskloom.bundle import make_bundle
from riskloom.features.kernel import warm_up
from riskloom.scenario.load import load_scenario

LOG_S, SNAPSHOT_S, RESIDENT_MB = 15.0, 3.0, 600.0
MILLION = 1_000_000


def measure(sizes: Sizes, folder: Path, say: Callable[[str], None]) -> Part:
    """Fill a database, then recover from it in fresh processes."""
    warm_up(say)
    settings = settings_of(folder)
    say(f"recovery: taking {sizes.log:,} events into a database")
    scenario = load_scenario("card_payments")
    now_us = time.time_ns() // 1000
    listed = bodies(
        scenario, sizes.log, seed=SEED, days=DAYS, end_us=now_us, users=max(1_000, sizes.log // 30)
    )
    fill(settings, make_bundle(scenario, None), events(scenario, listed))
    say("recovery: from the log alone, then from the snapshot")
    whole = _recover(settings.database_url, str(folder / "nothing"))
    shot = _recover(settings.database_url, settings.data_dir)
    say("recovery: a server")
    arguments = ["-m", "riskloom.cli", "serve", "--port", "0", "--data-dir", settings.data_dir]
    with serving([*arguments, "--database", settings.database_url]) as server:
        resident, ready_s = resident_mb(server.process), server.ready_s
    full = sizes.log == MILLION
    count = f"{sizes.log:,} events"
    return Part(
        "recovery",
        [
            Figure("state from the log", whole["seconds"], "s", LOG_S if full else None, note=count),
            Figure("state from a snapshot", shot["seconds"], "s", SNAPSHOT_S if full else None, note=count),
            Figure("server ready, from a snapshot", ready_s, "s", note=count),
            Figure(
                "resident memory of the server",
                resident,
                "MB",
                RESIDENT_MB if full else None,
                note=f"{count} in the windows",
            ),
            Figure(
                "of it the windows",
                shot["state_mb"],
                "MB",
                note=f"{shot['bytes_an_event']:.0f} bytes an event",
            ),
        ],
    )


def _recover(database: str, data_dir: str) -> dict[str, float]:
    """Recover in a process of its own."""
    done = subprocess.run(  # noqa: S603 (our own interpreter and code)
        [sys.executable, "-m", "riskloom.bench.recovery", database, data_dir], check=True, capture_output=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _recover_here(database: str, data_dir: str) -> dict[str, float]:
    from riskloom.server.db import database_url, open_engine
    from riskloom.server.decisions.repo import DecisionRepo
    from riskloom.server.rebuild import Snapshots, rebuild

    bundle = make_bundle(load_scenario("card_payments"), None)
    warm_up()
    engine = open_engine(database_url(database))
    repo = DecisionRepo(engine, bundle.scenario.name)
    before = time.perf_counter()
    pipeline, _ = rebuild(repo, bundle, Snapshots(data_dir, bundle))
    seconds = time.perf_counter() - before
    parts = pipeline.state.memory()
    held = sum(size for name, size in parts.items() if name != "reserved")
    return {"seconds": seconds, "state_mb": held / 1e6, "bytes_an_event": held / max(pipeline.state.taken, 1)}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_recover_here(*sys.argv[1:])))
