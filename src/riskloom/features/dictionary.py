"""Text to small integers and back to bytes: what the state holds of a string is its id."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import itemgetter

import numpy as np
import numpy.typing as npt

from riskloom.errors import BundleInvalid
from riskloom.features.layout import MISSING_ID, UNSEEN_ID, Ints


class Dictionary(dict[str | None, int]):
    """str -> id, None -> MISSING_ID. Indexing with an unknown string gives it a new id; `get` never does.

    Ids of forgotten strings are used again (`forget`).
    """

    __slots__ = ("end", "free")

    def __init__(self) -> None:
        super().__init__({None: MISSING_ID})
        self.free: list[int] = []
        self.end = 0
        """One more than the greatest id ever given."""

    def __missing__(self, key: str | None) -> int:
        if not isinstance(key, str):
            raise TypeError(f"an id column holds text or None, not {type(key).__name__}")
        if self.free:
            given = self.free.pop()
        else:
            given = self.end
            self.end += 1
            if given >= UNSEEN_ID:
                raise OverflowError("a dictionary holds at most 2**31 - 1 strings")
        self[key] = given
        return given

    def ids(self, values: Iterable[str | None]) -> Ints:
        """The ids of many, in order; new strings get theirs."""
        if isinstance(values, np.ndarray):
            values = values.tolist()
        if not isinstance(values, Sequence):
            values = list(values)
        if len(values) < 2:
            return np.array([self[value] for value in values], np.int64)
        return np.fromiter(itemgetter(*values)(self), np.int64, len(values))  # a third faster than a map

    def take_back(self, key: str, given: int) -> None:
        """Undo the last `self[key]` that gave a new id."""
        del self[key]
        if given == self.end - 1:
            self.end -= 1
        else:
            self.free.append(given)

    def forget(self, unused: npt.NDArray[np.bool_]) -> int:
        """Drop the strings whose id is marked; the ids are given again. Returns how many."""
        dead = [(key, given) for key, given in self.items() if given >= 0 and unused[given]]
        for key, given in dead:
            del self[key]
            self.free.append(given)
        return len(dead)

    def arrays(self) -> tuple[npt.NDArray[np.uint8], Ints, Ints]:
        """(UTF-8 bytes end to end, their offsets, their ids)."""
        texts = [key.encode("utf-8", "surrogatepass") for key in self if key is not None]
        offsets = np.zeros(len(texts) + 1, np.int64)
        np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)), out=offsets[1:])
        ids = np.fromiter((given for given in self.values() if given >= 0), np.int64, len(texts))
        return np.frombuffer(b"".join(texts), np.uint8), offsets, ids

    @classmethod
    def of_arrays(cls, data: npt.NDArray[np.uint8], offsets: Ints, ids: Ints) -> Dictionary:
        """The dictionary that `arrays` described; BundleInvalid when they do not fit together."""
        made = cls()
        held = bytes(data)
        bounds = offsets.tolist()
        sound = len(bounds) == len(ids) + 1 and bounds[0] == 0 and bounds[-1] == len(held)
        if not sound or (np.diff(offsets) < 0).any() or (len(ids) and ids.min() < 0):
            raise BundleInvalid("The snapshot's dictionary is damaged.")
        try:
            made.update(
                (held[a:b].decode("utf-8", "surrogatepass"), given)
                for a, b, given in zip(bounds, bounds[1:], ids.tolist(), strict=False)
            )
        except UnicodeDecodeError as error:
            raise BundleInvalid("The snapshot's dictionary is not UTF-8.") from error
        made.end = int(ids.max()) + 1 if len(ids) else 0
        if len(set(made.values())) != len(ids) + 1 or len(made) != len(ids) + 1:
            raise BundleInvalid("The snapshot's dictionary names something twice.")
        made.free = sorted(set(range(made.end)) - set(made.values()), reverse=True)
        return made
