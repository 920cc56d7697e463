"""Runs the server (uvicorn on uvloop and httptools, one process), or a relay alone, until told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import socket
from collections.abc import Callable, Iterator, Sequence

import structlog
import uvicorn

from riskloom.bundle import Bundle
from riskloom.clock import SystemClock
from riskloom.errors import Conflict, Fault, ParameterInvalid
from riskloom.scenario.scenario import Scenario
from riskloom.server.app import create_app
from riskloom.server.db import database_url, open_engine
from riskloom.server.protocol import HotProtocol
from riskloom.server.rebuild import Progress
from riskloom.server.relay import Relay, open_relay
from riskloom.server.runtime import running
from riskloom.server.served import Runtime
from riskloom.server.settings import Settings


def serve(
    settings: Settings,
    bundles: Sequence[Bundle],
    *,
    say: Callable[[str], None],
    progress: Progress | None = None,
) -> None:
    """Serve a bundle of each scenario until SIGINT or SIGTERM; then commit what is queued, and snapshot.

    Raises
    ------
    Conflict
        When the port is taken.
    """
    _configure_logs(settings)
    listening = _listen(settings.host, settings.port)
    try:
        import uvloop

        runner = uvloop.run
    except ImportError:  # Windows: no uvloop there
        runner = asyncio.run
    with listening:
        runner(_serve(settings, bundles, listening, say, progress))


async def _serve(
    settings: Settings,
    bundles: Sequence[Bundle],
    listening: socket.socket,
    say: Callable[[str], None],
    progress: Progress | None,
) -> None:
    async with running(settings, bundles, say=say, progress=progress) as served:
        config = uvicorn.Config(
            create_app(served),
            http=HotProtocol,
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=10,
        )
        host, port = listening.getsockname()[:2]
        about = ", ".join(f"{one.bundle.scenario.name} ({_about(one)})" for one in served.all)
        say(f"serving {about} on http://{host}:{port} — docs at /docs")
        gc.collect()
        gc.freeze()  # what is there now stays: the collector need not look at it again
        await _Server(config).serve(sockets=[listening])


def relay(settings: Settings, scenarios: Sequence[Scenario], *, say: Callable[[str], None]) -> None:
    """Deliver the notices of a server's database until SIGINT or SIGTERM.

    Raises
    ------
    ParameterInvalid
        When a channel that a scenario names is not configured.
    """
    _configure_logs(settings)
    engine = open_engine(database_url(settings.database_url))
    try:
        asyncio.run(_relay(open_relay(settings, engine, lambda: scenarios, SystemClock()), scenarios, say))
    finally:
        engine.dispose()


async def _relay(relay: Relay, scenarios: Sequence[Scenario], say: Callable[[str], None]) -> None:
    for scenario in scenarios:
        relay.channels.check(scenario.name, scenario.notices.channels)
    stopped = asyncio.Event()
    for one in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(one, stopped.set)
    async with relay.at_work():
        say(f"delivering notices of {', '.join(scenario.name for scenario in scenarios)}")
        await stopped.wait()


def _about(runtime: Runtime) -> str:
    model = runtime.bundle.model
    if model is None:
        return "rules alone, no model yet"
    return f"{model.kind} of {model.info.get('trained_rows')} rows"


class _Server(uvicorn.Server):
    """Ends on SIGINT and SIGTERM without raising them again, so that what is queued is committed after it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Hear the signals while serving."""
        heard = {one: signal.signal(one, self.handle_exit) for one in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for one, before in heard.items():
                signal.signal(one, before)


def _listen(host: str, port: int) -> socket.socket:
    """A bound socket, before anything else is opened: a busy port is known at once."""
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise ParameterInvalid(Fault("host", "an address of this machine", host, str(error))) from error
    listening = socket.socket(family, kind, proto)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(address)
    except OSError as error:
        listening.close()
        raise Conflict(
            f"{host}:{port} cannot be used: {error.strerror}.", hint="choose another with --port"
        ) from error
    listening.listen(1024)
    return listening


def _configure_logs(settings: Settings) -> None:
    level = logging.getLevelNamesMapping().get(settings.log_level.upper(), logging.INFO)
    logging.basicConfig(level=max(level, logging.WARNING), format="%(message)s")
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if settings.log_json
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
    )
