"""A replay that was interrupted goes on: how far it was, in a folder."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from riskloom.cli.console import say
from riskloom.errors import DataInvalid, Fault, ParameterInvalid, show

if TYPE_CHECKING:
    from riskloom.replay.saved import Saved
    from riskloom.replay.side import Side

FILE = "replay.npz"
SAVING_SHARE = 0.05
"""Of the time of a replay that saving may take at most."""
_TOLD = "told"


class Checkpoint:
    """One file of arrays and JSON in a folder, replaced as a whole; gone when the replay is finished.

    Parameters
    ----------
    order
        What is replayed, by names: another order is refused.
    every_s
        Seconds between savings, at least.
    """

    def __init__(self, folder: Path, order: Mapping[str, Any], every_s: float) -> None:
        self.path = folder / FILE
        self._order = msgspec.to_builtins(order)
        self._every_s = every_s
        self._next_s = time.monotonic() + every_s
        self._is_stopping = False
        self.is_sorted = False
        """Whether the events had to be sorted first."""

    def load(self) -> Saved | None:
        """How far the replay was; None where none was begun.

        Raises
        ------
        ParameterInvalid
            When it was another replay: names all that differs.
        DataInvalid
            When the file is damaged.
        """
        from riskloom.replay.saved import Saved

        if not self.path.is_file():
            return None
        try:
            with self.path.open("rb") as file, np.load(file, allow_pickle=False) as held:
                arrays = {name: held[name] for name in held.files}
            told = msgspec.json.decode(arrays.pop(_TOLD).tobytes())
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, msgspec.DecodeError) as error:
            hint = "delete it to begin anew"
            raise DataInvalid(Fault(str(self.path), "a saved replay", str(error), hint)) from error
        was = told["order"]
        faults = [
            Fault(
                f"resume: {name}",
                f"as it was begun, {show(was.get(name))}",
                show(self._order.get(name)),
                f"give what was given, or delete {self.path}",
            )
            for name in {**was, **self._order}
            if was.get(name) != self._order.get(name)
        ]
        if faults:
            raise ParameterInvalid(faults)
        self.is_sorted = told["sorted"]
        return Saved(arrays, told["replay"])

    def keep(self, save: Callable[[], Saved]) -> None:
        """Save when it is time; after the first Ctrl-C save and stop."""
        began_s = time.monotonic()
        if began_s < self._next_s and not self._is_stopping:
            return
        saved = save()
        told = {"order": self._order, "sorted": self.is_sorted, "replay": saved.told}
        arrays = {**saved.arrays, _TOLD: np.frombuffer(msgspec.json.encode(told), np.uint8)}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        beside = self.path.with_name(f".{FILE}.part")
        with beside.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self.path)
        ended_s = time.monotonic()
        self._next_s = ended_s + max(self._every_s, (ended_s - began_s) / SAVING_SHARE)
        if self._is_stopping:
            raise KeyboardInterrupt

    def clear(self) -> None:
        """Forget it: the replay is finished, or begins anew."""
        self.path.unlink(missing_ok=True)
        self.path.with_name(f".{FILE}.part").unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # not there, or something else is in it
            self.path.parent.rmdir()

    @contextlib.contextmanager
    def stopping(self) -> Iterator[None]:
        """The first Ctrl-C lets the events in hand be finished and saved; a second one ends at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def stop(*_: object) -> None:
            self._is_stopping = True
            signal.signal(signal.SIGINT, before)

        before = signal.signal(signal.SIGINT, stop)
        try:
            yield
        except KeyboardInterrupt:
            say(f"interrupted; the same command goes on from {self.path}")
            raise
        finally:
            signal.signal(signal.SIGINT, before)


def checkpoint_of(
    folder: Path,
    every_s: float,
    sides: Sequence[Side],
    data: Path | None,
    database: str | None,
    given: Mapping[str, Any],
) -> Checkpoint:
    """Where it is saved how far this replay is; another replay may not go on from it."""
    from riskloom import __version__
    from riskloom.stream import file_digest

    if data is None:
        from riskloom.server.replays.service import opened, recorded_digest

        with opened(database or "") as repo:
            source = recorded_digest(repo, sides[0].bundle.scenario.name)
    else:
        source = file_digest(data) if data.is_file() else ""
    bundles = {f"bundle {side.name}": side.bundle.fingerprint for side in sides}
    period = [given["period"].from_us, given["period"].to_us]
    order = {"riskloom": __version__, "data": source, **bundles, **given, "period": period}
    return Checkpoint(folder, order, every_s)
