"""`slack`: an incoming webhook, told in blocks.

    slack+https://hooks.slack.com/services/T000/B000/XXXX

Slack knows no idempotency key: where its answer is lost the same message may stand there twice; the key
stands small below each.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from riskloom.adapters.notifiers.http import Poster
from riskloom.adapters.notifiers.words import Address
from riskloom.ports.notifier import Notice

_MOST_FACTS = 40
"""A message takes 50 blocks; each section here holds ten facts."""
_LONGEST = 1_900
_TITLE = 150
_TOGETHER = 10
_SIGNS = {
    "critical": ":rotating_light:",
    "high": ":red_circle:",
    "medium": ":large_orange_circle:",
    "low": ":white_circle:",
}


class Slack:
    """Posts blocks to one incoming webhook."""

    def __init__(self, url: str, host: str) -> None:
        self._poster = Poster(url, lambda text: text.replace(url, self.url))
        self.url = f"slack+{url.partition(':')[0]}://{host}/…"

    async def send(self, notice: Notice) -> str:
        """Post it."""
        body = json.dumps(blocks(notice), ensure_ascii=False).encode()
        return await self._poster.post(body, {"Content-Type": "application/json; charset=utf-8"})

    async def close(self) -> None:
        """Close the connections."""
        await self._poster.close()


def blocks(notice: Notice) -> dict[str, Any]:
    """A notice as Slack takes it; `text` is what a phone shows before it is opened."""
    title = f"{_SIGNS.get(notice.severity, '')} {_plain(notice.title)}".strip()[:_TITLE]
    shown: list[dict[str, Any]] = [{"type": "section", "text": {"type": "mrkdwn", "text": f"*{title}*"}}]
    facts = [
        {"type": "mrkdwn", "text": f"*{_plain(name)}*\n{_plain(value)}"[:_LONGEST]}
        for name, value in notice.facts[:_MOST_FACTS]
    ]
    shown += [
        {"type": "section", "fields": facts[start : start + _TOGETHER]}
        for start in range(0, len(facts), _TOGETHER)
    ]
    if len(notice.facts) > _MOST_FACTS:
        shown.append(_small(f"and {len(notice.facts) - _MOST_FACTS} more"))
    if notice.link:
        button = {"type": "button", "text": {"type": "plain_text", "text": "Look"}, "url": notice.link}
        shown.append({"type": "actions", "elements": [button]})
    shown.append(_small(f"{notice.at} · {notice.key}"))
    return {"text": title, "blocks": shown}


def _small(text: str) -> dict[str, Any]:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": text}]}


def _plain(text: str) -> str:
    """Text without the three characters that mean something to Slack: nobody is mentioned by an event."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def open_notifier(url: str, where: str, _folder: Path) -> Slack:
    """The webhook of a URL; connects to nothing."""
    address = Address(url, where)
    if address.parts.scheme not in ("slack+https", "slack+http"):
        address.refuse("slack+https://hooks.slack.com/services/...", f"{address.parts.scheme}://")
    if not address.host or len(address.parts.path) < 2:
        address.refuse("slack+https://hooks.slack.com/services/...", "no host or no path")
    return Slack(url.removeprefix("slack+"), address.parts.netloc.rpartition("@")[2])
