"""A `FakeApi` over HTTP. Start it by hand with `python tests/dashboard/fake_server.py 8900`."""

from __future__ import annotations

import json
import sys
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from fake_api import FakeApi


class FakeServer:
    """A `FakeApi` on a port of its own."""

    def __init__(self, api: FakeApi, port: int = 0) -> None:
        self.api = api
        self._http = ThreadingHTTPServer(("127.0.0.1", port), self._handler(api))
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, daemon=True)

    def __enter__(self) -> FakeServer:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    @staticmethod
    def _handler(api: FakeApi) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                url = urlsplit(self.path)
                asked = {name: values[-1] for name, values in parse_qs(url.query).items()}
                status, body = api.answer(url.path, asked)
                data = json.dumps(body).encode()
                self.send_response(status)
                kind = "application/json" if status == 200 else "application/problem+json"
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args: object) -> None:
                return

        return Handler


if __name__ == "__main__":
    made = FakeApi(now=datetime.now(UTC))
    made.attack()
    with FakeServer(made, int(sys.argv[1])) as running:
        print(running.url, flush=True)
        threading.Event().wait()
