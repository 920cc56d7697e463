"""A file is a thing, its name is its kind: `isolation_forest` is `riskloom.detectors.isolation_forest`.

There is no central list and nothing is imported before it is asked for.
"""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

from riskloom.errors import Fault, ParameterInvalid, nearest, show


def names(package: str, *, helpers: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """The kinds that live in `package`: its module names, without the `helpers` and private ones."""
    paths = importlib.import_module(package).__path__
    found = (module.name for module in pkgutil.iter_modules(paths))
    return tuple(sorted(name for name in found if name not in helpers and not name.startswith("_")))


def load(package: str, kind: str, *, helpers: frozenset[str] = frozenset()) -> ModuleType:
    """Import the module of one kind.

    Raises
    ------
    ParameterInvalid
        When no such kind exists; names the nearest.
    """
    known = names(package, helpers=helpers)
    if kind not in known:
        room = package.rsplit(".", 1)[-1]
        raise ParameterInvalid(Fault(room, f"one of {', '.join(known)}", show(kind), nearest(kind, known)))
    return importlib.import_module(f"{package}.{kind}")
