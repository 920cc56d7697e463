"""The channels of this server: names to drivers, from the setting `RISKLOOM_CHANNELS`.

Only who starts the server says where notices go; scenarios and the API know channels by name.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from riskloom.adapters.notifiers import kind_of, open_notifier
from riskloom.clock import Clock
from riskloom.errors import Fault, NotFound, ParameterInvalid, RiskloomError, Undelivered, nearest, show
from riskloom.ports.notifier import Notice, Notifier
from riskloom.scenario.notices_section import CHANNEL
from riskloom.server.notices.message import sample_notice

SETTING = "RISKLOOM_CHANNELS"
LOG = "log://alerts.log"
PER_MINUTE = 60


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel, and the most notices it gets in any minute; 0 is no limit."""

    name: str
    kind: str
    notifier: Notifier
    per_minute: int

    async def send(self, notice: Notice, timeout_s: float) -> str:
        """Try once, for so long at most, whatever the driver waits for.

        Raises
        ------
        Undelivered, DeliveryRefused
        """
        try:
            return await asyncio.wait_for(self.notifier.send(notice), timeout_s)
        except TimeoutError as error:
            raise Undelivered(f"No answer within {timeout_s:g} s.") from error


class Channels:
    """Every channel there is; `log` is always one of them."""

    def __init__(self, channels: Iterable[Channel]) -> None:
        self._channels: Mapping[str, Channel] = {channel.name: channel for channel in channels}

    def __iter__(self) -> Iterator[Channel]:
        return iter(self._channels.values())

    def __contains__(self, name: str) -> bool:
        return name in self._channels

    def of(self, name: str) -> Channel:
        """The channel of a name.

        Raises
        ------
        NotFound
        """
        channel = self._channels.get(name)
        if channel is None:
            hint = nearest(name, self._channels) or f"there are: {', '.join(self._channels)}"
            raise NotFound(f"There is no channel {show(name)}.", hint=hint)
        return channel

    def check(self, scenario: str, names: Iterable[str]) -> None:
        """Refuse a scenario that names channels which are not here.

        Raises
        ------
        ParameterInvalid
        """
        faults = [
            Fault(f"{SETTING}.{name}", f"the URL of this channel of {scenario}", "nothing", self._hint(name))
            for name in names
            if name not in self
        ]
        if faults:
            raise ParameterInvalid(faults)

    def _hint(self, name: str) -> str:
        return nearest(name, self._channels) or f'{SETTING}={{"{name}": "slack+https://..."}}'

    async def test(self, name: str, clock: Clock, timeout_s: float) -> dict[str, Any]:
        """Send a test notice now, past the outbox.

        Raises
        ------
        NotFound, Undelivered, DeliveryRefused
        """
        channel, start = self.of(name), time.perf_counter()
        said = await channel.send(sample_notice(name, clock.now_us()), timeout_s)
        took_ms = round((time.perf_counter() - start) * 1000, 1)
        return {"channel": name, "delivered": True, "said": said, "took_ms": took_ms}

    async def close(self) -> None:
        """Let go of connections."""
        for channel in self:
            await channel.notifier.close()


def open_channels(setting: str | None, folder: str | Path) -> Channels:
    """The channels of the setting, a JSON object of names and URLs; relative files begin in `folder`.

    Behind a `#` of a URL stands what is about the channel: `#per_minute=30`.

    Raises
    ------
    ParameterInvalid
        With every fault; none quotes a URL.
    """
    try:
        named = json.loads(setting) if setting else {}
    except ValueError:
        named = None
    if not isinstance(named, dict):
        raise ParameterInvalid(
            Fault(SETTING, 'a JSON object such as {"ops": "slack+https://..."}', "no such")
        )
    channels: list[Channel] = []
    faults: list[Fault] = []
    for name, url in {"log": LOG, **named}.items():
        try:
            channels.append(_open(name, url, Path(folder)))
        except ParameterInvalid as error:
            faults += error.faults
    if faults:
        raise ParameterInvalid(faults)
    return Channels(channels)


def _open(name: str, url: object, folder: Path) -> Channel:
    where = f"{SETTING}.{name}"
    if not CHANNEL.fullmatch(name):
        raise ParameterInvalid(Fault(SETTING, "names in small letters, digits, - and _", show(name)))
    if not isinstance(url, str):
        raise ParameterInvalid(Fault(where, "a URL", type(url).__name__))
    address, _, about = url.partition("#")
    kind = kind_of(address, where)
    per_minute = 0 if kind == "log" else PER_MINUTE
    if about:
        option, _, value = about.partition("=")
        if option != "per_minute" or not (value.isascii() and value.isdecimal() and len(value) < 7):
            raise ParameterInvalid(Fault(where, "#per_minute= a whole number; 0 is no limit", show(about)))
        per_minute = int(value)
    return Channel(name, kind, open_notifier(address, where=where, folder=folder), per_minute)


def reason_of(error: Exception) -> str:
    """Why a notice was not delivered, in a line."""
    return error.message if isinstance(error, RiskloomError) else f"{type(error).__name__} of the driver"
