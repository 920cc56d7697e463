"""The load generator sends each body once, over as many connections as asked, and tells what came back."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator

import pytest

from riskloom.bench.load import send
from riskloom.bench.stopwatch import Stopwatch


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    seen: list[tuple[object, bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.seen.append((self.client_address, body))
        self.send_response(422 if body == b"bad" else 200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[http.server.ThreadingHTTPServer]:
    _Handler.seen = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as made:
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def test_every_body_is_sent_once_and_statuses_are_counted(server: http.server.ThreadingHTTPServer) -> None:
    bodies = [b"%d" % number for number in range(50)] + [b"bad"]
    load = send(server.server_port, "/", bodies, 3)
    assert sorted(body for _, body in _Handler.seen) == sorted(bodies)
    assert len({client for client, _ in _Handler.seen}) == 3
    assert load.statuses == {200: 50, 422: 1}
    assert len(load.took) == 51
    assert load.lost == 0
    assert load.overall > 0
    assert 0 < load.milliseconds(50) <= load.milliseconds(99)


def test_the_stopwatch_counts_a_call_inside_another_once() -> None:
    watch = Stopwatch()
    spin = watch.timed("inner", lambda: sum(range(200_000)))
    outer = watch.timed("outer", lambda: spin() + spin())
    outer()
    assert len(watch.taken["inner"]) == 2
    assert len(watch.taken["outer"]) == 1
    assert watch.taken["outer"][0] < sum(watch.taken["inner"])


def test_stages_are_joined_event_by_event() -> None:
    watch = Stopwatch()
    watch.taken = {"a": [1.0, 2.0], "b": [10.0, 20.0], "c": [5.0]}
    watch.join("rows", "a", "b")
    assert watch.taken == {"rows": [11.0, 22.0], "c": [5.0]}
