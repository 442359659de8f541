"""abaca with a manila.conf like that of the seed document, and the simulated array beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from abaca.cli import assembly
from abaca.config import Config, load
from abaca.manager.process import Manager
from abaca.store.engine import Store

if TYPE_CHECKING:
    from abaca.testing.vms import Running

PATIENCE = 60.0  # seconds; a loaded machine
DEFAULT = """[DEFAULT]
enabled_share_backends = {names}
enabled_share_protocols = NFS
state_path = {folder}
host = node
auth_strategy = noauth
service_down_time = 3600
"""
SECTION = """
[{name}]
share_driver = manila.share.drivers.vastdata.driver.VASTShareDriver
share_backend_name = {name}
driver_handles_share_servers = False
snapshot_support = True
vast_mgmt_host = {vms.host}
vast_mgmt_port = {vms.port}
vast_mgmt_user = admin
vast_mgmt_password = 123456
vast_vippool_name = pool
vast_root_export = manila
vast_ssl_ca = {vms.ca}
"""


def write_configuration(folder: Path, arrays: Mapping[str, Running]) -> None:
    """manila.conf in the folder, with a backend for each array."""
    folder.mkdir(exist_ok=True)
    text = DEFAULT.format(names=", ".join(arrays), folder=folder)
    sections = (SECTION.format(name=name, vms=vms) for name, vms in arrays.items())
    (folder / "manila.conf").write_text(text + "".join(sections))


def configuration(folder: Path) -> Config:
    return load([folder / "manila.conf"])


def make_manager(store: Store, folder: Path) -> Manager:
    """For this process, or for one that is killed."""
    config = configuration(folder)
    return assembly.make_manager(config, store, assembly.make_env(config, store))


@contextmanager
def managed(store: Store, folder: Path) -> Iterator[Manager]:
    """A manager at work for the length of a block."""
    manager = make_manager(store, folder)
    manager.start()
    try:
        yield manager
    finally:
        manager.stop(drain_seconds=5.0)
