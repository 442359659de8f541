"""Backends on a lab's machines, and their clients."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from abaca.drivers.contract import errors
from abaca.drivers.contract.configuration import DictConfiguration
from abaca.drivers.contract.execute import execute_locally
from abaca.drivers.contract.records import AccessRule, Share
from abaca.drivers.ganesha.bus_client import BusClient
from abaca.drivers.glusterfs.driver import GlusterfsShareDriver
from abaca.drivers.glusterfs.manager import GlusterManager
from abaca.drivers.glusterfs.options import VOLUME
from abaca.drivers.glusterfs.place import Place
from abaca.testing import nfs
from glusterfs.lab import Lab, Machine, wait
from storage.kit import CONTEXT, new_share, rule

__all__ = ["CONTEXT", "Backend", "keep", "new_share", "rule", "volume_pool"]


class Backend:
    """A GlusterFS backend whose cluster and Ganesha are reached over SSH.

    `local`: the driver takes the first machine for its own host.  Its commands run there without
    SSH (all but `mount`: its files are looked at from here), its message bus is that machine's.
    """

    driver_class: type[GlusterfsShareDriver] = GlusterfsShareDriver

    def __init__(
        self, lab: Lab, volume: str = "vol", *, local: bool = False, **options: Any
    ) -> None:
        self.lab, self.volume = lab, volume
        self.machine: Machine = lab.machines[0]
        self.local = local
        self.at_command: Callable[[], object] = lambda: None  # of a local driver, before each
        if local:
            options = {
                "glusterfs_target": f"{self.machine.address}:/{volume}",
                "glusterfs_path_to_private_key": None,
                "glusterfs_ganesha_server_ip": None,
                **options,
            }
        self.options: dict[str, Any] = {
            "driver_handles_share_servers": False,
            "glusterfs_target": f"root@{self.machine.address}:/{volume}",
            "glusterfs_mount_point_base": str(lab.directory / "mnt"),
            "glusterfs_nfs_server_type": "Ganesha",
            # the client of these tests does not renew its NFSv4 lease, and writes 2 KiB at once
            "glusterfs_ganesha_nfsv3": True,
            "glusterfs_path_to_private_key": str(lab.key),
            "glusterfs_ganesha_server_ip": self.machine.address,
            "ssh_conn_timeout": 10,
            **options,
        }
        self.driver = self.new_driver()

    def new_driver(self, **options: Any) -> GlusterfsShareDriver:
        """A driver as a new process would make it; not set up."""
        configuration = DictConfiguration(
            {**self.options, **options},
            config_group="gluster",
            default={"state_path": str(self.lab.directory), "my_ip": self.machine.address},
        )
        execute = self._execute if self.local else None
        driver = self.driver_class(configuration=configuration, execute=execute)
        if self.local:
            driver.system_bus = BusClient(self.machine.bus_address)
        return driver

    def _execute(self, *words: Any, **keywords: Any) -> tuple[str, str]:
        self.at_command()
        there = words if words[0] == "mount" else self.machine.command(*words)
        return execute_locally(*there, **keywords)

    def start(self) -> GlusterfsShareDriver:
        self.driver.do_setup(CONTEXT)
        self.driver.check_for_setup_error()
        return self.driver

    def restart(self) -> GlusterfsShareDriver:
        """abaca ends and comes back."""
        self.driver = self.new_driver()
        return self.start()

    @property
    def root(self) -> Path:
        """The volume, as this host has it mounted."""
        return Path(self.options["glusterfs_mount_point_base"]) / self.volume

    def trash_is_empty(self) -> bool:
        """Once its thread is done."""
        layout: Any = self.driver.layout
        return bool(layout.trash.wait(60)) and not list(self.root.glob(".trash.*"))

    def share(self, size: int = 1) -> Share:
        share = new_share(size)
        self.driver.create_share(CONTEXT, share)
        return share

    def allow(self, share: Share, *rules: AccessRule) -> dict[str, Any]:
        """Put exactly these rules in force."""
        result = self.driver.update_access(CONTEXT, share, rules, [], [], [])
        return {key: dict(value) for key, value in (result or {}).items()}

    def allow_later(self, share: Share, *rules: AccessRule) -> None:
        """The same, of which the server cannot be told yet."""
        with pytest.raises(errors.StorageCommunicationException):
            self.allow(share, *rules)

    def delete(self, share: Share) -> None:
        self.driver.delete_share(CONTEXT, share)

    def again(self, method: Callable[..., object], *arguments: object) -> None:
        """As abaca does: again while the error is worth it.  Daemons and connections come back
        some time after the command that starts them has ended."""

        def done() -> bool:
            try:
                method(*arguments)
            except errors.StorageCommunicationException:
                return False
            return True

        wait(done, "the backend's return")

    def mount(self, share: Share) -> nfs.NfsClient:
        """An NFS client on this host."""
        return nfs.connect(self.machine.address, f"/{share['name']}")


def volume_pool(lab: Lab, pattern: str, *volumes: str) -> Backend:
    """A backend whose shares are these volumes; see `keep`."""
    pool = Backend(
        lab,
        local=True,
        glusterfs_target=None,
        glusterfs_share_layout=VOLUME,
        glusterfs_servers=[lab.machines[0].address],
        glusterfs_volume_pattern=pattern,
    )
    pool.start()
    for volume in volumes:
        keep(pool, volume)
    return pool


def keep(pool: Backend, volume: str) -> None:
    """Ganesha takes 10 s to let go of a volume with its last export: give it another one."""
    manager = GlusterManager(f"{pool.machine.address}:/{volume}")
    pool.driver.exporter.export(Place(manager, f"{volume}-kept", "/"))
