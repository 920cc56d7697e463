"""A state as named plain arrays and back; no pickle, no object arrays."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from riskloom.errors import BundleInvalid
from riskloom.features import layout as at
from riskloom.features.dictionary import Dictionary
from riskloom.features.plan import Plan
from riskloom.features.store import ARRAYS, Store

Arrays = dict[str, npt.NDArray[Any]]
PARTS = ("data", "offsets", "ids")
LINKS = "links:"


def pack(
    plan: Plan,
    store: Store,
    dictionaries: Mapping[str, Dictionary],
    links: Mapping[str, npt.NDArray[Any]],
) -> Arrays:
    """The arrays of a state: its four, three a dictionary, those of its links, the plan's fingerprint, a
    checksum over all."""
    arrays: Arrays = {f"{LINKS}{name}": array for name, array in links.items()}
    for name, array in store.arrays().items():
        arrays[name] = array
    for name, dictionary in dictionaries.items():
        data, offsets, ids = dictionary.arrays()
        arrays[f"data:{name}"], arrays[f"offsets:{name}"], arrays[f"ids:{name}"] = data, offsets, ids
    arrays["plan"] = np.frombuffer(bytes.fromhex(plan.fingerprint), np.uint8)
    arrays["checksum"] = _checksum(arrays)
    return arrays


def unpack(
    plan: Plan, arrays: Mapping[str, npt.NDArray[Any]], links: Collection[str], reserve_bytes: int
) -> tuple[Store, dict[str, Dictionary], Arrays]:
    """The store, the dictionaries and the arrays of these names of the links of `pack`.

    Raises
    ------
    BundleInvalid
        When they are for another plan, incomplete, or do not match their checksum.
    """
    names = {c.dictionary or c.name for c in plan.columns if c.kind == "id"}
    wanted = {*ARRAYS, "plan", "checksum", *(f"{part}:{name}" for name in names for part in PARTS)}
    wanted |= {f"{LINKS}{name}" for name in links}
    if "plan" in arrays and arrays["plan"].tobytes().hex() != plan.fingerprint:
        raise BundleInvalid(
            "The snapshot belongs to other features, columns or lateness.",
            hint="rebuild the state from the log",
        )
    missing = sorted(wanted - set(arrays))
    if missing or set(arrays) - wanted:
        unknown = sorted(set(arrays) - wanted)
        raise BundleInvalid(f"The snapshot is not whole: missing {missing}, unknown {unknown}.")
    if not np.array_equal(arrays["checksum"], _checksum(arrays)):
        raise BundleInvalid(
            "The snapshot is damaged: its checksum differs.", hint="rebuild the state from the log"
        )
    meta = arrays["meta"]
    sound = meta.shape == (at.META_SIZE,) and all(arrays[name].dtype == np.int64 for name in ARRAYS)
    if not sound or len(arrays["arena"]) != meta[at.TOP] or len(arrays["headers"]) != meta[at.ROWS]:
        raise BundleInvalid("The snapshot's arrays do not fit together.")
    dictionaries = {
        name: Dictionary.of_arrays(*(arrays[f"{part}:{name}"] for part in PARTS)) for name in sorted(names)
    }
    store = Store.of_arrays(plan, {name: arrays[name] for name in ARRAYS}, reserve_bytes)
    return store, dictionaries, {name: arrays[f"{LINKS}{name}"] for name in links}


def _checksum(arrays: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[np.uint8]:
    digest = hashlib.blake2b(digest_size=32)
    for name in sorted(arrays):
        if name != "checksum":
            array = np.ascontiguousarray(arrays[name])
            digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
            digest.update(array.view(np.uint8).data if array.size else b"")
    return np.frombuffer(digest.digest(), np.uint8)
