"""The short way through the HTTP protocol: answers as the long way gives them, in order, to any client."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvicorn

from riskloom.bundle import Bundle
from riskloom.errors import StoreUnavailable
from riskloom.server.app import create_app
from riskloom.server.hot import LONGEST_SHORT, HotRoute
from riskloom.server.protocol import HotProtocol
from support.databases import Database
from support.events import payment
from support.server import Server, serving

Parsed = tuple[int, dict[str, str], bytes]


class Connection:
    """A raw connection that tells answers apart by their length."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self._read = b""

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def answer(self) -> Parsed:
        """The next answer."""
        while b"\r\n\r\n" not in self._read:
            self._more()
        head, _, self._read = self._read.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        length = int(headers["content-length"])
        while len(self._read) < length:
            self._more()
        body, self._read = self._read[:length], self._read[length:]
        return int(first.split()[1]), headers, body

    def ended(self) -> bool:
        """Whether the server closes now."""
        return self.socket.recv(1) == b""

    def _more(self) -> None:
        got = self.socket.recv(1 << 16)
        assert got, "closed too early"
        self._read += got


def request(event: Any, path: str = "/api/v1/score", version: str = "1.1", **headers: str) -> bytes:
    """A request as bytes; an event that is bytes is sent as it is."""
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    given = {"host": "127.0.0.1", "content-length": str(len(body)), **headers}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in given.items()]
    return "\r\n".join([f"POST {path} HTTP/{version}", *lines, "", ""]).encode() + body


class Listening:
    """A server with a port of its own, on the loop of a server in this process."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.short: list[bytes] = []
        app = create_app(server.served)
        begin = app.begin

        def noting(path: str, headers: Any, body: bytes) -> Any:
            self.short.append(body)
            return begin(path, headers, body)

        app.begin = noting  # type: ignore[method-assign]
        config = uvicorn.Config(
            app,
            http=HotProtocol,
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=60,
        )
        self.uvicorn = uvicorn.Server(config)
        self.uvicorn.capture_signals = contextlib.nullcontext  # type: ignore[method-assign]
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.done = asyncio.run_coroutine_threadsafe(
            self.uvicorn.serve(sockets=[self.listening]), server._loop
        )

        self._connections: list[Connection] = []

    def connect(self) -> Connection:
        self._connections.append(Connection(self.port))
        return self._connections[-1]

    def stop(self) -> None:
        for connection in self._connections:
            connection.socket.close()
        self.uvicorn.should_exit = True
        self.done.result(30)
        self.listening.close()


@pytest.fixture
def listening(server: Server) -> Iterator[Listening]:
    running = Listening(server)
    yield running
    running.stop()


def as_long(server: Server, event: Any, **given: Any) -> Any:
    """The answer by ASGI."""
    answer = server.post("/api/v1/score", content=json.dumps(event).encode(), **given)
    return answer.status_code, answer.json()


def test_an_event_is_decided_the_short_way_and_stored(listening: Listening) -> None:
    connection = listening.connect()
    connection.send(request(payment("e-1")))
    status, headers, body = connection.answer()
    assert (status, headers["content-type"]) == (200, "application/json")
    assert len(listening.short) == 1
    assert json.loads(body) == as_long(listening.server, payment("e-1"))[1], "the stored decision is the same"
    assert listening.server.database.counts() == (1, 1, 1)


def test_the_flat_answer_of_the_first_system_comes_the_short_way(listening: Listening) -> None:
    connection = listening.connect()
    connection.send(request(payment("e-1"), "/score"))
    _, _, body = connection.answer()
    assert len(listening.short) == 1
    assert json.loads(body) == listening.server.post("/score", payment("e-1")).json()


@pytest.mark.parametrize(
    ("event", "status"),
    [(payment("e-1", amount=13), 409), (payment("e-2", lat=91), 422), (b"{", 422), (payment("e-1"), 200)],
)
def test_what_is_not_taken_is_answered_as_by_the_long_way(
    listening: Listening, event: Any, status: int
) -> None:
    listening.server.score(payment("e-1"))
    connection = listening.connect()
    connection.send(request(event))
    answered, headers, body = connection.answer()
    long = listening.server.post(
        "/api/v1/score", content=event if isinstance(event, bytes) else json.dumps(event).encode()
    )
    assert (answered, json.loads(body)) == (long.status_code, long.json()) == (status, long.json())
    assert headers["content-type"] == long.headers["content-type"]
    connection.send(request(payment("e-9")))
    assert connection.answer()[0] == 200, "the connection goes on"


def test_a_foreign_host_is_refused(listening: Listening) -> None:
    connection = listening.connect()
    connection.send(request(payment("e-1"), host="example.com"))
    assert connection.answer()[0] == 403
    assert listening.server.database.counts() == (0, 0, 0)


def test_an_idempotency_key_is_heard(listening: Listening) -> None:
    connection = listening.connect()
    event = payment("x")
    del event["event_id"]
    for _ in range(2):
        connection.send(request(event, idempotency_key="k"))
    ids = {json.loads(connection.answer()[2])["event_id"] for _ in range(2)}
    assert len(ids) == 1
    assert next(iter(ids)).startswith("key-")
    assert len(listening.short) >= 1


def test_requests_sent_ahead_are_answered_in_their_order(listening: Listening) -> None:
    connection = listening.connect()
    ids = [f"e-{n}" for n in range(20)]
    connection.send(b"".join(request(payment(event_id)) for event_id in ids))
    assert [json.loads(connection.answer()[2])["event_id"] for _ in ids] == ids


def test_a_fault_waits_for_the_answers_before_it(
    listening: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(listening, monkeypatch)
    connection = listening.connect()
    connection.send(request(payment("e-1")) + request(payment("e-2", lat=91)) + request(payment("e-3")))
    assert gate.reached.wait(20)
    gate.open()
    assert [connection.answer()[0] for _ in range(3)] == [200, 422, 200]


def test_a_request_in_single_bytes_is_read(listening: Listening) -> None:
    connection = listening.connect()
    for at in (data := request(payment("e-1"))):
        connection.send(bytes([at]))
    assert connection.answer()[0] == 200
    assert len(listening.short) == 1
    assert len(data) > 300


@pytest.mark.parametrize(
    "unusual",
    [
        request(payment("e-1"), "/api/v1/score?dry_run=0"),
        request(payment("e-1"), expect="100-continue"),
        request(payment("e-1"), connection="close"),
        request(payment("e-1"), version="1.0"),
        request(json.dumps(payment("e-1")).encode() + b" " * LONGEST_SHORT),
        b"POST /api/v1/score HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n"
        + b"%x\r\n%s\r\n0\r\n\r\n" % (len(json.dumps(payment("e-1"))), json.dumps(payment("e-1")).encode()),
    ],
    ids=["query", "expect", "close", "http-1.0", "long", "chunked"],
)
def test_an_unusual_request_goes_the_long_way(listening: Listening, unusual: bytes) -> None:
    connection = listening.connect()
    connection.send(unusual)
    if b"100-continue" in unusual:
        assert connection.socket.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert connection.answer()[0] == 200
    assert listening.short == []


def test_the_same_event_at_once_over_many_connections_is_taken_once(listening: Listening) -> None:
    connections = [listening.connect() for _ in range(8)]
    for connection in connections:
        connection.send(request(payment("e-1")))
    answers = [connection.answer() for connection in connections]
    assert {status for status, _, _ in answers} == {200}
    assert len({body for _, _, body in answers}) == 1
    assert listening.server.database.counts() == (1, 1, 1)


def test_a_failed_commit_is_503_and_asks_to_come_again(
    listening: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_given: object) -> None:
        raise StoreUnavailable("full")

    monkeypatch.setattr(listening.server.runtime.engine.repo, "insert_batch", refuse)
    connection = listening.connect()
    connection.send(request(payment("e-1")))
    status, headers, body = connection.answer()
    assert (status, headers["retry-after"], json.loads(body)["code"]) == (503, "1", "store_unavailable")


def test_an_error_of_our_own_is_500_and_ends_the_connection(
    listening: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_given: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(HotRoute, "answer", broken)
    connection = listening.connect()
    connection.send(request(payment("e-1")))
    status, _, body = connection.answer()
    assert (status, body) == (500, b"Internal Server Error")
    assert connection.ended()


class Gate:
    """Holds commits back until it is opened."""

    def __init__(self, listening: Listening, monkeypatch: pytest.MonkeyPatch) -> None:
        self._open = threading.Event()
        self.reached = threading.Event()
        insert: Callable[..., None] = listening.server.runtime.engine.repo.insert_batch

        def held(*given: Any) -> None:
            self.reached.set()
            self._open.wait(20)
            insert(*given)

        monkeypatch.setattr(listening.server.runtime.engine.repo, "insert_batch", held)

    def open(self) -> None:
        self._open.set()


def test_an_event_on_its_way_is_answered_before_the_server_ends(
    listening: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(listening, monkeypatch)
    connection = listening.connect()
    connection.send(request(payment("e-1")))
    assert gate.reached.wait(20)
    listening.uvicorn.should_exit = True
    with pytest.raises(TimeoutError):
        listening.done.result(0.5)
    gate.open()
    status, headers, _ = connection.answer()
    assert (status, headers["connection"]) == (200, "close")
    assert connection.ended()
    listening.done.result(30)


def test_a_client_that_leaves_harms_nobody(listening: Listening, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(listening, monkeypatch)
    leaving, staying = listening.connect(), listening.connect()
    leaving.send(request(payment("e-1")))
    assert gate.reached.wait(20)
    leaving.socket.close()
    staying.send(request(payment("e-2")))
    gate.open()
    assert staying.answer()[0] == 200
    assert listening.server.score(payment("e-1"))["event_id"] == "e-1"
    assert listening.server.database.counts() == (2, 2, 2)


def test_with_a_key_nothing_is_taken_without_it(
    make_database: Callable[[str], Database], bundle: Bundle
) -> None:
    with serving(make_database("sqlite"), bundle, api_key="secret-secret-secret-secret") as server:
        running = Listening(server)
        connection = running.connect()
        connection.send(request(payment("e-1")))
        status, headers, _ = connection.answer()
        assert (status, headers["www-authenticate"]) == (401, "Bearer")
        connection.send(request(payment("e-1"), authorization="Bearer secret-secret-secret-secret"))
        assert connection.answer()[0] == 200
        assert len(running.short) == 2
        running.stop()
