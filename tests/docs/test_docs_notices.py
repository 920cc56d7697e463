"""docs/notices.md: its scenario loads, its receiver takes what the webhook sends, and nothing else."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from riskloom.adapters.notifiers import open_notifier
from riskloom.ports.notifier import Notice
from riskloom.scenario.load import load_scenario, scenario_from_parts
from riskloom.scenario.read_yaml import read_document
from support.outbox import SECRET
from support.sinks import http_sink

PAGE = (Path(__file__).parents[2] / "docs" / "notices.md").read_text()


def snippet(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_pages_notices_are_notices() -> None:
    notices = read_document(snippet("yaml"), "notices.md").data
    told = scenario_from_parts({**load_scenario("card_payments").parts, "notices": notices})
    assert told.notices.channels == ("duty", "head", "log", "ops")
    assert told.notices.hours is not None
    assert told.notices.digest is not None


def test_the_pages_receiver_takes_a_webhook_once() -> None:
    names: dict[str, Any] = {}
    exec(compile(snippet("python"), "notices.md", "exec"), names)  # noqa: S102 - our own page
    receive = names["receive"]
    notice = Notice("7:0:ops", "alert", "t", (), "high", "2026-11-21T20:00:00Z", data={"a": "ü"})
    with http_sink() as sink:
        channel = open_notifier(f"webhook+http://:{SECRET}@{sink.url}/hook")

        async def send() -> None:
            await channel.send(notice)
            await channel.send(notice)
            await channel.close()

        asyncio.run(send())
    (headers, again), (body, _) = sink.taken.headers, sink.taken.bodies
    assert receive(SECRET.encode(), headers, body)
    assert not receive(SECRET.encode(), again, body)
    with pytest.raises(PermissionError, match="not signed"):
        receive(SECRET.encode(), headers, body.replace(b"high", b"low"))
    with pytest.raises(PermissionError, match="not signed"):
        receive(b"another", headers, body)
    old = {**headers, "X-Riskloom-Timestamp": "1000000000"}
    with pytest.raises(PermissionError, match="not signed"):
        receive(SECRET.encode(), old, body)
