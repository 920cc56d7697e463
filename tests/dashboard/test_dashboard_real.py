"""Pages that change things, against a real server: score, rules and replays, models."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from riskloom.bundle import Bundle, write_bundle
from riskloom.client import Client
from support.databases import Database
from support.events import payment
from support.process import serve

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def url(
    make_database: Callable[[str], Database], trained: Bundle, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A server with a model and a registry, eight decided payments, and two labels."""
    database, folder = make_database("sqlite"), tmp_path_factory.mktemp("bundle")
    bundle = write_bundle(trained, folder / "bundle")
    with (
        serve(database, "--bundle", str(bundle), "--registry", str(folder / "registry")) as process,
        Client(process.url, timeout=60) as client,
    ):
        began = datetime.now(UTC) - timedelta(seconds=60)
        for number in range(8):
            time_of = (began + timedelta(seconds=number)).isoformat()
            client.score(payment(f"b-{number}", timestamp=time_of, amount=10 + number))
        client.tell(
            [
                {"event_id": "b-7", "fraud": True, "source": "analyst"},
                {"event_id": "b-1", "fraud": False, "source": "analyst"},
            ]
        )
        yield process.url


@pytest.fixture
def client(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setenv("RISKLOOM_API_URL", url)
    st.cache_data.clear()
    st.cache_resource.clear()
    with Client(url, timeout=60) as made:
        yield made
    st.cache_resource.clear()


def draw_score() -> None:
    from riskloom.dashboard import connection
    from riskloom.dashboard.views import score

    with connection.explained():
        score.render()


def draw_rules() -> None:
    from riskloom.dashboard import connection
    from riskloom.dashboard.views import rules

    with connection.explained():
        rules.render()


def draw_models() -> None:
    from riskloom.dashboard import connection
    from riskloom.dashboard.views import models

    with connection.explained():
        models.render()


def page(draw: Callable[[], None], **asked: str) -> AppTest:
    test = AppTest.from_function(draw, default_timeout=60)
    for name, value in asked.items():
        test.query_params[name] = value
    return test.run()


def shown(test: AppTest) -> str:
    """All HTML and text of a page."""
    assert not test.exception, test.exception
    every: list[Any] = [
        *test.get("html"),
        *test.title,
        *test.subheader,
        *test.caption,
        *test.warning,
        *test.error,
    ]
    return "\n".join(str(item.value if hasattr(item, "value") else item.body) for item in every)


def test_the_form_begins_with_the_newest_event_and_trying_it_stores_nothing(client: Client) -> None:
    test = page(draw_score)
    assert test.text_input(key="score_user_id").value == "ann"
    test.text_input(key="score_amount").set_value("9000")
    test.button[0].click().run()
    text = shown(test)
    assert "paid <b>9,000.00 USD</b>" in text
    assert "A dry run: nothing was stored" in text
    assert "What raised the score" in text
    assert "decision?event=b-" in text, "the evidence is linked"
    assert client.stats()["total_events"] == 8
    test.text_input(key="score_amount").set_value("12")
    test.button[0].click().run()
    assert "Amount 9000 → 12" in shown(test)


def test_what_is_wrong_with_an_event_is_said_field_by_field(client: Client) -> None:
    test = page(draw_score, like="b-3")
    assert test.text_input(key="score_amount").value == "13"
    test.text_input(key="score_amount").set_value("a lot")
    test.text_input(key="score_lat").set_value("100")
    test.button[0].click().run()
    text = shown(test)
    for said in ("This is no payment yet", "<b>amount</b>", "<b>lat</b>", "degrees from -90 to 90"):
        assert said in text


def test_an_event_is_stored_only_when_told_so(client: Client) -> None:
    test = page(draw_score)
    test.toggle(key="score_store").set_value(True).run()
    test.text_input(key="score_event_id").set_value("stored-1")
    test.button[0].click().run()
    assert "Stored: open the decision" in shown(test)
    assert client.decision("stored-1")["event_id"] == "stored-1"


def test_a_rule_is_checked_while_it_is_written(client: Client) -> None:
    test = page(draw_rules, rule="VELOCITY_5M")
    assert test.text_input(key="rule_when").value == "user_tx_count_5m >= 4"
    assert "Would have hit" in shown(test)
    test.text_input(key="rule_when").set_value("user_tx_count_5m >= amunt").run()
    text = shown(test)
    assert "Not yet a rule" in text
    assert "<mark>amunt</mark>" in text
    assert "did you mean &#x27;amount&#x27;?" in text
    test.text_input(key="rule_when").set_value("user_tx_count_5m >= 6").run()
    text = shown(test)
    assert "Example 1" not in text
    assert "did hit" in text


def test_a_rule_is_replayed_compared_published_and_moved(client: Client) -> None:
    test = page(draw_rules, rule="VELOCITY_5M")
    test.text_input(key="rule_when").set_value("user_tx_count_5m >= 2").run()
    test.text_area(key="rule_examples").set_value("- hit: {user_tx_count_5m: 7}").run()
    replay = next(button for button in test.button if button.label == "Replay on history")
    replay.click().run()
    job = test.session_state["replay_job"]
    until = time.monotonic() + 60
    while client.replay(job)["status"] == "running" and time.monotonic() < until:
        time.sleep(0.2)
    text = shown(test.run())
    assert "decisions come out otherwise" in text
    assert "Velocity, 5 min, by itself" in text
    test.text_input(key="replay_reason").set_value("two are enough")
    next(button for button in test.button if button.label == "Publish as a candidate").click().run()
    assert not test.exception
    version = client.versions()[-1]
    assert (version["stage"], version["reason"]) == ("candidate", "two are enough")
    number = version["version"]
    next(button for button in test.button if button.label == "Move").click().run()
    assert "Say why" in shown(test)
    test.text_input(key=f"why_{number}").set_value("a look")
    next(button for button in test.button if button.label == "Move").click().run()
    assert client.version(number)["stage"] == "shadow"


def test_models_show_versions_and_how_they_do(client: Client) -> None:
    text = shown(page(draw_models))
    for said in ("Version 1", "Champion", "Average precision", "published", "No report was"):
        assert said in text


def test_models_without_a_registry_say_how_to_get_one(
    make_database: Callable[[str], Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(make_database("sqlite")) as process:
        monkeypatch.setenv("RISKLOOM_API_URL", process.url)
        st.cache_data.clear()
        st.cache_resource.clear()
        text = shown(page(draw_models))
        st.cache_resource.clear()
    assert "rules alone decide" in text
    assert "--registry" in text


def draw_alerts() -> None:
    from riskloom.dashboard import connection
    from riskloom.dashboard.views import alerts

    with connection.explained():
        alerts.render()


def raise_alert(client: Client, user: str, count: int = 7) -> None:
    """A burst of payments of one customer, the last of them flagged: one alert."""
    began = datetime.now(UTC) - timedelta(seconds=30)
    for number in range(count):
        time_of = (began + timedelta(seconds=number)).isoformat()
        client.score(
            payment(
                f"{user}-{number}",
                timestamp=time_of,
                amount=50 + number,
                user_id=user,
                device_id=f"phone-{user}",
            )
        )


def press(test: AppTest, label: str) -> None:
    next(button for button in test.button if button.label == label).click().run()


def test_an_analyst_takes_the_next_alert_sees_its_evidence_and_resolves_it(client: Client) -> None:
    raise_alert(client, "eve")
    raise_alert(client, "kim")
    test = page(draw_alerts)
    text = shown(test)
    assert "eve" in text
    assert "kim" in text
    press(test, "Next")
    number = int(test.query_params["alert"])
    taken = client.alert(number)
    assert (taken["state"], taken["claimed_by"]) == ("claimed", "dashboard")
    text = shown(test)
    for said in (taken["entity_key"], "Velocity, 5 min", "rl-behind", "Claimed by dashboard", "Yours for"):
        assert said in text
    press(test, "Confirmed fraud")
    test.checkbox(key="alert_goes_on").set_value(False)
    press(test, "Resolve")
    assert client.alert(number)["state"] == "claimed", "not without a reason"
    test.text_input(key=f"alert_why_{number}").set_value("card stolen")
    press(test, "Resolve")
    done = client.alert(number)
    assert (done["state"], done["disposition"], done["closed_reason"]) == (
        "resolved", "confirmed_fraud", "card stolen",
    )  # fmt: skip
    assert "card stolen" in shown(test)


def test_an_alert_that_somebody_has_is_not_taken_from_them(client: Client) -> None:
    raise_alert(client, "lou")
    held = client.alerts(entity="lou")["items"][0]
    client.act_on_alert("claim", held["id"], "ana")
    test = page(draw_alerts, alert=str(held["id"]))
    assert "Claimed by ana" in shown(test)
    press(test, "Try to take it")
    assert any("ana" in info.value for info in test.info)
    assert client.alert(held["id"])["claimed_by"] == "ana"


def test_an_alert_that_is_not_there_says_so(client: Client) -> None:
    assert "There is no alert 999999 here" in shown(page(draw_alerts, alert="999999"))


def test_the_list_obeys_the_filters_of_its_address(client: Client) -> None:
    raise_alert(client, "zoe")
    text = shown(page(draw_alerts, entity="zoe"))
    assert text.count("alerts?alert=") == 1
    assert "Nothing waits here" in shown(page(draw_alerts, entity="nobody"))


def draw_cases() -> None:
    from riskloom.dashboard import connection
    from riskloom.dashboard.views import cases

    with connection.explained():
        cases.render()


def test_a_case_is_worked_on_and_closed_with_labels(client: Client) -> None:
    raise_alert(client, "max")
    alert = client.alerts(entity="max")["items"][0]
    number = client.open_case(alert["id"], "ana")["case_id"]
    assert "max" in shown(page(draw_cases))
    test = page(draw_cases, case=str(number))
    text = shown(test)
    for said in (
        "All about max",
        "rl-graph",
        "Customer max",
        "opened the case",
        "An alert</a> was raised",
        "with nobody",
    ):
        assert said in text
    press(test, "Take it")
    assert client.case(number)["assignee"] == "dashboard"
    test.text_area(key=f"note_text_{number}").set_value("She called <b>us</b>")
    press(test, "Add the note")
    assert "She called &lt;b&gt;us&lt;/b&gt;" in shown(test)
    test.text_input(key=f"task_title_{number}").set_value("Block the card")
    press(test, "Add the task")
    test.checkbox[0].set_value(True).run()
    assert client.case(number)["tasks"][0]["done_by"] == "dashboard"
    press(test, "Close the case")
    assert "Choose what was found" in shown(test)
    test.segmented_control(key=f"case_disposition_{number}").set_value("confirmed_fraud")
    test.text_input(key=f"case_why_{number}").set_value("card stolen")
    press(test, "Close the case")
    closed = client.case(number)
    assert (closed["state"], closed["disposition"]) == ("closed", "confirmed_fraud")
    assert "Confirmed fraud" in shown(test)
    label = client.decision("max-6")["label"]
    assert label is not None
    assert (label["fraud"], label["source"]) == (True, "analyst")


def test_a_case_that_somebody_changed_meanwhile_says_so_and_changes_nothing(client: Client) -> None:
    raise_alert(client, "pam")
    case = client.open_case(client.alerts(entity="pam")["items"][0]["id"], "ana")
    test = page(draw_cases, case=str(case["case_id"]))
    client.change_case(case["case_id"], {"assignee": "bob", "version": case["version"]}, "bob")
    press(test, "Take it")
    assert client.case(case["case_id"])["assignee"] == "bob"
    assert any("changed" in info.value.lower() for info in test.info)
