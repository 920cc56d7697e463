"""Each channel against a real receiver: what is taken, what may be sent again, what never will be."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from riskloom.adapters.notifiers import http, kind_of, names, open_notifier
from riskloom.adapters.notifiers.smtp import text_of
from riskloom.errors import DeliveryRefused, ParameterInvalid, Undelivered
from riskloom.ports.notifier import Notice, Notifier
from support.sinks import free_port, http_sink, mail_sink

SECRET = "a-secret-of-24-characters"  # noqa: S105 - of this test
MAILBOXES = "from=risk@bank.example&to=a@bank.example,b@bank.example&tls=none"


def send(channel: Notifier, *notices: Notice) -> list[str]:
    async def all_of_them() -> list[str]:
        try:
            return [await channel.send(notice) for notice in notices]
        finally:
            await channel.close()

    work: Coroutine[Any, Any, list[str]] = all_of_them()
    return asyncio.run(work)


def test_a_file_is_a_kind() -> None:
    assert names() == ("log", "slack", "smtp", "webhook")
    assert kind_of("smtps://mail.example") == "smtp"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("ftp://x/y", "log://, slack+https://, smtp://"),
        ("alerts.log", "log://"),
        ("file:///etc/passwd", "log://"),
        ("http://:topsecrettopsecret@h/p", "webhook+https://"),
        ("log://", "log://FILE"),
        ("log://a.log?max_mb=0", "from 1 to 10000"),
        ("log://a.log?maxmb=3", "max_mb"),
        ("slack+ftp://hooks/topsecrettopsecret", "slack+https://"),
        ("slack+https://hooks.slack.com", "services"),
        ("webhook+https://:short@h/p", "at least 16"),
        ("webhook+https://h/p", "at least 16"),
        ("webhook+gopher://:topsecrettopsecret@h/p", "webhook+https://"),
        ("smtp://h?from=a@b.example", "mailboxes"),
        ("smtp://h?from=a@b.example&to=x%0d%0aBcc:%20y@z.example", "mailboxes"),
        ("smtp://h?from=a@b.example&to=c@d.example&tls=maybe", "starttls, none"),
        ("smtp://h:port?from=a@b.example&to=c@d.example", "a URL"),
    ],
)
def test_a_url_that_cannot_be_used_says_what_is_known_and_no_secret(url: str, expected: str) -> None:
    with pytest.raises(ParameterInvalid) as refused:
        open_notifier(url, where="RISKLOOM_CHANNELS.ops")
    assert expected in str(refused.value)
    assert "RISKLOOM_CHANNELS.ops" in str(refused.value)
    assert "topsecret" not in str(refused.value)


def test_a_webhook_is_signed_over_its_time_and_body(notice: Notice) -> None:
    with http_sink() as sink:
        channel = open_notifier(f"webhook+http://:{SECRET}@{sink.url}/hook?x=1")
        assert send(channel, notice) == ["200 ok"]
    assert SECRET not in channel.url
    assert "x=1" not in channel.url
    headers, body = sink.taken.headers[0], sink.taken.bodies[0]
    signed = headers["X-Riskloom-Timestamp"].encode() + b"." + body
    assert (
        headers["X-Riskloom-Signature"]
        == "v1=" + hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    )
    assert headers["Idempotency-Key"] == "42:0:ops"
    assert json.loads(body)["data"] == {"alert": 42, "amount": "1200.00"}


def test_a_notice_has_the_same_body_at_every_attempt(notice: Notice) -> None:
    with http_sink() as sink:
        send(open_notifier(f"webhook+http://:{SECRET}@{sink.url}/hook"), notice, notice)
    assert sink.taken.bodies[0] == sink.taken.bodies[1]


@pytest.mark.parametrize(
    ("what", "error"),
    [("fail", Undelivered), ("lose", Undelivered), ("later", Undelivered), ("refuse", DeliveryRefused)],
)
@pytest.mark.parametrize("kind", ["webhook", "slack"])
def test_an_answer_tells_whether_to_try_again(notice: Notice, kind: str, what: str, error: type) -> None:
    with http_sink(lambda _number: what) as sink:
        secret = f":{SECRET}@" if kind == "webhook" else ""
        channel = open_notifier(f"{kind}+http://{secret}{sink.url}/services/T0/hidden")
        with pytest.raises(error) as failed:
            send(channel, notice)
    assert sink.taken.keys == (["42:0:ops"] if what == "lose" else [])
    assert getattr(failed.value, "after_s", 0.0) == (7.0 if what == "later" else 0.0)


def test_a_receiver_that_hangs_is_given_up(notice: Notice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "TIMEOUT_S", 0.2)
    with http_sink(lambda _number: "hang") as sink, pytest.raises(Undelivered, match="No answer"):
        send(open_notifier(f"webhook+http://:{SECRET}@{sink.url}/hook"), notice)


def test_nobody_listens(notice: Notice) -> None:
    port = free_port()
    for url in (f"slack+http://127.0.0.1:{port}/services/x", f"smtp://127.0.0.1:{port}?{MAILBOXES}"):
        with pytest.raises(Undelivered):
            send(open_notifier(url), notice)


def test_slack_gets_blocks_in_which_an_event_mentions_nobody(notice: Notice) -> None:
    with http_sink() as sink:
        channel = open_notifier(f"slack+http://{sink.url}/services/T0/hidden")
        send(channel, notice)
    assert "hidden" not in channel.url
    said = json.loads(sink.taken.bodies[0])
    assert said["text"] == ":red_circle: High: user u-1, 10 events &lt;b&gt;&amp;"
    assert "&lt;!channel&gt; u-1" in said["blocks"][1]["fields"][0]["text"]
    assert said["blocks"][2]["elements"][0]["url"] == notice.link


def test_slack_takes_no_more_blocks_than_it_can(notice: Notice) -> None:
    many = replace(notice, facts=tuple((f"n{number}", "x" * 5_000) for number in range(500)))
    with http_sink() as sink:
        send(open_notifier(f"slack+http://{sink.url}/services/x"), many)
    blocks = json.loads(sink.taken.bodies[0])["blocks"]
    assert len(blocks) < 50
    assert all(len(fact["text"]) <= 2_000 for block in blocks for fact in block.get("fields", ()))
    assert blocks[-3]["elements"][0]["text"] == "and 460 more"


def test_a_mail_comes_as_text_and_as_html(notice: Notice) -> None:
    with mail_sink() as sink:
        send(open_notifier(f"smtp://{sink.url}?{MAILBOXES}"), notice, notice)
    first, second = sink.taken.mails
    assert first["Message-ID"] == second["Message-ID"]
    assert first["To"] == "a@bank.example, b@bank.example"
    assert first["Subject"] == "[high] High: user u-1, 10 events <b>&"
    text, page = (first.get_body((kind,)).get_content() for kind in ("plain", "html"))  # type: ignore[union-attr]
    assert text.replace("\r", "").strip() == text_of(notice).strip()
    assert "user_id &lt;!channel&gt; u-1" in page
    assert "<b>" not in page


def test_a_title_cannot_add_a_header(notice: Notice) -> None:
    with mail_sink() as sink:
        evil = replace(notice, title="x\r\nBcc: thief@x.example")
        send(open_notifier(f"smtp://{sink.url}?{MAILBOXES}"), evil)
    assert sink.taken.mails[0]["Bcc"] is None


@pytest.mark.parametrize(
    ("what", "error"), [("fail", Undelivered), ("lose", Undelivered), ("refuse", DeliveryRefused)]
)
def test_a_mail_servers_answer_tells_whether_to_try_again(notice: Notice, what: str, error: type) -> None:
    with mail_sink(lambda _number: what) as sink, pytest.raises(error):
        send(open_notifier(f"smtp://{sink.url}?{MAILBOXES}"), notice)
    assert len(sink.taken.mails) == (what == "lose")


def test_a_mailbox_that_is_gone_is_named_and_keeps_nobody_else_from_the_mail(notice: Notice) -> None:
    with mail_sink() as sink:
        boxes = MAILBOXES.replace("b@bank", "nobody@bank")
        (said,) = send(open_notifier(f"smtp://{sink.url}?{boxes}"), notice)
        assert "nobody@bank.example refused" in said
        with pytest.raises(DeliveryRefused, match="no such mailbox"):
            send(open_notifier(f"smtp://{sink.url}?{boxes.replace('a@bank', 'nobody@bank')}"), notice)
    assert len(sink.taken.mails) == 1


def test_a_mail_server_without_tls_gets_nothing_unless_told(notice: Notice) -> None:
    with mail_sink() as sink, pytest.raises(Undelivered):
        send(open_notifier(f"smtp://{sink.url}?{MAILBOXES.replace('&tls=none', '')}"), notice)
    assert not sink.taken.mails


def test_the_log_is_rotated_and_torn_lines_are_ended(notice: Notice, tmp_path: Path) -> None:
    (tmp_path / "alerts.log").write_text('{"torn":')
    channel = open_notifier("log://alerts.log?max_mb=1&keep=2", folder=tmp_path)
    big = replace(notice, data={"x": "y" * 400_000})
    send(channel, notice, *[big] * 8)
    lines = [
        json.loads(line)
        for name in ("alerts.log.2", "alerts.log.1", "alerts.log")
        for line in (tmp_path / name).read_text().splitlines()
        if line != '{"torn":'
    ]
    assert len(lines) == 6
    assert {line["key"] for line in lines} == {"42:0:ops"}
    assert not (tmp_path / "alerts.log.3").exists()


def test_a_log_that_cannot_be_written_is_tried_again(notice: Notice, tmp_path: Path) -> None:
    (tmp_path / "alerts.log").mkdir()
    with pytest.raises(Undelivered, match="cannot be written"):
        send(open_notifier("log://alerts.log", folder=tmp_path), notice)
