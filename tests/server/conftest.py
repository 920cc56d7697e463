"""A server of one's own for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.databases import Database
from support.server import Server, serving

from riskloom.bundle import Bundle


@pytest.fixture
def server(database: Database, bundle: Bundle) -> Iterator[Server]:
    """A server by rules alone over an empty database; its clock stands at `NOW_US`."""
    with serving(database, bundle) as running:
        yield running


@pytest.fixture
def clever(database: Database, trained: Bundle) -> Iterator[Server]:
    """A server with a model over an empty database."""
    with serving(database, trained) as running:
        yield running
