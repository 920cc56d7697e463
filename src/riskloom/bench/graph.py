"""The link graph at a million edges: a neighbourhood of two hops, rings, and taking events in.

The events follow power laws: most people have a device or two, and a few shops and addresses have thousands
of people, which makes them hubs. What is asked for follows them, too: half are people, half are shops.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import numpy as np

from riskloom.bench.report import Figure, Part
from riskloom.bench.sizes import Sizes
from riskloom.graph.links import LinkGraph, Neighbourhood
from riskloom.graph.spec import LinkSpec

P99_MS = 50.0
SEED = 7
CHUNK = 20_000
HOPS, MOST = 2, 500
SPEC = LinkSpec(("user", "device", "ip", "merchant"), ((0, 1), (0, 2), (0, 3)), (50, 50, 50, 50))


def measure(sizes: Sizes, folder: Path, say: Callable[[str], None]) -> Part:
    """Build the graph, then ask for neighbourhoods of people and of shops, as JSON."""
    say(f"graph: {sizes.links:,} edges")
    graph = LinkGraph(SPEC)
    processor, events = time.process_time(), 0
    for keys in _chunks(sizes.links):
        graph.add_many(keys, [0] * len(keys[0]), [0] * len(keys[0]))
        events += len(keys[0])
        if graph.links >= sizes.links:
            break
    taken = (time.process_time() - processor) / events
    say(f"graph: {sizes.neighbourhoods:,} neighbourhoods")
    people, _, _, shops = next(_chunks(sizes.links))
    half = sizes.neighbourhoods // 2
    asked = [graph.find(0, str(key)) for key in people[:half]] + [
        graph.find(3, str(key)) for key in shops[:half]
    ]
    answered = [_ask(graph, number) for number in asked if number is not None]
    times = np.array([one[0] for one in answered]) * 1e3
    sizes_shown = [len(found.nodes) for _, found in answered]
    before = time.perf_counter()
    graph.components(50)
    rings = time.perf_counter() - before
    note = f"{len(graph):,} nodes, {graph.links:,} edges; {np.mean(sizes_shown):.0f} nodes shown on average"
    return Part(
        "graph",
        [
            Figure(
                f"neighbourhood, {HOPS} hops, {MOST} nodes, as JSON (p99)",
                float(np.percentile(times, 99)),
                "ms",
                P99_MS,
                note=note,
            ),
            Figure(
                "neighbourhood (median)", float(np.median(times)), "ms", note=f"most {max(sizes_shown)} nodes"
            ),
            Figure("the 50 largest rings", rings * 1e3, "ms"),
            Figure("an event taken in (mean)", taken * 1e6, "µs", note="of processor time"),
        ],
    )


def _ask(graph: LinkGraph, number: int) -> tuple[float, Neighbourhood]:
    before = time.perf_counter()
    found = graph.neighbourhood(number, HOPS, MOST)
    graph.component(number)
    msgspec.json.encode(found)
    return time.perf_counter() - before, found


def _chunks(links: int) -> Iterator[list[list[str | None]]]:
    """Events without end; their fields' values are drawn by power laws."""
    dice = np.random.default_rng(SEED)
    users = max(links // 5, 10)
    while True:
        people = (users * dice.power(0.6, CHUNK)).astype(np.int64)
        own = dice.integers(0, 3, CHUNK)
        shared = dice.random(CHUNK) < 0.05
        devices = np.where(shared, (users * dice.power(0.2, CHUNK)).astype(np.int64), people * 3 + own)
        addresses = dice.zipf(1.3, CHUNK) % (users // 2 + 1)
        shops = dice.zipf(1.5, CHUNK) % 20_000
        columns = (people, devices, addresses, shops)
        yield [[f"{name}{one}" for one in column] for name, column in zip("udim", columns, strict=True)]
