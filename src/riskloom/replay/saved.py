"""`Saved`: how far a replay is, as plain arrays and what JSON can hold; the shell keeps it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from riskloom.domain.columns import Labelled

Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Saved:
    """A replay after some chunk: it goes on from here bit for bit."""

    arrays: Arrays
    told: Mapping[str, Any]

    @property
    def events(self) -> int:
        """How many events were read."""
        return int(self.told["arrival"]) - 1


def under(prefix: str, arrays: Mapping[str, npt.NDArray[Any]]) -> Arrays:
    """The arrays, named under a prefix."""
    return {f"{prefix}/{name}": array for name, array in arrays.items()}


def within(prefix: str, arrays: Mapping[str, npt.NDArray[Any]]) -> Arrays:
    """What `under` named, by its own names."""
    start = f"{prefix}/"
    return {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}


def pack_bytes(parts: Sequence[bytes]) -> Arrays:
    """Pieces of bytes, end to end, and where each begins."""
    bounds = np.cumsum([0, *map(len, parts)], dtype=np.int64)
    return {"data": np.frombuffer(b"".join(parts), np.uint8), "bounds": bounds}


def unpack_bytes(arrays: Mapping[str, npt.NDArray[Any]]) -> list[bytes]:
    """The pieces of `pack_bytes`."""
    held, bounds = arrays["data"].tobytes(), arrays["bounds"].tolist()
    return [held[begin:end] for begin, end in pairwise(bounds)]


def behind(chunks: Iterable[Sequence[Labelled]], events: int) -> Iterator[Sequence[Labelled]]:
    """The chunks behind so many events, which are read and let go."""
    for chunk in chunks:
        if events < len(chunk):
            yield chunk[events:] if events else chunk
        events = max(0, events - len(chunk))
