"""Sites for tests of commands."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.processes import Site, site


@pytest.fixture
def fake() -> Iterator[Site]:
    """A site with the fake backend on SQLite; nothing runs yet."""
    with site() as made:
        yield made


@pytest.fixture
def split(database_url: str) -> Iterator[Site]:
    """The same on each database."""
    with site(url=database_url) as made:
        yield made
