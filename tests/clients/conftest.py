"""abaca serve with the fake backend, and clients of it."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import openstack
import pytest

from support.openstack import Openstack
from support.processes import Site, site


@pytest.fixture(scope="package")
def served() -> Iterator[Site]:
    """For all tests of clients: they use names of their own."""
    with site(auth="embedded") as made:
        made.serve()
        yield made


@pytest.fixture(scope="package")
def cli(served: Site) -> Openstack:
    """`openstack`, as the administrator."""
    return Openstack(served.clouds)


@pytest.fixture(autouse=True)
def _no_chatter() -> None:
    """Clients log every request; a failure would be buried in it."""
    for name in ("keystoneauth", "urllib3", "openstack"):
        logging.getLogger(name).setLevel(logging.WARNING)


@pytest.fixture
def cloud(
    served: Site, monkeypatch: pytest.MonkeyPatch
) -> Iterator[openstack.connection.Connection]:
    """openstacksdk, as the administrator."""
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(served.clouds))
    with openstack.connect(cloud="abaca") as connected:
        yield connected
