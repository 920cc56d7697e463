"""Each page against a server that answers as the real one does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import escape
from typing import Any

import pytest
import streamlit as st
from fake_api import ATTACKED, FakeApi
from fake_server import FakeServer
from streamlit.testing.v1 import AppTest

from riskloom.dashboard.launch import APP


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeApi]:
    made = FakeApi(customers=12, payments=150)
    with FakeServer(made) as server:
        monkeypatch.setenv("RISKLOOM_API_URL", server.url)
        st.cache_data.clear()
        st.cache_resource.clear()
        yield made


def page(draw: Callable[[], None], **asked: str) -> AppTest:
    test = AppTest.from_function(draw, default_timeout=30)
    for name, value in asked.items():
        test.query_params[name] = value
    return test.run()


def shown(test: AppTest) -> str:
    """All HTML and text of a page."""
    assert not test.exception, test.exception
    return "\n".join(str(item.value if hasattr(item, "value") else item.body) for item in _every(test))


def _every(test: AppTest) -> list[Any]:
    return [*test.get("html"), *test.title, *test.subheader, *test.caption]


def overview() -> None:
    from riskloom.dashboard import connection
    from riskloom.dashboard.views import overview

    with connection.explained():
        overview.render()


def queue() -> None:
    from riskloom.dashboard import connection
    from riskloom.dashboard.views import queue

    with connection.explained():
        queue.render()


def decision() -> None:
    from riskloom.dashboard import connection
    from riskloom.dashboard.views import decision

    with connection.explained():
        decision.render()


def scenario() -> None:
    from riskloom.dashboard import connection
    from riskloom.dashboard.views import scenario

    with connection.explained():
        scenario.render()


def test_the_app_starts_on_the_overview_and_says_which_server_it_reads(api: FakeApi) -> None:
    test = AppTest.from_file(str(APP), default_timeout=30).run()
    text = shown(test)
    assert "Overview" in text
    assert "Connected" in text
    assert "isolation forest, 48,210 rows" in text


def test_the_overview_counts_and_names_the_reasons(api: FakeApi) -> None:
    api.attack()
    text = shown(page(overview))
    for said in (
        "Alerts waiting",
        "the oldest for 2 h 5 min",
        "5 closed in a day",
        "1,500 USD",
        "20 USD lost",
    ):
        assert said in text
    assert "Rejected" in text
    assert "Velocity, 5 min" in text
    assert ATTACKED in text


def test_the_overview_of_an_idle_server_says_that_nothing_was_flagged(api: FakeApi) -> None:
    api.decisions.clear()
    assert "Nothing was flagged yet" in shown(page(overview))


def test_the_queue_shows_the_attack_with_reasons_in_words(api: FakeApi) -> None:
    api.attack()
    text = shown(page(queue))
    for expected in (ATTACKED, "Impossible travel", "Takeover pattern", "2,148.50 EUR", "99.90"):
        assert expected in text
    assert "IMPOSSIBLE_TRAVEL" not in text


def test_the_queue_obeys_the_filters_of_its_address(api: FakeApi) -> None:
    api.attack()
    text = shown(page(queue, show="rejected", reason="IMPOSSIBLE_TRAVEL"))
    assert text.count('href="decision?') == 1
    assert "640.00 EUR" in text


def test_a_filter_that_fits_nothing_says_so(api: FakeApi) -> None:
    assert "Nothing fits these filters" in shown(page(queue, entity="nobody"))


def test_choosing_a_filter_changes_the_list_and_the_address(api: FakeApi) -> None:
    api.attack()
    test = page(queue)
    test.text_input(key="queue_entity").set_value("user_0003")
    test.segmented_control(key="queue_show").set_value("all").run()
    text = shown(test)
    assert ATTACKED not in text
    assert "user_0003" in text
    assert test.query_params["entity"] == "user_0003"
    assert test.query_params["show"] == "all"


def test_the_list_stands_still_and_counts_what_is_new_when_it_is_not_live(api: FakeApi) -> None:
    api.pay("user_0003", api.now, reasons=["VELOCITY_5M"])
    test = page(queue)
    test.toggle(key="queue_live").set_value(False).run()
    api.attack()
    test.run()
    assert ATTACKED not in shown(test)
    assert test.button(key="queue_refresh").label == "8 new: show"
    test.button(key="queue_refresh").click().run()
    assert ATTACKED in shown(test)


def test_a_longer_queue_has_further_parts_and_a_way_back(api: FakeApi) -> None:
    test = page(queue, show="all")
    newest = api.decisions[-1]["event_id"]
    assert newest in shown(test)
    test.button(key="queue_older").click().run()
    assert newest not in shown(test)
    assert "Part 2" in shown(test)
    test.button(key="queue_newer").click().run()
    assert newest in shown(test)


def test_another_filter_begins_at_the_first_part_again(api: FakeApi) -> None:
    test = page(queue, show="all")
    test.button(key="queue_older").click().run()
    test.selectbox(key="queue_order").set_value("risk").run()
    assert "Part 2" not in shown(test)
    riskiest = max(api.decisions, key=lambda found: found["risk_score"])
    assert riskiest["event_id"] in shown(test)


def test_a_decision_tells_what_happened_why_and_on_what_evidence(api: FakeApi) -> None:
    first = api.attack()[0]
    text = shown(page(decision, event=first["event_id"]))
    assert "Rejected" in text
    assert f"{ATTACKED}</a> paid <b>640.00 EUR</b>" in text
    for reason in first["reasons"]:
        assert escape(reason["message"]) in text
    assert "km from the last place" in text
    for event_id in {key for reason in first["reasons"] for key in reason["evidence"]}:
        assert f"decision?event={event_id}" in text
    assert "features lie outside the range" in text
    assert first["bundle"] in text


def test_a_decision_of_an_honest_payment_says_that_nothing_was_unusual(api: FakeApi) -> None:
    calm = next(found for found in api.decisions if not found["reasons"])
    text = shown(page(decision, event=calm["event_id"]))
    assert "Approved" in text
    assert "nothing unusual" in text


def test_a_decision_without_a_model_says_that_rules_alone_decided(api: FakeApi) -> None:
    api.model = None
    made = api.attack()[0]
    text = shown(page(decision, event=made["event_id"]))
    assert "decided by rules alone" in text
    assert "known once a model was trained" in text


def test_an_unknown_event_offers_a_look_up_instead_of_an_error(api: FakeApi) -> None:
    test = page(decision, event="<b>nope")
    assert "&lt;b&gt;nope" in shown(test)
    assert test.text_input[0].label == "Event id"


def test_the_scenario_page_shows_what_decides(api: FakeApi) -> None:
    text = shown(page(scenario))
    for expected in (
        "Isolation forest",
        "98 %",
        "Impossible travel",
        "Payments in the last hour",
        "personal",
    ):
        assert expected in text


@pytest.mark.parametrize("draw", [overview, queue, decision, scenario])
def test_a_server_in_trouble_is_explained_on_every_page(api: FakeApi, draw: Callable[[], None]) -> None:
    api.down = True
    text = shown(page(draw, event="x"))
    assert "Store unavailable" in text
    assert "The database is locked." in text


def test_a_server_that_is_away_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RISKLOOM_API_URL", "http://127.0.0.1:9")
    st.cache_data.clear()
    text = shown(page(overview))
    assert "The server is away" in text
    assert "riskloom serve" in text
