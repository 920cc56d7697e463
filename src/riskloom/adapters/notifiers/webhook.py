"""`webhook`: JSON to any address, signed and timestamped.

    webhook+https://:SECRET@host/path

Headers of a request:

    X-Riskloom-Timestamp   seconds since 1970 when this attempt was made
    X-Riskloom-Signature   v1=<hex of HMAC-SHA256(SECRET, timestamp + "." + body)>
    Idempotency-Key        the same at every attempt of one notice

A receiver checks the signature over the bytes it got, refuses timestamps that are old, and drops keys it
has seen: docs/notices.md has the dozen lines.
"""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

from riskloom.adapters.notifiers.http import Poster
from riskloom.adapters.notifiers.words import Address, as_json
from riskloom.clock import Clock, SystemClock
from riskloom.ports.notifier import Notice

SHORTEST_SECRET = 16


class Webhook:
    """Posts signed JSON to one address."""

    def __init__(self, url: str, secret: bytes, shown: str, clock: Clock) -> None:
        self._poster = Poster(url, lambda text: text.replace(url, shown))
        self._secret = secret
        self._clock = clock
        self.url = shown

    async def send(self, notice: Notice) -> str:
        """Post it, signed as of now."""
        body = as_json(notice).encode()
        timestamp = str(self._clock.now_us() // 1_000_000)
        return await self._poster.post(
            body,
            {
                "Content-Type": "application/json",
                "User-Agent": "riskloom",
                "Idempotency-Key": notice.key,
                "X-Riskloom-Timestamp": timestamp,
                "X-Riskloom-Signature": sign(self._secret, timestamp, body),
            },
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._poster.close()


def sign(secret: bytes, timestamp: str, body: bytes) -> str:
    """The signature of a body sent at a time.

    >>> sign(b"sixteen letters.", "1767225600", b"{}")[:11]
    'v1=4adaa08e'
    """
    return f"v1={hmac.new(secret, timestamp.encode() + b'.' + body, hashlib.sha256).hexdigest()}"


def open_notifier(url: str, where: str, _folder: Path) -> Webhook:
    """The webhook of a URL; connects to nothing."""
    address = Address(url, where)
    scheme = address.parts.scheme.removeprefix("webhook+")
    if scheme not in ("https", "http"):
        address.refuse("webhook+https://:SECRET@host/path", f"{address.parts.scheme}://")
    if not address.host:
        address.refuse("webhook+https://:SECRET@host/path", "no host")
    if len(address.password) < SHORTEST_SECRET:
        got = f"a secret of {len(address.password)} characters"
        address.refuse(
            f"a secret of at least {SHORTEST_SECRET} characters: webhook+https://:SECRET@host/path",
            got,
            "openssl rand -hex 24",
        )
    host = address.parts.netloc.rpartition("@")[2]
    bare = address.parts._replace(scheme=scheme, netloc=host)
    shown = f"webhook+{scheme}://{host}{address.parts.path}"
    return Webhook(bare.geturl(), address.password.encode(), shown, SystemClock())
