"""How the kernel is compiled: by numba, cached on disk, stale as soon as any of its files changes.

numba keeps one cache a file and looks only at that file, so a change in `search.py` would leave `look.py`
running the old search. Here every cached function carries one stamp over all kernel files instead.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba as nb

KERNEL_FILES = (
    "bits",
    "compact",
    "compiled",
    "evidence",
    "finish",
    "kernel",
    "layout",
    "look",
    "memory",
    "reclaim",
    "search",
    "take",
    "tell",
    "warm",
    "windows",
    "write",
)
Function = Callable[..., Any]
"""What numba makes of a function: it takes what it takes."""


def stamp() -> str:
    """The fingerprint of everything the compiled code is made from."""
    here = Path(__file__).parent
    digest = hashlib.sha256()
    for name in KERNEL_FILES:
        digest.update((here / f"{name}.py").read_bytes())
    return digest.hexdigest()


_STAMP = stamp()


def compiled(function: Function) -> Function:
    """Compile on first use, keep the machine code on disk, run without the GIL."""
    return _compiled(function, forceinline=False)


def folded(function: Function) -> Function:
    """A part of the one hot path, split off to be read: its machine code is folded into its caller's.

    A call that hands over five arrays costs some 20 ns, and there would be thirty of them an event.
    """
    return _compiled(function, forceinline=True)


def _compiled(function: Function, forceinline: bool) -> Function:
    dispatcher = nb.njit(cache=True, nogil=True, forceinline=forceinline)(function)
    cache_file = getattr(getattr(dispatcher, "_cache", None), "_cache_file", None)
    if cache_file is not None:
        cache_file._source_stamp = _STAMP
    return dispatcher  # type: ignore[no-any-return]


def inlined(function: Function) -> Function:
    """A small piece that is compiled into each of its callers."""
    made: Function = nb.njit(cache=True, nogil=True, inline="always")(function)
    return made
