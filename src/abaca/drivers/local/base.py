"""What all parts of the local driver stand on: configuration, pool, exporters."""

from __future__ import annotations

import logging
import re
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

from abaca.drivers.contract import errors
from abaca.drivers.contract.context import AnyContext
from abaca.drivers.contract.driver import ShareDriver
from abaca.drivers.firewall.filter import ConnectionFilter, Filter, NoFilter, table_name
from abaca.drivers.firewall.filter import Wanted as Admitted
from abaca.drivers.firewall.nftables import unusable
from abaca.drivers.ganesha import packages
from abaca.drivers.ganesha.files import private_directory
from abaca.drivers.ganesha.instance import Grace
from abaca.drivers.ganesha.shards import Layout
from abaca.drivers.local.cifs import CifsExporter
from abaca.drivers.local.exporter import Exporter, Served
from abaca.drivers.local.nfs import NfsExporter
from abaca.drivers.local.options import LOCAL_OPTS, default_state_path
from abaca.drivers.local.paths import checked_id
from abaca.drivers.local.pool import Pool

log = logging.getLogger(__name__)
PROTOCOLS = ("NFS", "CIFS")
_SECTION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\Z")


class LocalBase(ShareDriver):
    """Construction and life cycle."""

    idempotent = True
    ipv6_implemented = True
    extra_spec_prefix = "local"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["config_opts"] = [*kwargs.get("config_opts", ()), LOCAL_OPTS]
        super().__init__(False, *args, **kwargs)
        self.exporters: dict[str, Exporter] = {}
        self.connections: Filter = NoFilter("")
        self._pool: Pool | None = None

    @property
    def pool(self) -> Pool:
        """The pool, once do_setup opened it."""
        if self._pool is None:
            raise errors.ShareBackendException(msg="the pool is not open yet")
        return self._pool

    @property
    def backend_name(self) -> str:
        """The section of the configuration; it names the backend's state directory."""
        name = getattr(self.configuration, "config_group", None) or "local"
        if not isinstance(name, str) or not _SECTION.match(name):
            raise errors.BadConfigurationException(
                reason=f"section {name!r} cannot name a directory; use letters, digits, _ . -"
            )
        return name

    @property
    def state(self) -> Path:
        """The backend's own directory."""
        default_get = getattr(self.configuration, "default_get", lambda name: None)
        root = self._option("local_state_path") or default_get("state_path") or default_state_path()
        return Path(root).absolute() / "local" / self.backend_name

    @property
    def protocols(self) -> list[str]:
        """The protocols served, in the order of PROTOCOLS."""
        given = [str(word).upper() for word in self._option("local_protocols") or PROTOCOLS]
        unknown = sorted(set(given) - set(PROTOCOLS))
        if unknown:
            raise errors.BadConfigurationException(
                reason=f"local_protocols has {', '.join(unknown)}; NFS and CIFS are possible"
            )
        return [protocol for protocol in PROTOCOLS if protocol in given]

    @property
    def addresses(self) -> list[str]:
        """Where clients reach this host."""
        given = list(self._option("local_export_ips") or [])
        if not given:
            default_get = getattr(self.configuration, "default_get", lambda name: None)
            given = [default_get("my_ip") or "127.0.0.1"]
        for address in given:
            if not _is_address(address):
                raise errors.BadConfigurationException(
                    reason=f"local_export_ips has {address!r}, which is not an IP address"
                )
        return given

    def do_setup(self, context: AnyContext) -> None:
        """Open the pool and take over what runs; re-runnable."""
        packages.require(["pool", *self.protocols])
        private_directory(self.state)
        if self._pool is None:
            pool = self._make_pool()
            pool.open()
            self._pool = pool
        if not self.exporters:
            self.connections = self._make_filter()
            self.exporters = {name: self._make_exporter(name) for name in self.protocols}

    def check_for_setup_error(self) -> None:
        """Bring the exports of an earlier run back; what could not be served is said now, before
        somebody asks for it."""
        for exporter in self.exporters.values():
            exporter.check()
        self.reconcile()

    def reconcile(self) -> None:
        """Start servers that do not run and repair exports; call it now and then."""
        self.pool.ensure_mounted()
        self.connections.reconcile(self._admitted)
        for exporter in self.exporters.values():
            exporter.reconcile()

    def look_at_exports(self) -> dict[str, tuple[str, Served]]:
        """Everything that is served or should be: name -> (protocol, how it is)."""
        shut_out = self.connections.shut_out()
        return {
            name: (protocol, replace(served, whole=served.whole and name not in shut_out))
            for protocol, exporter in self.exporters.items()
            for name, served in exporter.look().items()
        }

    def stop_exports(self) -> None:
        """End all servers of this backend, unmount its pool, let its lock go."""
        for exporter in self.exporters.values():
            exporter.stop()
        self.connections.remove()
        self.release(unmount=True)

    def release(self, unmount: bool = False) -> None:
        """Let go of the pool so that another process can have it; exports go on serving."""
        if self._pool is not None:
            self._pool.close(unmount=unmount)
            self._pool = None
        self.exporters = {}

    def exporter(self, protocol: str) -> Exporter:
        """The exporter of a share's protocol.  InvalidShare if it is not served."""
        found = self.exporters.get(str(protocol).upper())
        if found is None:
            raise errors.InvalidShare(
                reason=f"protocol {protocol!r:.40} is not served here; "
                f"possible: {', '.join(self.exporters)}"
            )
        return found

    def share_path(self, share_id: str) -> Path:
        """The subvolume of a share instance."""
        return self.pool.shares / checked_id(share_id)

    def snapshot_path(self, snapshot_id: str) -> Path:
        """The subvolume of a snapshot instance."""
        return self.pool.snapshots / checked_id(snapshot_id)

    def _make_pool(self) -> Pool:
        given = self._option("local_pool_path")
        path = Path(given).absolute() if given else self.state / "pool.img"
        mode = self._option("local_quota_mode") or "auto"
        if path.is_dir():
            return Pool(path, None, 0, mode)
        size = int(self._option("local_pool_size_gb") or 100)
        return Pool(self.state / "pool", path, size, mode)

    def _admitted(self) -> Admitted:
        return {
            server: exports
            for exporter in self.exporters.values()
            for server, exports in exporter.admitted().items()
        }

    def _make_filter(self) -> Filter:
        table = table_name(self.state)
        if not self._option("local_firewall"):
            log.warning("local_firewall is off: every address can connect to the NFS and SMB ports")
            return NoFilter(table)
        packages.require(["firewall"])
        problem = unusable()
        if problem:
            raise errors.BadConfigurationException(reason=problem)
        return ConnectionFilter(table, self._option("local_connections_per_client"))

    def _make_exporter(self, protocol: str) -> Exporter:
        if protocol == "CIFS":
            return CifsExporter(
                self.state / "samba",
                self._option("local_smb_port"),
                self.addresses,
                bool(self._option("local_smb_create_users")),
                self.connections,
                self._option("local_smb_connections"),
            )
        layout = Layout(
            nfs_port=self._option("local_nfs_port"),
            mount_port=self._option("local_mount_port"),
            exports_per_shard=self._option("local_exports_per_ganesha"),
            squash=self._option("local_nfs_squash"),
            grace=Grace(self._option("local_nfs_grace_period"), self._option("local_nfs_lease")),
            connections=self._option("local_nfs_connections"),
            isolation=self._option("local_isolation") == "project",
        )
        return NfsExporter(self.state / "ganesha", layout, self.addresses, self.connections)


def _is_address(text: object) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, str(text))
        except OSError:
            continue
        return True
    return False
