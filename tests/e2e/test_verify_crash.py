"""Killed under load, started again, and everything it decided comes out of the log again."""

from __future__ import annotations

import json
import time

import pytest

from support.databases import KINDS, Database
from support.process import Load, run, serve

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("kind", KINDS)
def test_verify_finds_no_mismatch_after_kills_and_restarts(make_database: object, kind: str) -> None:
    database: Database = make_database(kind)  # type: ignore[operator]
    load = Load()
    for _ in range(2):
        with serve(database) as process:
            load.retry(process)
            before = len(load.acknowledged)
            threads = load.start(process)
            load.wait_for(before + 300, "acknowledged")
            time.sleep(0.2)
            process.kill()
            for thread in threads:
                thread.join(30)
    with serve(database) as process:
        load.retry(process)
    words = ("replay", "--verify", "--database", database.url, "--data-dir", str(database.data_dir), "--json")
    ran = run(*words, cwd=database.data_dir)
    found = json.loads(ran.stdout)["card_payments"]
    assert ran.returncode == 0, ran.stderr
    assert found["events"] == len(load.sent) > 600
    assert found["decisions"] == database.counts()[2]
    assert found["mismatches"] == 0
