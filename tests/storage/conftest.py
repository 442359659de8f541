from __future__ import annotations

from collections.abc import Iterator

import pytest

from storage.kit import Backend, Foreigner, running, why_not


@pytest.fixture(scope="module")
def backend() -> Iterator[Backend]:
    """An NFS backend for the tests of one file."""
    reason = why_not("NFS")
    if reason:
        pytest.skip(reason)
    with running() as backend:
        yield backend


@pytest.fixture
def own_backend() -> Iterator[Backend]:
    """A backend for one test, which may break it."""
    reason = why_not("NFS")
    if reason:
        pytest.skip(reason)
    with running() as backend:
        yield backend


@pytest.fixture(scope="module")
def foreigner() -> Iterator[Foreigner]:
    """A client machine with an address of its own."""
    reason = why_not()
    if reason:
        pytest.skip(reason)
    machine = Foreigner()
    try:
        yield machine
    finally:
        machine.destroy()
