from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import pytest
from fake_api import FakeApi, read

from riskloom.dashboard import charts, deviation, history, place_map
from riskloom.dashboard.roles import kilometres, roles_of

BERLIN, SAO_PAULO = (52.52, 13.405), (-23.55, -46.633)
TOKYO, LOS_ANGELES = (35.69, 139.69), (34.05, -118.24)


def feature(value: float | None, low: float, middle: float, high: float) -> dict[str, Any]:
    usual = {"low": low, "middle": middle, "high": high}
    return {"name": "f", "describe": "F", "value": value, "usual": usual}


@pytest.mark.parametrize(
    ("value", "beyond"), [(0.0, 0.0), (10.0, 0.0), (10.001, 0.0001), (20.0, 1.0), (-5.0, -0.5)]
)
def test_how_far_outside_is_counted_in_widths_of_the_usual_range(value: float, beyond: float) -> None:
    found = deviation.deviations([feature(value, 0, 4, 10)])[0]
    assert found.beyond == pytest.approx(beyond)


def test_the_farthest_outside_comes_first_and_the_unknown_last() -> None:
    given = [feature(None, 0, 1, 2), feature(1, 0, 1, 2), feature(-9, 0, 1, 2), feature(5, 0, 1, 2)]
    found = deviation.deviations([*given, {"name": "g", "describe": "", "value": 3.0, "usual": None}])
    assert [one.value for one in found] == [-9, 5, 1, None, 3.0]


def test_a_range_of_no_width_still_says_that_a_value_is_outside() -> None:
    found = deviation.deviations([feature(1.0, 0.0, 0.0, 0.0)])[0]
    assert found.beyond == 1.0
    inside = deviation.deviations([feature(0.0, 0.0, 0.0, 0.0)])[0]
    assert inside.beyond == 0.0


@pytest.mark.parametrize("value", [-1e30, -1.0, 0.0, 5.0, 10.0, 11.0, 1e30])
def test_a_dot_never_leaves_its_strip(value: float) -> None:
    assert 0 <= deviation.deviations([feature(value, 0, 4, 10)])[0].position <= 100


def test_distances_are_those_of_the_great_circle() -> None:
    assert kilometres(BERLIN, SAO_PAULO) == pytest.approx(10_240, rel=0.01)
    assert kilometres(BERLIN, BERLIN) == 0
    assert kilometres((0, 0), (0, 180)) == pytest.approx(math.pi * 6371.0088)


def test_a_way_over_the_pacific_is_shown_whole_and_not_around_the_world() -> None:
    view = place_map.view_of([TOKYO, LOS_ANGELES], (TOKYO, LOS_ANGELES))
    assert math.degrees(view.width) < 150
    assert abs(view.longitude) > 140


def test_every_place_and_the_way_lie_within_the_view() -> None:
    view = place_map.view_of([BERLIN, SAO_PAULO], (BERLIN, SAO_PAULO))
    for _, lon in place_map.great_circle(BERLIN, SAO_PAULO):
        assert abs(lon - view.longitude) <= math.degrees(view.width) / 2
    assert place_map.great_circle(BERLIN, SAO_PAULO)[0] == pytest.approx(BERLIN)
    assert place_map.great_circle(BERLIN, SAO_PAULO)[-1] == pytest.approx(SAO_PAULO)


@pytest.mark.parametrize("places", [[(90.0, 0.0)], [(-90.0, 180.0), (90.0, -180.0)], [BERLIN], []])
def test_poles_and_single_places_have_a_view(places: list[tuple[float, float]]) -> None:
    view = place_map.view_of(places, None)
    assert view.width > 0
    assert view.height > 0
    assert math.isfinite(view.latitude)


def test_no_picture_names_anything_to_fetch() -> None:
    rows = [
        {
            "lat": 52.0,
            "lon": 13.0,
            "amount": 12.0,
            "km": 0.0,
            "time": "2026-11-21T11:00:00Z",
            "outcome": "Flagged",
            "this": True,
            "what": "x",
        }
    ]
    span = ("2026-11-21T10:00:00Z", "2026-11-21T12:00:00Z")
    pictures = [
        place_map.draw(rows, (BERLIN, SAO_PAULO), charts.LIGHT),
        charts.timeline(rows, charts.DARK, value="amount", title="t", span=span),
        charts.per_minute([{"minute": span[0], "approved": 1, "flagged": 0, "rejected": 0}], charts.LIGHT),
    ]
    for picture in pictures:
        text = picture.to_json().replace(picture.to_dict()["$schema"], "")
        assert "http" not in text
        assert '"url"' not in text


def test_the_outline_is_the_whole_world_and_small() -> None:
    outline = place_map.outlines()
    longitudes = [
        point[0] for polygon in outline["land"]["coordinates"] for ring in polygon for point in ring
    ]
    assert min(longitudes) == -180
    assert max(longitudes) == 180
    assert len(longitudes) < 6000


def test_the_last_jump_goes_from_what_had_arrived_before() -> None:
    api = FakeApi(customers=8, payments=120)
    first, second = api.attack()[:2]
    roles = roles_of(api.answer("/api/v1/scenario", {})[1])
    events: Any = api.answer("/api/v1/events", {"entity": "user_0007", "limit": "500"})[1]["items"]
    events.sort(key=lambda item: item["event_time"])
    detail: Any = api.answer(f"/api/v1/decisions/{first['event_id']}", {})[1]
    jump = history.last_jump(history.rows(events, detail, roles), detail)
    assert jump is not None
    assert jump.km > 5000
    detail = api.answer(f"/api/v1/decisions/{second['event_id']}", {})[1]
    jump = history.last_jump(history.rows(events, detail, roles), detail)
    assert jump is not None
    assert jump.km < 5
    assert jump.seconds == pytest.approx(28)


def test_an_event_that_arrived_later_is_not_the_last_place_however_early_it_happened() -> None:
    api = FakeApi(customers=8, payments=120)
    first = api.attack(payments=1)[0]
    late = api.pay("user_0007", read(first["event_time"]) - timedelta(seconds=5), lat=35.69, lon=139.69)
    roles = roles_of(api.answer("/api/v1/scenario", {})[1])
    events: Any = api.answer("/api/v1/events", {"entity": "user_0007", "limit": "500"})[1]["items"]
    detail: Any = api.answer(f"/api/v1/decisions/{first['event_id']}", {})[1]
    jump = history.last_jump(history.rows(events, detail, roles), detail)
    assert jump is not None
    assert jump.start != (late["event"]["lat"], late["event"]["lon"])


def test_the_usual_place_is_not_moved_by_what_came_after() -> None:
    api = FakeApi(customers=8, payments=120)
    first = api.attack(payments=60)[0]
    roles = roles_of(api.answer("/api/v1/scenario", {})[1])
    events: Any = api.answer("/api/v1/events", {"entity": "user_0007", "limit": "500"})[1]["items"]
    detail: Any = api.answer(f"/api/v1/decisions/{first['event_id']}", {})[1]
    this = next(row for row in history.rows(events, detail, roles) if row["this"])
    assert this["km"] > 5000
