from __future__ import annotations

from collections.abc import Iterator

import pytest

from glusterfs import lab as labs
from glusterfs.kit import Backend


@pytest.fixture(scope="session")
def lab() -> Iterator[labs.Lab]:
    """One machine with everything on it, for all tests that leave it as it was."""
    reason = labs.why_not()
    if reason:
        pytest.skip(reason)
    with labs.running() as lab:
        lab.volume("vol")
        yield lab


@pytest.fixture(scope="session")
def backend(lab: labs.Lab) -> Backend:
    """A backend of directories, served by Ganesha."""
    backend = Backend(lab)
    backend.start()
    return backend
