"""Tests marked `torch` train with PyTorch; where it is not installed they say so, and in CI they fail."""

from __future__ import annotations

import os
from importlib.util import find_spec

import pytest

MISSING = "needs PyTorch, which is not installed (make torch)"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what goes over all kinds and comes to the autoencoder."""
    for item in items:
        call = getattr(item, "callspec", None)
        if call is not None and call.params.get("kind") == "autoencoder":
            item.add_marker("torch")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Say what is missing before anything is trained."""
    if item.get_closest_marker("torch") is None or find_spec("torch") is not None:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(MISSING)
    pytest.skip(MISSING)
