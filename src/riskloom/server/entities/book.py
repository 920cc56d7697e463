"""Keeps the link graph and the index of events by entity up with the log, beside the work.

Both are derived from what is committed, so a commit that fails needs no undoing here, and either can be
thrown away at any time. Nothing of this is on the way of an event.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import structlog

from riskloom.domain.field import FieldType
from riskloom.errors import StoreUnavailable
from riskloom.graph.links import LinkGraph
from riskloom.scenario.scenario import Scenario
from riskloom.server.decisions.record import as_text
from riskloom.server.decisions.repo import DecisionRepo
from riskloom.server.entities.repo import EntityRepo
from riskloom.server.rebuild import decoder

log = structlog.get_logger()
CHUNK = 500
"""Events taken in at once: a few milliseconds in which no question is answered."""
PAUSE_S = 1.0
SNAPSHOT_EVENTS = 200_000
_FIRST_US = -(2**62)


class LinkBook:
    """The link graph of one scenario, as far as its log was read.

    Parameters
    ----------
    scenario
        The one at work; when it links other fields from some moment on, all is read anew.
    folder
        Where the graph is snapshotted.
    """

    def __init__(
        self, log: DecisionRepo, repo: EntityRepo, scenario: Callable[[], Scenario], folder: str
    ) -> None:
        self._log = log
        self._repo = repo
        self._current = scenario
        self._turn = threading.Lock()
        self._reading = threading.Lock()
        self._folder = Path(folder) / "links"
        self._scenario: Scenario | None = None
        self._graph = LinkGraph(scenario().links)
        self._fields: tuple[str, ...] = ()
        self._amount: str | None = None
        self._columns_of = decoder(())
        self._indexed = self._read = self._told = self._saved = 0
        self.is_behind = True
        """Whether the log was not read to its end when it was read last."""

    @property
    def read_until(self) -> int:
        """The arrival number of the last event that was read."""
        return self._read

    @contextlib.contextmanager
    def graph(self) -> Iterator[LinkGraph]:
        """The graph, for reading it alone."""
        with self._turn:
            yield self._graph

    def catch_up(self, most: int = 20_000) -> None:
        """Read the log behind what is known, at most so many events of it.

        What was committed before the call is known after it, unless `is_behind` says otherwise.

        Raises
        ------
        StoreUnavailable
        """
        with self._reading:
            self._begin()
            last_label = self._log.last_label()  # what it is about was committed before it
            done = 0
            for rows in self._log.log(min(self._indexed, self._read), _FIRST_US, CHUNK):
                if done >= most:
                    self.is_behind = True
                    return
                self._take(rows)
                done += len(rows)
            self._tell(last_label)
            self.is_behind = False
            if self._read - self._saved >= SNAPSHOT_EVENTS:
                self.save()

    async def follow(self) -> None:
        """Catch up again and again, until cancelled."""
        while True:
            try:
                await asyncio.to_thread(self.catch_up)
            except (StoreUnavailable, OSError) as error:
                log.warning("links.not_read", reason=str(error))
            await asyncio.sleep(0 if self.is_behind else PAUSE_S)

    def stop(self) -> None:
        """Snapshot the graph; the log is not read any more."""
        try:
            with self._reading:
                self.save()
        except (OSError, StoreUnavailable) as error:
            log.warning("links.no_snapshot", reason=str(error))  # the log has everything

    def _begin(self) -> None:
        """Begin anew where the scenario at work links otherwise, from a snapshot if there is one."""
        scenario = self._current()
        links = None if self._scenario is None else self._scenario.links
        if links == scenario.links:
            return
        self._indexed = self._repo.read_until(scenario.links.fields[1:])
        graph, self._read, self._told = self._load(scenario)
        self._saved = self._read
        with self._turn:
            self._scenario, self._graph = scenario, graph
        amount = next((field.name for field in scenario.fields if field.type is FieldType.MONEY), None)
        self._fields, self._amount = scenario.links.fields, amount
        self._columns_of = decoder((*self._fields, *([] if amount is None else [amount])))

    def _take(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Take a chunk of the log into the graph and the index, each from where it is on."""
        last = rows[-1][0]
        arrivals, times, _, texts = list(zip(*rows, strict=True))[:4]
        columns = self._columns_of(texts)
        keys = [columns[field] for field in self._fields]
        amounts = [0] * len(rows) if self._amount is None else [held or 0 for held in columns[self._amount]]
        fresh = sum(arrival <= self._read for arrival in arrivals)
        if fresh < len(rows):
            with self._turn:
                self._graph.add_many([column[fresh:] for column in keys], times[fresh:], amounts[fresh:])
            self._read = last
        if self._indexed < last:
            self._repo.put(
                [
                    (field, key, arrival)
                    for field, column in zip(self._fields[1:], keys[1:], strict=True)
                    for arrival, key in zip(arrivals, column, strict=True)
                    if key is not None and arrival > self._indexed
                ],
                last,
            )
            self._indexed = last

    def _tell(self, last_label: int) -> None:
        """Take in what events turned out to be, up to a label."""
        for rows in self._log.facts(self._told, last_label, _FIRST_US, CHUNK):
            columns = self._columns_of([row[4] for row in rows])
            with self._turn:
                for at, (_, about, truth, _, _) in enumerate(rows):
                    self._graph.tell_one([columns[field][at] for field in self._fields], about, bool(truth))
            self._told = rows[-1][0]

    # ---------------------------------------------------------------- snapshots

    def save(self) -> None:
        """Write a snapshot of the graph; whole or not at all.

        Raises
        ------
        OSError, StoreUnavailable
        """
        mark = self._log.mark_at(self._read)
        if mark is None or self._scenario is None:
            return
        path = self._path(self._scenario)
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._turn:
            arrays = self._graph.snapshot()
        arrays["mark"] = np.frombuffer(mark + _named(self._scenario), np.uint8)
        arrays["position"] = np.array([self._read, self._told], np.int64)
        beside = path.with_name(f".{os.getpid()}-{path.name}")
        with beside.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
        self._saved = self._read

    def _load(self, scenario: Scenario) -> tuple[LinkGraph, int, int]:
        """(graph, last event, last label) of the snapshot; an empty graph where there is none of this log."""
        empty = LinkGraph(scenario.links), 0, 0
        try:
            with self._path(scenario).open("rb") as file, np.load(file, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
            read, told = arrays["position"].tolist()
            mark = self._log.mark_at(read)
            if mark is None or arrays["mark"].tobytes() != mark + _named(scenario):
                return empty  # another database, an older backup of this one, or other links
            return LinkGraph.restore(scenario.links, arrays), read, told
        except (OSError, EOFError, ValueError, KeyError, IndexError, zipfile.BadZipFile):
            return empty  # none, or damaged: the log has everything

    def _path(self, scenario: Scenario) -> Path:
        return self._folder / f"{scenario.name}.npz"


def _named(scenario: Scenario) -> bytes:
    """What a graph of these links is known by."""
    links = scenario.links
    return as_text([links.fields, links.pairs, links.hubs, links.most]).encode()
