"""When a notice is tried again."""

from __future__ import annotations

from hashlib import blake2b

FIRST_US = 2_000_000
LONGEST_US = 30 * 60_000_000


def backoff_us(key: str, attempt: int, first_us: int = FIRST_US) -> int:
    """How long to wait after attempt 1, 2, ...: twice as long each time, half an hour at most.

    Spread over half of that to one and a half by a hash of key and attempt, so that what failed together does
    not come back together, and comes back the same wherever it is computed.

    >>> [backoff_us("42:0:ops", attempt) // 1_000_000 for attempt in (1, 2, 3, 30)]
    [2, 4, 5, 908]
    """
    digest = blake2b(f"{key}#{attempt}".encode(), digest_size=8).digest()
    share = int.from_bytes(digest, "big") / 2**64
    return int(min(first_us * 2 ** min(attempt - 1, 40), LONGEST_US) * (0.5 + share))
