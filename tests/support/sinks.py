"""Real receivers of notices on loopback, that fail as they are told: one over HTTP, one over SMTP."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

Behave = Callable[[int], str]
"""The number of a delivery, from 0, to what happens with it: ok, fail (nothing is taken), lose (taken, and
the connection is reset in the place of an answer), hang, refuse, later."""


def fine(_number: int) -> str:
    """Take everything."""
    return "ok"


@dataclass
class Taken:
    """What a receiver took, in order, with what it thinks it answered."""

    keys: list[str] = field(default_factory=list)
    lost: Counter[str] = field(default_factory=Counter)
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    mails: list[EmailMessage] = field(default_factory=list)
    asked: int = 0
    times: dict[str, list[tuple[float, bool]]] = field(default_factory=lambda: defaultdict(list))
    """Of each key: when it was taken, and whether the answer was lost here."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def number(self) -> int:
        """The number of the next delivery."""
        with self.lock:
            self.asked += 1
            return self.asked - 1

    def take(self, key: str, *, lost: bool) -> None:
        """Note a delivery."""
        with self.lock:
            self.keys.append(key)
            self.times[key].append((time.monotonic(), lost))
            if lost:
                self.lost[key] += 1


class _Server(ThreadingHTTPServer):
    """Says nothing of clients that were killed while it answered."""

    request_queue_size = 128

    def handle_error(self, *_about: Any) -> None:
        pass


class HttpSink:
    """An HTTP server; `url` is its address without a scheme."""

    def __init__(self, behave: Behave) -> None:
        self.taken = Taken()
        self.behave = behave
        self.let_go = threading.Event()
        sink = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                sink.answer(self, body)

            def log_message(self, *_said: Any) -> None:
                pass

        self.server = _Server(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"127.0.0.1:{self.server.server_port}"

    def answer(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        """Do what is to happen with this request."""
        what = self.behave(self.taken.number())
        if what in ("ok", "lose"):
            with self.taken.lock:
                self.taken.bodies.append(body)
                self.taken.headers.append(dict(request.headers))
            self.taken.take(key_of(request, body), lost=what == "lose")
        if what == "hang":
            self.let_go.wait(30)
        if what in ("lose", "hang"):
            linger = struct.pack("ii", 1, 0)  # closing resets the connection
            request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            request.close_connection = True
            return
        status = {"ok": 200, "fail": 503, "refuse": 410, "later": 429, "odd": 503}[what]
        request.send_response(status)
        if what == "later":
            request.send_header("Retry-After", "7")
        said = b"ok" if what == "ok" else f"told to {what}".encode()
        said = b"\x00\xff" if what == "odd" else said
        request.send_header("Content-Length", str(len(said)))
        request.end_headers()
        request.wfile.write(said)


def key_of(request: BaseHTTPRequestHandler, body: bytes) -> str:
    """The idempotency key: a header, or the last words of a Slack message."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        key = json.loads(body)["blocks"][-1]["elements"][0]["text"].rpartition(" · ")[2]
    return str(key)


@contextlib.contextmanager
def http_sink(behave: Behave = fine) -> Iterator[HttpSink]:
    """A receiver over HTTP until the block ends."""
    sink = HttpSink(behave)
    thread = threading.Thread(target=sink.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield sink
    finally:
        sink.let_go.set()
        sink.server.shutdown()
        sink.server.server_close()
        thread.join()


class MailHandler:
    """Takes mails as it is told; refuses the mailbox `nobody@`."""

    def __init__(self, behave: Behave) -> None:
        self.taken = Taken()
        self.behave = behave

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Any, envelope: Any, address: str, _options: list[str]
    ) -> str:
        """Note who is to get it."""
        if address.startswith("nobody@"):
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, server: SMTP, _session: Any, envelope: Any) -> str:  # noqa: N802
        """Take the mail, or not."""
        what = self.behave(self.taken.number())
        if what in ("ok", "lose"):
            mail = message_from_bytes(envelope.content, policy=policy.default)
            assert isinstance(mail, EmailMessage)
            self.taken.mails.append(mail)
            self.taken.take(str(mail["X-Riskloom-Key"]), lost=what == "lose")
        if what == "lose":
            server.transport.abort()
            await asyncio.sleep(0)
            return "421 gone"
        return {"ok": "250 queued", "fail": "451 not now", "refuse": "554 never"}[what]


class MailSink:
    """An SMTP server; `url` is its address without a scheme."""

    def __init__(self, handler: MailHandler, url: str) -> None:
        self.handler = handler
        self.taken = handler.taken
        self.url = url


@contextlib.contextmanager
def mail_sink(behave: Behave = fine) -> Iterator[MailSink]:
    """A receiver over SMTP until the block ends."""
    handler = MailHandler(behave)
    controller = Controller(handler, hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        yield MailSink(handler, f"127.0.0.1:{controller.port}")
    finally:
        controller.stop()


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
