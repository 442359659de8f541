"""abaca over local storage, a GlusterFS cluster and a VAST array; how each of these dies."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from openstack.config import OpenStackConfig
from openstack.connection import Connection

from glusterfs import lab as labs
from glusterfs.lab import Lab
from storage.kit import free_ports
from support.openstack import Openstack
from support.processes import START_SECONDS, Site, environment, free_port, local_site

PATIENCE = 120.0  # seconds; a loaded machine
KINDS = ("local", "glusterfs", "vast")
SECTIONS = """
local_protocols = NFS
share_backend_name = local

[glusterfs]
share_driver = manila.share.drivers.glusterfs.GlusterfsShareDriver
share_backend_name = glusterfs
driver_handles_share_servers = False
glusterfs_target = root@{lab.machines[0].address}:/vol
glusterfs_mount_point_base = {lab.directory}/mnt
glusterfs_path_to_private_key = {lab.key}
glusterfs_nfs_server_type = Ganesha
glusterfs_ganesha_server_ip = {lab.machines[0].address}

[vast]
share_driver = manila.share.drivers.vastdata.driver.VASTShareDriver
share_backend_name = vast
driver_handles_share_servers = False
vast_mgmt_host = 127.0.0.1
vast_mgmt_port = {array.port}
vast_mgmt_user = admin
vast_mgmt_password = 123456
vast_vippool_name = vippool-1
vast_root_export = manila
vast_ssl_ca = {array.folder}/ca.pem
vast_mgmt_timeout = 2
"""


class Simulator:
    """The array: a process that can be killed, with a state that outlives it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.start()

    def start(self) -> None:
        words = ("serve", str(self.folder), "--port", str(self.port))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "abaca.testing.vms", *words],
            stdout=subprocess.PIPE,
            text=True,
            env=environment(PYTHONUNBUFFERED="1"),
        )
        assert self._process.stdout is not None
        assert "ready\n" in iter(self._process.stdout.readline, "")

    def signal(self, number: int) -> None:
        os.kill(self._process.pid, number)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(START_SECONDS)


class Trio:
    """The site, what is behind it, and its clients."""

    def __init__(self, site: Site, lab: Lab, array: Simulator, cloud: Connection) -> None:
        self.site, self.lab, self.array = site, lab, array
        self.cli = Openstack(site.clouds)
        self.shares: Any = cloud.shared_file_system
        machine = lab.machines[0]
        # how a backend is lost, and how it comes back
        self.ways: dict[str, tuple[Callable[[], None], Callable[[], None]]] = {
            "vast: killed": (array.kill, array.start),
            "vast: hangs": (
                lambda: array.signal(signal.SIGSTOP),
                lambda: array.signal(signal.SIGCONT),
            ),
            "glusterfs: no glusterd": (lambda: machine.kill("^glusterd"), machine.start_glusterd),
        }

    # --- what users ask for
    def create(self, kind: str) -> Any:
        return self.shares.create_share(share_protocol="NFS", size=1, name=kind, share_type=kind)

    def available(self, share: Any, size: int = 1) -> Any:
        """The share, as soon as it is available in this size."""
        found: Any = None

        def is_there() -> bool:
            nonlocal found
            found = self.shares.get_share(share.id)
            assert "error" not in found.status, self.site.run("operations", share.id).stdout
            return (found.status, found.size) == ("available", size)

        wait(is_there, f"share of type {share.name}")
        return found

    def allow(self, share: Any) -> None:
        """The rule is in force."""
        rule = self.shares.create_access_rule(
            share.id, access_level="rw", access_type="ip", access_to="192.0.2.7"
        )
        wait(lambda: self.shares.get_access_rule(rule.id).state == "active", "a rule")

    def delete(self, *shares: Any) -> None:
        """They are gone."""
        ids = {share.id for share in shares}
        for share_id in ids:
            self.shares.delete_share(share_id)
        wait(lambda: ids.isdisjoint(each.id for each in self.shares.shares()), "a deletion")

    def life(self, kind: str) -> float:
        """Seconds from the request for a share until it is gone again, changed meanwhile."""
        begun = time.monotonic()
        share = self.available(self.create(kind))
        self.allow(share)
        self.shares.resize_share(share.id, 2)
        self.delete(self.available(share, 2))
        return time.monotonic() - begun

    # --- what an administrator sees
    def pools(self) -> set[str]:
        """The kinds that shares can be placed on."""
        return {
            pool.name.partition("@")[2].partition("#")[0] for pool in self.shares.storage_pools()
        }

    def service(self, kind: str) -> dict[str, Any]:
        """The row of the service list, with the names of its columns."""
        rows = self.cli("share", "service", "list", "--host", f"node@{kind}")
        (row,) = rows
        return dict(row)


def wait(condition: Callable[[], bool], what: str) -> None:
    labs.wait(condition, what, PATIENCE)


@contextlib.contextmanager
def running() -> Iterator[Trio]:
    """All of it, at work."""
    with labs.running() as lab, contextlib.ExitStack() as stack:
        lab.volume("vol")
        array = Simulator(lab.directory / "vms")
        stack.callback(array.kill)
        sections = SECTIONS.format(lab=lab, array=array).lstrip()
        site = stack.enter_context(local_site(free_ports(16), more=sections, auth="embedded"))
        site.serve()
        cloud = OpenStackConfig(config_files=[str(site.clouds)], load_envvars=False).get_one(
            "abaca"
        )
        trio = Trio(site, lab, array, stack.enter_context(Connection(config=cloud)))
        wait(lambda: trio.pools() == set(KINDS), "three pools")
        for kind in KINDS:
            spec = f"share_backend_name={kind}"
            trio.cli("share", "type", "create", kind, "False", "--extra-specs", spec)
        # Ganesha takes 10 s to let go of a volume with its last export: not every time
        trio.available(trio.create("glusterfs"))
        yield trio
