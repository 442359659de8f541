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
    backend.share()  # Ganesha takes 10 s to let go of a volume with its last export: not every time
    return backend


@pytest.fixture(scope="session")
def local_backend(lab: labs.Lab, backend: Backend) -> Backend:
    """The same volume and Ganesha, by a driver that has them on its own host."""
    local = Backend(lab, local=True, glusterfs_mount_point_base=str(lab.directory / "mnt-local"))
    local.start()
    return local
