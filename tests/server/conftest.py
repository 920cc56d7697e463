"""A server of one's own for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from riskloom.bundle import Bundle
from support.databases import KINDS, Database
from support.events import payment
from support.labelled import labelled_bundle
from support.server import Server, serving


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


@pytest.fixture(scope="module", params=KINDS)
def standing(
    request: pytest.FixtureRequest, make_database: Callable[[str], Database], bundle: Bundle
) -> Iterator[Server]:
    """A server that must be ready at the end, whatever it was sent."""
    with serving(make_database(request.param), bundle) as server:
        yield server
        assert server.runtime.engine.unready is None
        assert server.score(payment("still-fine", user_id="fine"))["event_id"] == "still-fine"


@pytest.fixture(scope="module")
def cards() -> Bundle:
    """Payments by a rule that looks at labels."""
    return labelled_bundle()
