"""Builds the state from the log of events and labels, with a snapshot to make it faster. State is derived:
this is always right."""

from __future__ import annotations

import gc
import os
import shutil
import zipfile
from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from riskloom.bundle import Bundle
from riskloom.errors import BundleInvalid
from riskloom.features.state import WindowState
from riskloom.pipeline import Pipeline, fresh_state
from riskloom.server.decisions.repo import DecisionRepo

Progress = Callable[[int], None]
_FILE = "state.npz"


class Snapshots:
    """Snapshots of one scenario's state in a folder; only the newest is kept."""

    def __init__(self, folder: str | Path, bundle: Bundle) -> None:
        features = bundle.scenario.fingerprint("features")
        self._folder = Path(folder) / "state" / f"{bundle.scenario.name}-{features[:16]}"
        self._scenario = bundle.scenario

    def save(self, repo: DecisionRepo, state: WindowState, arrival: int) -> None:
        """Write a snapshot of the state after the entry `arrival`, which is stored; whole or not at all.

        Raises
        ------
        OSError, StoreUnavailable
        """
        mark = repo.mark_at(arrival)
        if mark is None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        for left in self._folder.glob(f".*-{_FILE}"):
            left.unlink(missing_ok=True)  # by a process that was killed while it wrote
        beside = self._folder / f".{os.getpid()}-{_FILE}"
        position = np.frombuffer(arrival.to_bytes(8, "little") + mark, np.uint8)
        state.reclaim()
        with beside.open("wb") as file:
            arrays: dict[str, Any] = {"log_position": position, **state.snapshot()}
            np.savez(file, **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, self._folder / _FILE)

    def load(self, repo: DecisionRepo) -> tuple[WindowState, int]:
        """(state, arrival of its last entry); an empty state and 0 where there is no snapshot of this
        very log."""
        empty = fresh_state(self._scenario), 0
        path = self._folder / _FILE
        if not path.exists():
            return empty
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
            mark = bytes(arrays.pop("log_position"))
            arrival = int.from_bytes(mark[:8], "little")
            if repo.mark_at(arrival) != mark[8:]:
                return empty  # another database, or an older backup of this one
            scenario = self._scenario
            state = WindowState.restore(scenario.windows, scenario.columns, scenario.max_lateness_us, arrays)
        except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, BundleInvalid):
            return empty  # damaged: the log has everything
        return state, arrival

    def clear(self) -> None:
        """Forget the snapshot."""
        shutil.rmtree(self._folder, ignore_errors=True)


def rebuild(
    repo: DecisionRepo, bundle: Bundle, snapshots: Snapshots, progress: Progress | None = None
) -> tuple[Pipeline, int]:
    """(pipeline with the state after the last stored entry of the log, that entry's arrival number).

    Reads the snapshot, then the log behind it as far back as any window reaches: events, then labels, for
    nothing is looked at in between. A server may go on writing meanwhile.
    """
    state, arrival = snapshots.load(repo)
    pipeline = Pipeline(bundle, state)
    columns_of = decoder(pipeline.advance_reads)
    scenario = bundle.scenario
    reach = max((window.reach_us for window in scenario.windows), default=0)
    newest, arrived_us = repo.newest()
    since = arrived_us - reach - scenario.max_lateness_us - scenario.ahead_us
    told, last_label = arrival, repo.last_label() if pipeline.takes_facts else 0
    done = 0
    for rows in _without_collector(repo.log(arrival, since)):
        arrivals, times, arrived, texts = list(zip(*rows, strict=True))[:4]
        pipeline.advance_columns(
            np.array(times, np.int64),
            np.array(arrived, np.int64),
            np.array(arrivals, np.int64),
            columns_of(texts),
        )
        arrival = rows[-1][0]
        done += len(rows)
        if progress is not None:
            progress(done)
    if pipeline.takes_facts:
        arrival = max(arrival, last_label)  # every event before it was stored when it was asked for
        for rows in repo.facts(told, arrival, since):
            columns = columns_of([row[4] for row in rows])
            for at, (_, about, truth, time_us, _) in enumerate(rows):
                values = {name: column[at] for name, column in columns.items()}
                pipeline.tell_one(time_us, values, about, bool(truth))
    return pipeline, max(arrival, newest)


def _without_collector(chunks: Iterator[list[tuple[Any, ...]]]) -> Iterator[list[tuple[Any, ...]]]:
    """The chunks, with the collector of cycles at rest: rows hold none, and it took a fifth of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield from chunks
    finally:
        if was_enabled:
            gc.enable()


def decoder(names: Sequence[str]) -> Callable[[Sequence[str]], dict[str, list[Any]]]:
    """A function from the stored fields of many events, JSON each, to the columns of these names."""
    slots = [f"f{at}" for at in range(len(names))]
    row: Any = msgspec.defstruct(
        "Row", [(slot, Any, None) for slot in slots], rename=dict(zip(slots, names, strict=True)), gc=False
    )
    decoder = msgspec.json.Decoder(list[row])

    def columns_of(texts: Sequence[str]) -> dict[str, list[Any]]:
        found = decoder.decode(f"[{','.join(texts)}]")
        return {name: list(map(attrgetter(slot), found)) for slot, name in zip(slots, names, strict=True)}

    return columns_of


def stored_vector(content: bytes) -> npt.NDArray[np.float64]:
    """A vector as it was frozen."""
    return np.frombuffer(content, np.float64)
