"""The examples in docstrings do what they show."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from types import ModuleType

import pytest

import riskloom

SKIPPED = ("riskloom.cli.__main__", "riskloom.server.tables", "riskloom.dashboard", "riskloom.worker")


def modules() -> list[str]:
    """Every module of ours that holds an example."""
    found = []
    for module in pkgutil.walk_packages(riskloom.__path__, "riskloom."):
        if module.name.startswith(SKIPPED):
            continue
        spec = importlib.util.find_spec(module.name)
        if spec is not None and spec.origin is not None:
            with open(spec.origin, encoding="utf-8") as file:
                if ">>> " in file.read():
                    found.append(module.name)
    return found


def load(name: str) -> ModuleType:
    """A module by name."""
    return importlib.import_module(name)


@pytest.mark.parametrize("name", ["riskloom", *modules()])
def test_the_examples_of_a_module_hold(name: str) -> None:
    result = doctest.testmod(load(name), optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert result.attempted > 0
    assert result.failed == 0


def test_there_are_examples_to_run() -> None:
    assert {"riskloom.domain.money", "riskloom.domain.duration", "riskloom.params"} <= set(modules())
