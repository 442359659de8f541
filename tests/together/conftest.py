"""One `abaca serve` with storage of three kinds behind one manila.conf."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from glusterfs import lab as labs
from storage import kit as storage
from together.trio import Trio, running


@pytest.fixture(scope="package")
def trio() -> Iterator[Trio]:
    reason = storage.why_not("NFS") or labs.why_not()
    if reason:
        pytest.skip(reason)
    for name in ("keystoneauth", "urllib3", "openstack"):  # a failure would be buried in it
        logging.getLogger(name).setLevel(logging.WARNING)
    with running() as trio:
        yield trio
