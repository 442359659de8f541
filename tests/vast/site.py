"""abaca with a manila.conf like that of the seed document, and the simulated array beside it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abaca.cli import assembly
from abaca.config import Config, load
from abaca.manager.process import Manager
from abaca.store.engine import Store

if TYPE_CHECKING:
    from abaca.testing.vms import Running

PATIENCE = 60.0  # seconds; a loaded machine
CONF = """[DEFAULT]
enabled_share_backends = vast
enabled_share_protocols = NFS
state_path = {folder}
host = node
auth_strategy = noauth

[vast]
share_driver = manila.share.drivers.vastdata.driver.VASTShareDriver
share_backend_name = vast
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


def write_configuration(folder: Path, vms: Running, **more: Any) -> Path:
    """manila.conf in the folder; `more` options go to the backend's section."""
    folder.mkdir(exist_ok=True)
    path = folder / "manila.conf"
    text = CONF.format(folder=folder, vms=vms)
    path.write_text(text + "".join(f"{name} = {value}\n" for name, value in more.items()))
    return path


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
