"""Who may do what: scopes, the shared key, and the one check that every route passes."""

from __future__ import annotations

import hmac
from enum import StrEnum

from riskloom.errors import Forbidden, Unauthorized
from riskloom.server.settings import Settings


class Scope(StrEnum):
    """What a route needs."""

    PUBLIC = "public"
    EVENTS_WRITE = "events:write"
    DECISIONS_READ = "decisions:read"
    MODELS_READ = "models:read"
    MODELS_WRITE = "models:write"


_LOCAL_HOSTS = frozenset({b"localhost", b"127.0.0.1", b"[::1]", b"testserver"})


class Access:
    """Checks requests.

    On loopback without a key everybody on this machine has all scopes; a request that names another host is refused,
    so that no web page can reach the server under a name of its own. With a key, it is needed for everything but
    health.
    """

    def __init__(self, settings: Settings) -> None:
        self._key = settings.api_key.get_secret_value().encode() if settings.api_key else b""

    def check(self, scope: Scope, authorization: bytes | None, host: bytes | None) -> None:
        """Let a request pass.

        Parameters
        ----------
        authorization, host
            The headers of these names.

        Raises
        ------
        Unauthorized
            Without the key, or with a wrong one.
        Forbidden
            When a keyless server is asked for under a name that is not this machine's.
        """
        if not self._key:
            if host is not None and _name(host) not in _LOCAL_HOSTS and not _name(host).startswith(b"127."):
                raise Forbidden(
                    f"This server answers to localhost only, not to {host.decode('latin-1')!r}.",
                    hint="configure RISKLOOM_API_KEY to serve under other names",
                )
            return
        if scope is Scope.PUBLIC:
            return
        kind, _, given = (authorization or b"").partition(b" ")
        if kind.lower() != b"bearer" or not hmac.compare_digest(given.strip(), self._key):
            raise Unauthorized(
                "This needs the shared key." if authorization is None else "The key is not the right one.",
                hint="send the header 'Authorization: Bearer <RISKLOOM_API_KEY>'",
            )


def _name(host: bytes) -> bytes:
    """The host without its port."""
    host = host.lower()
    if host.startswith(b"["):
        return host.partition(b"]")[0] + b"]"
    return host.partition(b":")[0]
