"""A server that follows a registry: champion, canary and shadows, swapped under load with nothing dropped."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from riskloom.adapters.bundles import open_store
from riskloom.bundle import Bundle, make_bundle, write_bundle
from riskloom.clock import SystemClock
from riskloom.pipeline import Pipeline
from riskloom.registry import Registry
from riskloom.scenario.load import load_scenario, scenario_from_parts
from support.databases import Database
from support.events import burst, payment
from support.replay import check_log
from support.server import Server, problem, serving


def changed(percentile: float = 98.0, *, window: str | None = None, field: str | None = None) -> Bundle:
    """Card payments by rules alone with another policy; with one more feature, or one more field."""
    parts = {
        name: json.loads(json.dumps(part)) for name, part in load_scenario("card_payments").parts.items()
    }
    parts["policy"]["percentile"] = percentile
    if window is not None:
        wide = {"name": "user_tx_count_extra", "entity": "user", "aggregate": "count", "window": window}
        parts["features"]["features"].append({**wide, "describe": "Payments in a window of their own"})
    if field is not None:
        parts["features"]["event"]["fields"][field] = {"type": "string", "required": False}
    return make_bundle(scenario_from_parts(parts), None)


def strict() -> Bundle:
    """Card payments where every payment is flagged."""
    parts = {
        name: json.loads(json.dumps(part)) for name, part in load_scenario("card_payments").parts.items()
    }
    parts["rules"] = [
        {"code": "ALWAYS", "when": "amount > 0", "severity": "low", "action": "flag", "message": "Always"}
    ]
    return make_bundle(scenario_from_parts(parts), None)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(open_store(tmp_path / "models"), SystemClock())


@pytest.fixture
def follow(database: Database, registry: Registry) -> Callable[..., Any]:
    def start(bundle: Bundle, **settings: Any) -> Any:
        return serving(database, bundle, models=registry.url, models_poll_s=600, **settings)

    return start


def move(server: Server, version: int, to: str, **more: Any) -> dict[str, Any]:
    answer = server.post(f"/api/v1/models/versions/{version}/move", {"to": to, "reason": "a test", **more})
    assert answer.status_code == 200, answer.text
    assert answer.json()["problem"] is None, answer.text
    moved: dict[str, Any] = answer.json()
    return moved


def test_the_bundle_given_becomes_the_champion_and_decisions_name_it(
    follow: Callable[..., Any], bundle: Bundle, registry: Registry
) -> None:
    with follow(bundle) as server:
        decision = server.score(payment())
        assert decision["versions"] == {
            "champion": {"version": 1, "bundle": bundle.fingerprint}, "canary": None, "shadows": [],
        }  # fmt: skip
        assert server.get("/api/v1/decisions/p-1").json()["versions"] == decision["versions"]
        assert [one["stage"] for one in server.get("/api/v1/models/versions").json()] == ["champion"]
    with follow(bundle) as server:
        assert server.score(payment("p-2"))["versions"] == decision["versions"]
    assert len(registry.versions("card_payments")) == 1, "the same bundle is the same version"


def test_a_restart_serves_the_registrys_champion_not_an_older_bundle(
    follow: Callable[..., Any], bundle: Bundle, registry: Registry
) -> None:
    with follow(bundle) as server:
        registry.publish(strict(), "ana", "all of them")
        move(server, 2, "champion")
        assert server.score(payment("a"))["outcome"] == "FLAGGED"
    with follow(bundle) as server:
        assert server.score(payment("b"))["bundle"] == strict().fingerprint


def test_a_shadow_scores_beside_and_decides_nothing(
    follow: Callable[..., Any], bundle: Bundle, registry: Registry, database: Database
) -> None:
    registry.publish(bundle, "ana", "first")
    registry.publish(strict(), "ana", "second")
    with follow(bundle) as server:
        move(server, 2, "shadow")
        decisions = [server.score(event) for event in burst(4)]
        assert {one["outcome"] for one in decisions} == {"APPROVED"}
        (trial,) = server.get("/api/v1/decisions/b-0").json()["trials"]
        assert (trial["bundle"], trial["outcome"]) == (strict().fingerprint, "FLAGGED")
        compared = server.get("/api/v1/models/versions/2/comparison").json()
        assert (compared["events"], compared["agreed"]) == (4, 0)
        assert compared["flagged"] == {"decided": 0, "tried": 4}
    assert database.one("select count(*) from trials") == 4
    check_log(database, bundle)


def test_a_canary_decides_for_its_entities_and_for_no_other(
    follow: Callable[..., Any], bundle: Bundle, registry: Registry
) -> None:
    registry.publish(bundle, "ana", "first")
    registry.publish(strict(), "ana", "second")
    with follow(bundle) as server:
        move(server, 2, "canary", percent=50)
        lineup = registry.lineup("card_payments")
        assert lineup.canary is not None
        users = [f"user-{n}" for n in range(40)]
        decided = {user: server.score(payment(user, user_id=user))["bundle"] for user in users}
        again = {user: server.score(payment(f"{user}-2", user_id=user))["bundle"] for user in users}
        assert decided == again, "an entity stays on its side"
        events = {
            row["event"]["user_id"]: row for row in server.get("/api/v1/events?limit=80").json()["items"]
        }
        assert set(events) == set(users)
        by_canary = {user for user, by in decided.items() if by == strict().fingerprint}
        assert by_canary == {user for user in users if lineup.canary.takes(user)}
        assert 0 < len(by_canary) < len(users)
        taken = sorted(by_canary)[0]
        (trial,) = server.get(f"/api/v1/decisions/{taken}").json()["trials"]
        assert trial["bundle"] == bundle.fingerprint, "what the champion would have said is kept"


def test_a_champion_of_other_features_is_swapped_in_under_load_with_its_windows_exact(
    follow: Callable[..., Any], bundle: Bundle, registry: Registry, database: Database
) -> None:
    wide = changed(window="2h")
    registry.publish(bundle, "ana", "first")
    registry.publish(wide, "ana", "one more window")
    with follow(bundle) as server:
        for event in burst(50, "before"):
            server.score(event)

        async def load() -> list[Any]:
            events = burst(400, "during", start_s=60)
            return [await server._client.post("/api/v1/score", json=event) for event in events]

        async def both() -> list[Any]:
            scoring = asyncio.create_task(load())
            await asyncio.sleep(0.05)
            moved = await server._client.post(
                "/api/v1/models/versions/2/move", json={"to": "champion", "reason": "wider"}
            )
            assert moved.json()["problem"] is None
            return await scoring

        answers = server.run(both())
        after = [server.score(event) for event in burst(3, "after", start_s=500)]
        shown = server.get("/api/v1/decisions/after-2").json()
    assert [answer.status_code for answer in answers] == [200] * 400
    assert {decision["bundle"] for decision in after} == {wide.fingerprint}
    counts = {one["name"]: one["value"] for one in shown["features"]}
    assert counts["user_tx_count_extra"] == 452
    stored = database.rows("select event_id, vector, features from events order by arrival")
    calm = Pipeline(wide)
    schema = wide.scenario.schema()
    sent = [*burst(50, "before"), *burst(400, "during", start_s=60), *burst(3, "after", start_s=500)]
    arrived = {row[0]: row[1] for row in database.rows("select event_id, arrived_at_us from events")}
    checked = 0
    for arrival, (event, row) in enumerate(zip(sent, stored, strict=True), 1):
        assert row[0] == event["event_id"]
        parsed = schema.read_one(json.dumps(event).encode(), arrived[row[0]], make_id=str)
        vector = calm.score_one(parsed, arrival).vector
        calm.advance_one(arrival)
        if row[2] == wide.scenario.fingerprint("features"):
            assert vector.tobytes() == bytes(row[1])
            checked += 1
    assert checked >= 3


def test_a_shadow_of_other_features_keeps_windows_of_its_own(
    follow: Callable[..., Any], bundle: Bundle, registry: Registry, database: Database
) -> None:
    registry.publish(bundle, "ana", "first")
    wide = changed(window="3h")
    registry.publish(wide, "ana", "one more window")
    with follow(bundle) as server:
        server.score(payment("before"))
        move(server, 2, "shadow")
        for event in burst(6):
            server.score(event)
        team = server.runtime.engine.team
        state = team.states[wide.scenario.fingerprint("features")]
        assert state.taken == 7
        names = {name: at for at, name in enumerate(wide.scenario.feature_names)}
        vector, _, _ = team._shadows[0].look_one(
            server.runtime.engine.read(json.dumps(burst(7)[-1]).encode())
        )
        assert vector[names["user_tx_count_extra"]] == 7
    check_log(database, bundle)


def test_a_version_with_other_event_fields_is_not_followed_and_the_server_says_why(
    follow: Callable[..., Any], bundle: Bundle, registry: Registry
) -> None:
    registry.publish(bundle, "ana", "first")
    registry.publish(changed(field="note"), "ana", "one more field")
    with follow(bundle) as server:
        answer = server.post("/api/v1/models/versions/2/move", {"to": "champion", "reason": "more"})
        assert "other event fields" in answer.json()["problem"]
        assert server.score(payment())["bundle"] == bundle.fingerprint
        assert "other event fields" in server.get("/api/v1/models").json()["problem"]


def test_a_shadow_with_other_event_fields_is_left_out_and_stops_nobody(
    follow: Callable[..., Any], bundle: Bundle, registry: Registry
) -> None:
    for made in (bundle, changed(field="note"), strict()):
        registry.publish(made, "ana", "one of three")
    registry.move("card_payments", 2, "shadow", "ana", "a look")
    with follow(bundle) as server:
        assert server.score(payment("a"))["versions"]["shadows"] == []
        assert server.get("/api/v1/models").json()["problem"].endswith("champion: 2")
        answer = server.post("/api/v1/models/versions/3/move", {"to": "champion", "reason": "all"})
        assert answer.json()["problem"].endswith("champion: 2")
        assert server.score(payment("b"))["bundle"] == strict().fingerprint


def test_an_event_taken_in_with_other_features_cannot_be_decided_from_its_vector(
    follow: Callable[..., Any], bundle: Bundle, registry: Registry
) -> None:
    registry.publish(bundle, "ana", "first")
    registry.publish(changed(window="2h"), "ana", "wider")
    with follow(bundle) as server:
        server.post("/api/v1/events", payment("early"))
        move(server, 2, "champion")
        assert (
            "other features" in problem(server.post("/api/v1/events/early/score"), 409, "conflict")["detail"]
        )


def test_rolling_back_brings_the_champion_before_back_at_once(
    follow: Callable[..., Any], bundle: Bundle, registry: Registry
) -> None:
    with follow(bundle) as server:
        registry.publish(strict(), "ana", "all")
        move(server, 2, "champion")
        assert server.score(payment("a"))["outcome"] == "FLAGGED"
        assert server.post("/api/v1/models/rollback", {"reason": "too many"}).json()["version"] == 1
        assert server.score(payment("b"))["outcome"] == "APPROVED"
        moves = server.get("/api/v1/models/history").json()["changes"]
        assert [one["reason"] for one in moves][-1] == "too many"


def test_a_change_made_elsewhere_is_followed_within_the_pause(
    database: Database, bundle: Bundle, registry: Registry
) -> None:
    with serving(database, bundle, models=registry.url, models_poll_s=0.05) as server:
        registry.publish(strict(), "ana", "all")
        registry.move("card_payments", 2, "champion", "ana", "by hand")

        async def followed() -> None:
            while server.runtime.bundle.fingerprint != strict().fingerprint:
                await asyncio.sleep(0.01)

        server.run(asyncio.wait_for(followed(), 30))
        assert server.score(payment())["outcome"] == "FLAGGED"


def test_a_registry_that_fails_leaves_the_team_at_work(
    follow: Callable[..., Any], bundle: Bundle, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    with follow(bundle) as server:
        follower = server.runtime.follower
        assert follower is not None

        def broken(_scenario: str) -> Any:
            raise OSError("no route to the registry")

        monkeypatch.setattr(follower.registry, "lineup", broken)
        server.run(follower.refresh())
        assert "no route" in server.get("/api/v1/models").json()["problem"]
        assert server.score(payment())["outcome"] == "APPROVED"


def test_a_bundle_is_published_over_http_and_a_broken_one_is_refused(
    follow: Callable[..., Any], bundle: Bundle, tmp_path: Path
) -> None:
    folder = write_bundle(strict(), tmp_path / "strict")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, f"strict/{path.relative_to(folder)}")
        archive.writestr("strict/../../outside.json", "{}")
    with follow(bundle) as server:
        sent = {"content": packed.getvalue(), "headers": {"content-type": "application/zip"}}
        answer = server.request("POST", "/api/v1/models/versions?reason=stricter&author=ana", **sent)
        assert answer.status_code == 201, answer.text
        assert (answer.json()["version"], answer.json()["author"]) == (2, "ana")
        again = server.request("POST", "/api/v1/models/versions?reason=stricter", **sent)
        assert again.json()["version"] == 2
        for content in (b"", b"PK\x03\x04broken", packed.getvalue()[:200]):
            bad = server.request("POST", "/api/v1/models/versions?reason=x", content=content)
            assert bad.status_code == 422, bad.text
    assert not (tmp_path.parent / "outside.json").exists()


def test_with_four_eyes_a_publisher_does_not_promote(
    follow: Callable[..., Any], bundle: Bundle, registry: Registry
) -> None:
    with follow(bundle, four_eyes=True) as server:
        registry.publish(strict(), "ana", "all of them")
        sent = {"to": "champion", "reason": "mine", "author": "ana"}
        refused = server.post("/api/v1/models/versions/2/move", sent)
        assert "somebody else" in problem(refused, 409, "stage_invalid")["detail"]
        assert server.post("/api/v1/models/versions/2/move", {**sent, "to": "shadow"}).status_code == 200
        move(server, 2, "champion", author="ben")


def test_without_a_registry_its_routes_say_how_to_have_one(server: Server) -> None:
    assert "--registry" in problem(server.get("/api/v1/models/versions"), 404, "not_found")["hint"]
    assert server.score(payment())["versions"] is None


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"to": "boss", "reason": "x"}, "boss"), ({"to": "canary", "reason": "x"}, "percent"),
        ({"to": 3}, "text"), ({"to": "shadow"}, "reason"), ([], "an object"),
        ({"to": "canary", "percent": "5", "reason": "x"}, "number"),
    ],
)  # fmt: skip
def test_a_faulty_move_is_refused(
    follow: Callable[..., Any], bundle: Bundle, registry: Registry, body: Any, said: str
) -> None:
    registry.publish(bundle, "ana", "first")
    registry.publish(strict(), "ana", "second")
    with follow(bundle) as server:
        answer = server.request("POST", "/api/v1/models/versions/2/move", json=body)
        assert answer.status_code == 422, answer.text
        assert said in answer.text
        assert np.isfinite(server.score(payment())["arrival"])
