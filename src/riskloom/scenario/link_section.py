"""Reads `links`: which entities are linked, and from how many neighbours on a node is a hub."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from riskloom.errors import nearest, show
from riskloom.graph.spec import HUB, MOST_LINKS, LinkSpec
from riskloom.scenario.document import Document, Path

_KEYS = ("between", "hub", "hubs", "most")
_MOST_PAIRS, _LARGEST_HUB, _ROOM = 16, 1_000, 50_000_000


def read_links(document: Document, entities: Mapping[str, str]) -> LinkSpec:
    """The link graph; where nothing is declared the main entity is linked with each other one."""
    data = document.mapping(document.data, (), _KEYS)
    names = list(entities)
    hub = _whole(document, data, "hub", (), HUB, _LARGEST_HUB)
    hubs = document.mapping(data.get("hubs"), ("hubs",), names)
    return LinkSpec(
        tuple(entities.values()),
        _read_pairs(document, data.get("between"), names),
        tuple(_whole(document, hubs, name, ("hubs",), hub, _LARGEST_HUB) for name in names),
        _whole(document, data, "most", (), MOST_LINKS, _ROOM),
    )


def _read_pairs(document: Document, given: object, names: list[str]) -> tuple[tuple[int, int], ...]:
    if given is None:
        return tuple((0, other) for other in range(1, len(names)))
    pairs: list[tuple[int, int]] = []
    listed = document.items(given, ("between",))
    if len(listed) > _MOST_PAIRS:
        document.fault(("between",), f"at most {_MOST_PAIRS} pairs", str(len(listed)))
    for at, pair in enumerate(listed[:_MOST_PAIRS]):
        path: Path = ("between", at)
        if not isinstance(pair, list) or len(pair) != 2 or pair[0] == pair[1]:
            document.fault(path, "two different entities, such as [user, device]", show(pair))
            continue
        unknown = [name for name in pair if name not in names]
        for name in unknown:
            document.fault(path, f"one of {', '.join(names)}", show(name), nearest(str(name), names))
        if unknown:
            continue
        first, second = sorted(map(names.index, pair))
        if (first, second) in pairs:
            document.fault(path, "each pair once", show(pair))
        pairs.append((first, second))
    return tuple(pairs)


def _whole(
    document: Document, holder: Mapping[str, Any], key: str, path: Path, default: int, most: int
) -> int:
    value = holder.get(key, default)
    if type(value) is not int or not 0 <= value <= most:
        document.fault((*path, key), f"a whole number from 0 to {most:,}", show(value))
        return default
    return value
