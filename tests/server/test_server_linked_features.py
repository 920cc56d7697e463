"""A server whose features look at links: live, after labels, and after its state was built again."""

from __future__ import annotations

import shutil
from typing import Any

from riskloom.bundle import Bundle, make_bundle
from riskloom.scenario.load import scenario_from_parts
from support.databases import Database
from support.labelled import FEATURES, features, label, small_payment, tell
from support.replay import check_log
from support.server import Server, serving

LINKED = [
    {"name": "ring", "entity": "user", "aggregate": "component_size", "of": ["merchant_id"], "hub": 5},
    {
        "name": "ring_now",
        "entity": "user",
        "aggregate": "component_size",
        "of": "merchant_id",
        "include_current": True,
    },
    {"name": "bad_near", "entity": "user", "aggregate": "fraud_neighbours", "of": "merchant_id"},
    {"name": "many", "expression": "ring_now > 2 and bad_near > 0"},
]
RULES = [{"code": "RING", "when": "many", "message": "one of {value}", "value": "ring_now"}]


def ring_bundle() -> Bundle:
    """Payments of which later ones know who is linked with whom."""
    head = {**FEATURES, "features": [*FEATURES["features"], *LINKED]}
    parts = {"features": head, "rules": RULES, "model": {}, "policy": {}, "rates": None}
    return make_bundle(scenario_from_parts(parts), None)


def seen(server: Server, number: int, **changes: Any) -> list[float | None]:
    found = features(server, small_payment(number, **changes))
    return [found[name] for name in ("ring", "ring_now", "bad_near")]


def test_links_and_labels_are_seen_by_what_comes_after_and_survive_a_restart(database: Database) -> None:
    bundle = ring_bundle()
    with serving(database, bundle) as server:
        assert seen(server, 0, user_id="a", merchant_id="m") == [0, 1, 0]
        assert seen(server, 1, user_id="b", merchant_id="m") == [0, 2, 0]
        assert tell(server, label(1))[0]["fraud"]
        assert seen(server, 2, user_id="c", merchant_id="m") == [0, 3, 0]
        assert seen(server, 3, user_id="c", merchant_id="n") == [3, 3, 1]
        decision = server.score(small_payment(4, user_id="a", merchant_id="n"))
        assert [reason["message"] for reason in decision["reasons"]] == ["one of 3"]
        assert seen(server, 5, user_id="a", merchant_id=None) == [3, 3, 1]
    for forget in (False, True):
        if forget:
            shutil.rmtree(database.data_dir / "state")
        with serving(database, bundle) as server:
            number = 10 + forget
            assert seen(server, number, user_id="a", merchant_id=None) == [3 + forget, 3 + forget, 1]
            assert seen(server, number + 10, user_id=f"new-{forget}", merchant_id="n") == [0, 4 + forget, 0]
    check_log(database, bundle)
