"""The real server, the real dashboard, a real browser: an attack is sent and an analyst sees it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from riskloom.client import Client
from riskloom.dashboard.launch import command
from support.browser import free_port, page_of, process

VICTIM, THIEF = "victim_001", "device_of_the_thief"

pytestmark = pytest.mark.e2e


def serve(port: int, folder: Path) -> list[str]:
    """The command of the real server, its data in a folder of its own."""
    riskloom = str(Path(sys.executable).with_name("riskloom"))
    where = ["--database", f"sqlite:///{folder / 'riskloom.db'}", "--data-dir", str(folder)]
    return [riskloom, "serve", "--scenario", "card_payments", "--port", str(port), *where]


def payment(number: int, time: datetime, **changes: Any) -> dict[str, Any]:
    """A small payment of the victim in Berlin, or another with `changes`."""
    return {
        "event_id": f"pay_{number:03}",
        "timestamp": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "user_id": VICTIM,
        "merchant_id": f"shop_{number % 4}",
        "merchant_category": "grocery",
        "amount": f"{20 + number % 7}.50",
        "currency": "EUR",
        "lat": 52.52,
        "lon": 13.405,
        "device_id": "phone_of_the_victim",
        "ip": "203.0.113.7",
        "channel": "contactless",
        **changes,
    }


def attack(start: datetime) -> list[dict[str, Any]]:
    """New device and address, another continent, many payments, large amounts."""
    changes = {"device_id": THIEF, "ip": "198.51.100.9", "lat": -23.55, "lon": -46.633, "channel": "online"}
    return [
        payment(
            100 + at,
            start + timedelta(seconds=20 * at),
            **changes,
            amount=f"{900 + 150 * at}.00",
            merchant_id=f"far_{at}",
        )
        for at in range(7)
    ]


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The real server, with a month of the victim's habits, none of it suspicious."""
    folder, port = tmp_path_factory.mktemp("server"), free_port()
    url = f"http://127.0.0.1:{port}"
    with (
        process(serve(port, folder), f"{url}/api/v1/readiness", folder / "server.log"),
        Client(url) as client,
    ):
        now = datetime.now(UTC)
        habits = [payment(at, now - timedelta(days=3) + timedelta(hours=1.6 * at)) for at in range(40)]
        for made in client.score_many(habits):
            assert "error" not in made, made
        yield url


@pytest.fixture(scope="module")
def dashboard(api: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    log = tmp_path_factory.mktemp("dashboard") / "dashboard.log"
    with process(command(port, api), f"{url}/_stcore/health", log):
        yield url


def test_an_attack_shows_by_itself_and_is_explained_down_to_its_evidence(
    api: str, dashboard: str, browser: Any
) -> None:
    from playwright.sync_api import expect

    expect.set_options(timeout=30_000)
    asked: list[str] = []
    page = page_of(browser, asked)
    page.goto(f"{dashboard}/queue")
    page.get_by_text("Nothing fits these filters").wait_for()

    with Client(api) as client:
        decided: list[Any] = list(client.score_many(attack(datetime.now(UTC) - timedelta(minutes=3))))
    caught = [made for made in decided if made["flagged"]]
    assert caught[0]["event_id"] == "pay_100"
    assert {"NEW_DEVICE", "NEW_IP", "IMPOSSIBLE_TRAVEL"} <= {
        reason["code"] for reason in caught[0]["reasons"]
    }

    # The open queue renews itself, and shows each of them with its reasons in words.
    rows = page.locator(".rl-table tbody tr")
    page.locator(f"tr a[href*='{caught[-1]['event_id']}']").wait_for()
    expect(rows).to_have_count(len(caught))
    first = rows.filter(has=page.locator("a[href*='pay_100']"))
    for expected in ("Impossible travel", VICTIM, "900.00 EUR"):
        expect(first).to_contain_text(expected)

    # A click opens the decision, in the same session.
    first.locator("a.rl-row").click()
    page.wait_for_url(re.compile(r"/decision\?event=pay_100"))
    whole = page.locator("[data-testid=stMain]")
    expect(whole).to_contain_text("For the record")
    expect(page.get_by_test_id("headline")).to_contain_text("900.00 EUR")
    for said in (r"10,\d{3}(\.\d+)? km from the last payment", "New device", "km from the last place"):
        expect(whole).to_contain_text(re.compile(said))
    expect(whole).to_contain_text(f"{len(caught)} of {len(caught)} shown there")
    evidence = page.locator("tr").filter(has_text="Impossible travel")
    expect(evidence.locator("a[href*='event=pay_0']")).to_have_count(1)
    page.locator("[data-testid=stVegaLiteChart] :is(canvas, svg)").nth(2).wait_for()  # amount, distance, map

    outside = {urlsplit(url).netloc for url in asked if url.startswith("http")} - {urlsplit(dashboard).netloc}
    assert not outside, f"fetched from outside: {outside}"
    page.close()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", "Decisions per minute"),
        ("/queue", "To review"),
        ("/decision", "Event id"),
        ("/entity", "Rings"),
        ("/scenario", "The model flags from"),
    ],
)
def test_each_page_opens_by_its_address_and_without_an_error(
    dashboard: str, browser: Any, path: str, expected: str
) -> None:
    failed: list[str] = []
    page = page_of(browser, [])
    page.on("pageerror", lambda error: failed.append(str(error)))
    page.goto(f"{dashboard}{path}")
    page.get_by_text(expected).first.wait_for()
    assert page.locator("[data-testid=stException]").count() == 0
    assert not failed
    page.close()


def test_a_page_comes_back_by_itself_with_its_server(browser: Any, tmp_path: Path) -> None:
    port, server_port = free_port(), free_port()
    url, server_url = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{server_port}"
    with process(command(port, server_url), f"{url}/_stcore/health", tmp_path / "dashboard.log"):
        page = page_of(browser, [])
        page.goto(f"{url}/scenario")
        page.get_by_text("The server is away").wait_for()
        with process(serve(server_port, tmp_path), f"{server_url}/api/v1/readiness", tmp_path / "server.log"):
            page.get_by_text("The model flags from").wait_for()
        page.close()


def test_a_server_that_is_away_is_said_to_be_and_another_can_be_chosen(
    api: str, browser: Any, tmp_path: Path
) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with process(command(port, f"http://127.0.0.1:{free_port()}"), f"{url}/_stcore/health", tmp_path / "log"):
        page = page_of(browser, [])
        page.goto(url)
        page.get_by_text("The server is away").wait_for()
        page.get_by_role("button", name="Server address").click()
        page.get_by_label("Riskloom API").fill(api)
        page.get_by_role("button", name="Use this server").click()
        page.get_by_text("Decisions per minute").wait_for()
        page.close()
