"""A short way through uvicorn's HTTP protocol for scoring requests: no task, no ASGI messages between.

It takes requests with nothing unusual about them; every other one goes the way of `HttpToolsProtocol`, and is
answered the same. One answer is written at a time, so a client that does not read is not run ahead of.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from riskloom.errors import RiskloomError
from riskloom.server.decisions.service import Begun
from riskloom.server.hot import LONGEST_SHORT, HotRoute, answer_of_error

_FAILED = b"Internal Server Error"
_FAILED_HEADERS = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"21")]


class _Never:
    """Stands for the event by which ASGI learns of more to read: nobody waits for it here."""

    def set(self) -> None:
        """Nothing."""


class ShortCycle:
    """One request on the short way; the attributes are those uvicorn looks at."""

    __slots__ = ("body", "disconnected", "headers", "keep_alive", "path", "response_complete")
    message_event = _Never()

    def __init__(self, path: str, headers: dict[bytes, bytes]) -> None:
        self.path = path
        self.headers = headers
        self.body = b""
        self.keep_alive = True
        self.disconnected = False
        self.response_complete = False


class HotProtocol(HttpToolsProtocol):
    """uvicorn's protocol with the short way in front."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        app = self.app
        usual = self.limit_concurrency is None and not self.root_path and not self.config.access_log
        self._hot: HotRoute | None = app if isinstance(app, HotRoute) and usual else None
        self._paths = {} if self._hot is None else {path.encode(): path for path in self._hot.paths}

    def on_headers_complete(self) -> None:
        """Choose the way."""
        path = self._paths.get(self.url)
        if path is not None and self._hot is not None and self._is_usual():
            headers = dict(self.headers)
            length = headers.get(b"content-length", b"")
            if length.isdigit() and len(length) < 9 and int(length) <= LONGEST_SHORT:
                self.cycle = ShortCycle(path, headers)  # type: ignore[assignment]
                return
        super().on_headers_complete()

    def _is_usual(self) -> bool:
        parser, cycle = self.parser, self.cycle
        return (
            (cycle is None or cycle.response_complete)
            and not self.expect_100_continue
            and not self.flow.write_paused
            and parser.get_method() == b"POST"
            and not parser.should_upgrade()
            and parser.get_http_version() == "1.1"
            and parser.should_keep_alive()
        )

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        cycle: Any = self.cycle
        if type(cycle) is ShortCycle:
            cycle.body = cycle.body + body if cycle.body else body
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The whole request is here."""
        cycle: Any = self.cycle
        if type(cycle) is not ShortCycle or self._hot is None:
            super().on_message_complete()
            return
        try:
            begun = self._hot.begin(cycle.path, cycle.headers, cycle.body)
        except RiskloomError as error:
            self._write(cycle, *answer_of_error(error))
        except Exception as error:  # noqa: BLE001 - as uvicorn does: the client is told, the log says what
            self._fail(cycle, error)
        else:
            waiting = begun[2]
            if begun[1] is None or waiting is None:
                task = self.loop.create_task(self._repeat(cycle, begun))
                self.tasks.add(task)
                task.add_done_callback(self.tasks.discard)
            else:
                waiting.add_done_callback(lambda done: self._answer(cycle, begun, done))

    def _answer(self, cycle: ShortCycle, begun: Begun, done: asyncio.Future[None]) -> None:
        """The commit is done, or has failed."""
        try:
            done.result()
            if self._hot is not None and not cycle.disconnected:
                self._write(cycle, *self._hot.answer(cycle.path, begun))
        except RiskloomError as error:
            self._write(cycle, *answer_of_error(error))
        except Exception as error:  # noqa: BLE001
            self._fail(cycle, error)

    async def _repeat(self, cycle: ShortCycle, begun: Begun) -> None:
        """An event that is stored already, or that another request is storing."""
        if self._hot is None:
            return
        try:
            self._write(cycle, *await self._hot.repeat(cycle.path, begun))
        except RiskloomError as error:
            self._write(cycle, *answer_of_error(error))
        except Exception as error:  # noqa: BLE001
            self._fail(cycle, error)

    def _fail(self, cycle: ShortCycle, error: Exception) -> None:
        self.logger.error("Exception in ASGI application\n", exc_info=error)
        cycle.keep_alive = False
        self._write(cycle, 500, _FAILED_HEADERS, _FAILED)

    def _write(self, cycle: ShortCycle, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        cycle.response_complete = True
        if cycle.disconnected or self.transport.is_closing():
            return
        lines = [STATUS_LINE[status]]
        for name, value in self.server_state.default_headers:
            lines += (name, b": ", value, b"\r\n")
        for name, value in headers:
            lines += (name, b": ", value, b"\r\n")
        lines += (b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n", body)
        self.transport.write(b"".join(lines))
        if not cycle.keep_alive:
            self.transport.close()
        self.on_response_complete()
