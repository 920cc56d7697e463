"""Who may do what: scopes, the shared key, and the one check that every route passes."""

from __future__ import annotations

import functools
import hmac
import ipaddress
from collections.abc import Mapping
from enum import StrEnum

from riskloom.errors import Forbidden, Unauthorized, show
from riskloom.server.settings import Settings


class Scope(StrEnum):
    """What a route needs."""

    PUBLIC = "public"
    EVENTS_WRITE = "events:write"
    DECISIONS_READ = "decisions:read"
    LABELS_READ = "labels:read"
    LABELS_WRITE = "labels:write"
    MODELS_READ = "models:read"
    POLICY_READ = "policy:read"
    POLICY_WRITE = "policy:write"
    MODELS_WRITE = "models:write"
    ALERTS_READ = "alerts:read"
    ALERTS_WRITE = "alerts:write"
    CASES_READ = "cases:read"
    CASES_WRITE = "cases:write"


class Access:
    """Checks requests.

    On loopback without a key everybody on this machine has all scopes; a request that names another
    host, or that a web page of another host makes, is refused: no page may reach the server through
    somebody's browser. With a key, it is needed for everything but health and the API's own description.
    """

    def __init__(self, settings: Settings) -> None:
        self._key = settings.api_key.get_secret_value().encode() if settings.api_key else b""

    def check(self, scope: Scope, headers: Mapping[bytes, bytes]) -> None:
        """Let a request with these headers (names in lower case) pass.

        Raises
        ------
        Unauthorized
            Without the key, or with a wrong one.
        Forbidden
            When a keyless server is asked for under a name that is not this machine's, or by a page from
            elsewhere.
        """
        if not self._key:
            host, origin = headers.get(b"host"), headers.get(b"origin")
            if host is not None and not _is_local(host):
                raise _foreign("This server answers to localhost only", host)
            if origin is not None and not _is_local(origin.partition(b"://")[2]):
                raise _foreign("This server answers to pages of localhost only", origin)
            return
        if scope is Scope.PUBLIC:
            return
        authorization = headers.get(b"authorization", b"")
        kind, _, given = authorization.partition(b" ")
        if kind.lower() != b"bearer" or not hmac.compare_digest(given.strip(), self._key):
            raise Unauthorized(
                "The key is not the right one." if authorization else "This needs the shared key.",
                hint="send the header 'Authorization: Bearer <RISKLOOM_API_KEY>'",
            )


def _foreign(what: str, name: bytes) -> Forbidden:
    hint = "configure RISKLOOM_API_KEY to serve under other names"
    return Forbidden(f"{what}, not to {show(name.decode('latin-1'))}.", hint=hint)


@functools.lru_cache(maxsize=256)
def _is_local(host: bytes) -> bool:
    """Whether a host, with or without a port, is this machine by its very name."""
    name = host.decode("latin-1").lower()
    name = name[1:].partition("]")[0] if name.startswith("[") else name.partition(":")[0]
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
