"""The page of an entity and the rings, against a real server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from riskloom.client import Client
from support.databases import Database
from support.events import payment
from support.process import serve

pytestmark = pytest.mark.e2e
EVENTS = 30


@pytest.fixture(scope="module")
def url(make_database: Callable[[str], Database]) -> Iterator[str]:
    """A server where ann and bob share a device, and one of bob's payments is a known fraud."""
    with serve(make_database("sqlite")) as process, Client(process.url, timeout=60) as client:
        began = datetime.now(UTC) - timedelta(hours=1)
        for number in range(EVENTS):
            who = "bob" if number % 3 == 0 else "ann"
            client.score(
                payment(
                    f"e-{number}",
                    timestamp=(began + timedelta(minutes=number)).isoformat(),
                    user_id=who,
                    device_id="tablet",
                    ip=f"203.0.113.{len(who) + ord(who[0])}",
                    amount=10 + number,
                )
            )
        client.tell([{"event_id": "e-3", "fraud": True, "source": "chargeback"}])
        yield process.url


@pytest.fixture
def client(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setenv("RISKLOOM_API_URL", url)
    st.cache_data.clear()
    st.cache_resource.clear()
    with Client(url, timeout=60) as made:
        yield made
    st.cache_resource.clear()


def draw_entity() -> None:
    from riskloom.dashboard import connection
    from riskloom.dashboard.views import entity

    with connection.explained():
        entity.render()


def page(**asked: str) -> AppTest:
    test = AppTest.from_function(draw_entity, default_timeout=60)
    for name, value in asked.items():
        test.query_params[name] = value
    return test.run()


def shown(test: AppTest) -> str:
    """All HTML and text of a page."""
    assert not test.exception, test.exception
    every: list[Any] = [*test.get("html"), *test.title, *test.subheader, *test.caption, *test.error]
    return "\n".join(str(item.value if hasattr(item, "value") else item.body) for item in every)


def test_a_device_shows_who_shares_it_what_is_usual_and_what_was_told(client: Client) -> None:
    text = shown(page(entity="device_id", key="tablet"))
    for said in (
        "Device tablet",
        "1 known fraud",
        'href="entity?entity=user&amp;key=bob"',
        "Customers on this device in 24 hours",
        "nine of ten",
        "chargeback",
        'href="decision?event=e-3"',
        "It is on no list",
    ):
        assert said in text
    assert "Its alerts" not in text, "alerts are of customers"
    assert "Its alerts" in shown(page(entity="user", key="bob"))


def test_how_far_the_graph_goes_is_chosen_and_kept_in_the_address(client: Client) -> None:
    test = page(entity="ip", key="203.0.113.101", hops="1")
    box = 'title="tablet"'
    assert box not in shown(test), "the device is two hops away"
    test.segmented_control[0].set_value("2").run()
    assert box in shown(test)
    assert "hops" not in test.query_params or test.query_params["hops"] == "2"


def test_the_history_goes_on_where_the_page_before_ended(client: Client) -> None:
    test = page(entity="device", key="tablet")
    newest, oldest = f"event=e-{EVENTS - 1}", "event=e-0"
    assert newest in shown(test)
    assert oldest not in shown(test)
    test.button(key="entity_older").click().run()
    text = shown(test)
    assert (newest in text, oldest in text, "Part 2" in text) == (False, True, True)
    test.button(key="entity_newer").click().run()
    assert newest in shown(test)


def test_who_is_not_known_is_said_with_the_nearest_and_can_be_looked_for(client: Client) -> None:
    test = page(entity="user", key="anm")
    text = shown(test)
    assert "No event of user" in text
    assert "Did you mean" in text
    test.text_input(key="entity_key").set_value("ann")
    test.button[0].click().run()
    assert "Customer ann" in shown(test)
    assert "No entity" in shown(page(entity="<b>", key="x"))


def test_rings_are_listed_and_opened(client: Client) -> None:
    ring = client.components()["items"][0]
    text = shown(page())
    assert f'href="entity?ring={ring["id"]}"' in text
    assert "entity?entity=user&amp;key=ann" in text
    text = shown(page(ring=str(ring["id"])))
    for said in (f"Ring {ring['id']}", "ann", "bob", "tablet"):
        assert said in text
    assert "There is no component 999999" in shown(page(ring="999999"))
