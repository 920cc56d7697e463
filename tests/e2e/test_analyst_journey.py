"""A working day in a browser: an attack arrives, two analysts work on it, the next payment is rejected."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from test_dashboard_browser import VICTIM, attack, payment

from riskloom.bundle import make_bundle, write_bundle
from riskloom.client import Client
from riskloom.dashboard.launch import command
from riskloom.scenario.load import load_scenario, scenario_from_parts
from support.browser import free_port, page_of, process

PATIENCE_MS = 90_000
pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """(the server, the dashboard): a scenario with a list of stolen customers, and a month of habits."""
    folder = tmp_path_factory.mktemp("journey")
    parts = json.loads(json.dumps(dict(load_scenario("card_payments").parts)))
    parts["lists"] = [{"name": "stolen", "of": "user_id", "kind": "deny", "describe": "Reported stolen"}]
    parts["cases"] = {"four_eyes_above": 1000}
    bundle = write_bundle(make_bundle(scenario_from_parts(parts), None), folder / "bundle")
    port, shown = free_port(), free_port()
    url, page = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{shown}"
    where = ["--database", f"sqlite:///{folder / 'riskloom.db'}", "--data-dir", str(folder)]
    serve = [str(Path(sys.executable).with_name("riskloom")), "serve", "--bundle", str(bundle), *where]
    with (
        process([*serve, "--port", str(port)], f"{url}/api/v1/readiness", folder / "server.log"),
        process(command(shown, url), f"{page}/_stcore/health", folder / "dashboard.log"),
        Client(url) as client,
    ):
        now = datetime.now(UTC)
        habits = [payment(at, now - timedelta(days=3) + timedelta(hours=1.6 * at)) for at in range(40)]
        assert not any("error" in made for made in client.score_many(habits))
        yield url, page


def named(browser: Any, address: str, name: str) -> Any:
    """A page of somebody who has said who they are."""
    page = page_of(browser, [])
    page.set_default_timeout(PATIENCE_MS)
    page.goto(address)
    who = page.get_by_role("textbox", name="Your name")
    who.fill(name)
    who.press("Enter")
    page.locator("h1, h2").first.click()
    return page


def test_from_an_attack_to_a_rejected_payment_by_two_analysts(places: tuple[str, str], browser: Any) -> None:
    from playwright.sync_api import expect

    expect.set_options(timeout=PATIENCE_MS)
    url, shown = places
    with Client(url, timeout=60) as client:
        list(client.score_many(attack(datetime.now(UTC) - timedelta(minutes=3))))

        # Ana takes the next alert with one key, and sees its evidence beside what is usual.
        ana = named(browser, f"{shown}/alerts", "ana")
        expect(ana.locator(".rl-table")).to_contain_text(VICTIM)
        ana.keyboard.press("n")
        expect(ana.get_by_test_id("alert")).to_contain_text("Claimed by ana")
        cards = ana.locator(".rl-cards").first
        expect(cards).to_contain_text("Impossible travel")
        expect(cards.locator(".rl-behind a").first).to_be_visible()

        # Nobody else gets it.
        assert client.next_alert("bob") is None

        # She opens its case and closes it; above the amount a second person is needed.
        ana.get_by_role("button", name=re.compile("Open a case")).click()
        ana.wait_for_url(re.compile(r"/cases\?case=1"))
        ana.get_by_role("radio", name="Confirmed fraud").or_(
            ana.get_by_role("button", name="Confirmed fraud")
        ).first.click()
        ana.get_by_placeholder("Why: it stays with the case").fill("the customer says so")
        ana.get_by_role("button", name=re.compile("Close the case")).click()
        expect(ana.get_by_test_id("case")).to_contain_text("Waits for a second person")

        # Bob confirms it, and the label is stored.
        bob = named(browser, f"{shown}/cases?case=1", "bob")
        bob.get_by_role("button", name="Confirm", exact=True).click()
        expect(bob.get_by_test_id("case")).to_contain_text("(ana, bob)")
        label = client.decision("pay_100")["label"]
        assert label is not None
        assert label["fraud"]

        # The customer goes on the list, and the next payment is rejected.
        bob.get_by_role("button", name=re.compile("Put on a list")).click()
        bob.get_by_role("button", name="Put it there").click()
        expect(bob.get_by_text("is on the list stolen")).to_be_visible()
        after = client.score(payment(200, datetime.now(UTC)))
        assert after["outcome"] == "REJECTED"
        assert "LIST_STOLEN" in [reason["code"] for reason in after["reasons"]]
        ana.close()
        bob.close()
