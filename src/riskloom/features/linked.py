"""Features of who is linked with whom: the size of a component, and the known frauds next to an entity.

They have no window: a component forgets nothing, for what was joined cannot be parted. Features of the same
links share one graph. It takes in what the windows take in, in the same order.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from riskloom.features.layout import NULL, Floats, Ints
from riskloom.features.spec import COMPONENT_SIZE, LINKED, WindowFeature
from riskloom.graph.links import LinkGraph
from riskloom.graph.spec import MOST_LINKS, LinkSpec

Values = Mapping[str, Any]
Columns = tuple[str, ...]
_Places = list[tuple[int, WindowFeature]]


class Linked:
    """The linked features of a declaration, over the events taken in so far."""

    def __init__(self, features: Sequence[WindowFeature]) -> None:
        groups: dict[tuple[Columns, int], _Places] = {}
        for number, feature in enumerate(features):
            if feature.aggregate in LINKED:
                columns = (feature.entity_column, *feature.of)
                groups.setdefault((columns, feature.hub), []).append((number, feature))
        self._groups = tuple((columns, places) for (columns, _), places in groups.items())
        self._graphs = [LinkGraph(_spec(*declared)) for declared in groups]
        self._seen: Values = {}

    def __bool__(self) -> bool:
        return bool(self._groups)

    def look_one(self, values: Values, late: bool, raw: Ints, out: Floats) -> None:
        """Fill in the integer and the float of each feature for an event."""
        self._seen = values
        for (columns, places), graph in zip(self._groups, self._graphs, strict=True):
            keys = [values.get(column) for column in columns]
            for number, feature in places:
                found = NULL
                if not late and keys[0] is not None:
                    found = graph.look_one(keys, feature.include_current)[_which(feature)]
                raw[number, 0] = found
                out[number] = math.nan if found == NULL else float(found)

    def advance_one(self, late: bool) -> None:
        """Take in the event last looked at."""
        for (columns, _), graph in zip(self._groups, self._graphs, strict=True):
            graph.run_many([[self._seen.get(column)] for column in columns], np.array([late]), False)

    def run_many(
        self, values: Mapping[str, Sequence[Any]], late: npt.NDArray[np.bool_], out: Floats | None
    ) -> None:
        """Look at events, where there is an `out` for them, and take each in before the next."""
        for (columns, places), graph in zip(self._groups, self._graphs, strict=True):
            keys = [values[column] for column in columns]
            found = graph.run_many(keys, late, out is not None)
            if out is not None:
                is_null = late | np.array([key is None for key in keys[0]], np.bool_)
                for number, feature in places:
                    numbers = found[:, 2 * feature.include_current + _which(feature)]
                    out[:, number] = np.where(is_null, math.nan, numbers)

    def tell_one(self, values: Values, arrival: int, fraud: bool) -> bool:
        """The event of this arrival number, and so its entity, is known as a fraud, or no more."""
        news = [
            graph.tell_one([values.get(columns[0]), *[None] * (len(columns) - 1)], arrival, fraud)
            for (columns, _), graph in zip(self._groups, self._graphs, strict=True)
        ]
        return any(news)

    def snapshot(self) -> dict[str, npt.NDArray[Any]]:
        """Everything as plain arrays (copies)."""
        return {
            f"{name}:{at}": array
            for at, graph in enumerate(self._graphs)
            for name, array in graph.snapshot().items()
        }

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Become what was stored."""
        for at, graph in enumerate(self._graphs):
            own = {name: arrays[f"{name}:{at}"] for name in graph.snapshot()}
            self._graphs[at] = LinkGraph.restore(graph.spec, own)


def _spec(columns: Columns, hub: int) -> LinkSpec:
    pairs = tuple((0, other) for other in range(1, len(columns)))
    return LinkSpec(columns, pairs, (hub,) * len(columns), MOST_LINKS)


def _which(feature: WindowFeature) -> int:
    return 0 if feature.aggregate == COMPONENT_SIZE else 1
