"""One POST, and what its answer means; for `slack` and `webhook`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import httpx

from riskloom.errors import DeliveryRefused, Undelivered

TIMEOUT_S = 10.0
_LATER = frozenset({408, 409, 421, 423, 425, 429})
"""Of the 4xx: what the same request may be answered better to another time."""
_LONGEST_ANSWER = 200


class Poster:
    """Posts to one address, over kept connections; follows no redirect, so that what the operator wrote is
    where it goes.

    Parameters
    ----------
    hide
        Takes what is secret out of texts that quote the address.
    """

    def __init__(self, url: str, hide: Callable[[str], str]) -> None:
        self._url = url
        self._hide = hide
        self._tls = httpx.create_ssl_context()  # slow to make, so not on the event loop
        self._client: httpx.AsyncClient | None = None

    async def post(self, body: bytes, headers: Mapping[str, str]) -> str:
        """Send; returns the status and the first line of the answer.

        Raises
        ------
        Undelivered, DeliveryRefused
        """
        if self._client is None:
            self._client = httpx.AsyncClient(verify=self._tls, timeout=TIMEOUT_S)
        try:
            async with self._client.stream("POST", self._url, content=body, headers=headers) as answer:
                said = await _beginning(answer)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            what = self._hide(str(error)) or type(error).__name__
            raise Undelivered(f"No answer: {what}.") from error
        return _judge(answer, self._hide(said))

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None


async def _beginning(answer: httpx.Response) -> str:
    """The first line of a body, however long that is."""
    body = b""
    async for chunk in answer.aiter_raw():
        body += chunk
        if len(body) >= _LONGEST_ANSWER:
            break
    lines = body[:_LONGEST_ANSWER].decode("utf-8", "replace").strip().splitlines()
    return lines[0] if lines else ""


def _judge(answer: httpx.Response, said: str) -> str:
    status = answer.status_code
    words = f"{status} {said}".strip()
    if 200 <= status < 300:
        return words
    if status >= 500 or status in _LATER:
        raise Undelivered(f"Answered {words}.", after_s=_retry_after(answer))
    raise DeliveryRefused(f"Answered {words}.", hint="mend the channel's URL or its receiver, then replay")


def _retry_after(answer: httpx.Response) -> float:
    text = answer.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdecimal() and len(text) < 7 else 0.0
