"""Construction and life cycle of the GlusterFS drivers: from options to a layout and a server."""

from __future__ import annotations

import logging
import socket
from pathlib import Path
from typing import Any

from abaca.drivers.contract import errors
from abaca.drivers.contract.context import AnyContext
from abaca.drivers.contract.driver import ShareDriver
from abaca.drivers.contract.execute import ExecuteMixin, GaneshaMixin
from abaca.drivers.ganesha import templates
from abaca.drivers.ganesha.bus_client import BusClient
from abaca.drivers.ganesha.control import Bus
from abaca.drivers.ganesha.dbus_send import DbusSend
from abaca.drivers.ganesha.system import Paths, SystemGanesha
from abaca.drivers.glusterfs.exporter import Exporter
from abaca.drivers.glusterfs.ganesha_helper import PLUGIN, GaneshaNFSHelper
from abaca.drivers.glusterfs.gluster_helper import GlusterNFSHelper
from abaca.drivers.glusterfs.layout_directory import GlusterfsDirectoryMappedLayout
from abaca.drivers.glusterfs.layout_volume import GlusterfsVolumeMappedLayout
from abaca.drivers.glusterfs.manager import GlusterManager
from abaca.drivers.glusterfs.mount import ControlMount
from abaca.drivers.glusterfs.options import DIRECTORY, GLUSTERFS_OPTS, VOLUME
from abaca.drivers.glusterfs.place import Layout, Place
from abaca.drivers.nodes.node import LocalNode, Node
from abaca.drivers.nodes.ssh import SshNode

DEFAULT_STATE = "/var/lib/abaca"

log = logging.getLogger(__name__)


class GlusterfsBase(ExecuteMixin, GaneshaMixin, ShareDriver):
    """What both drivers stand on."""

    idempotent = True
    ipv6_implemented = True
    extra_spec_prefix = "glusterfs"
    protocol = "NFS"
    layouts: tuple[str, ...] = (DIRECTORY, VOLUME)
    minimum: tuple[int, ...] = (3, 5)  # version of GlusterFS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # drivers of the seed's time were given a database handle first
        kwargs["config_opts"] = [*kwargs.get("config_opts", ()), GLUSTERFS_OPTS]
        super().__init__(False, *args, **kwargs)
        self._layout: Layout | None = None
        self._exporter: Exporter | None = None
        self.system_bus = BusClient()  # of a Ganesha on this host

    @property
    def layout(self) -> Layout:
        """What shares are made of, once do_setup chose it."""
        if self._layout is None:
            raise errors.ShareBackendException(msg="the GlusterFS driver is not set up yet")
        return self._layout

    @property
    def exporter(self) -> Exporter:
        """The server in front, once do_setup chose it."""
        if self._exporter is None:
            raise errors.ShareBackendException(msg="the GlusterFS driver is not set up yet")
        return self._exporter

    def do_setup(self, context: AnyContext) -> None:
        """Find volumes and server; everything that is missing is said with what to do."""
        if self._layout is None:
            self._layout = self._make_layout()
        self._layout.setup()
        if self._exporter is None:
            self._exporter = self._make_exporter()
        self._exporter.setup(self._layout.managers())

    def get_network_allocations_number(self) -> int:
        """No share servers."""
        return 0

    def get_configured_ip_versions(self) -> list[int]:
        """Ganesha serves and tells apart both; Gluster-NFS knows IPv4 addresses only."""
        return [4] if self._server_type == "Gluster" else [4, 6]

    # --- from options to parts --------------------------------------------------------------------
    @property
    def _server_type(self) -> str:
        return str(self._option("glusterfs_nfs_server_type") or "Gluster")

    def _default(self, name: str) -> Any:
        default_get = getattr(self.configuration, "default_get", lambda name: None)
        return default_get(name)

    @property
    def state(self) -> Path:
        """Where pinned host keys are kept."""
        return Path(self._default("state_path") or DEFAULT_STATE).absolute()

    def _ssh(self, user: str, host: str, password: str | None) -> SshNode:
        return SshNode(
            user,
            host,
            self.state / "ssh" / "known_hosts",
            password=password,
            key_file=None if password else self._option("glusterfs_path_to_private_key"),
            connect_seconds=float(self._option("ssh_conn_timeout") or 60),
            sessions=int(self._option("ssh_max_pool_conn") or 10),
        )

    def _manager(self, address: str, *, volume: bool) -> GlusterManager:
        made = GlusterManager(
            address,
            self._execute,
            requires={"volume": volume, "path": False},
            node=LocalNode(self._execute),
        )
        if made.address.user is not None:
            password = self._option("glusterfs_server_password")
            made.node = self._ssh(made.address.user, made.address.host, password)
        return made

    def _make_layout(self) -> Layout:
        kind = self._option("glusterfs_share_layout") or self.layouts[0]
        if kind not in self.layouts:
            raise errors.BadConfigurationException(
                reason=f"glusterfs_share_layout is {kind!r}; possible: {', '.join(self.layouts)}"
            )
        base = Path(self._mount_base())
        if kind == VOLUME:
            servers = self._option("glusterfs_servers") or []
            managers = [self._manager(server, volume=False) for server in servers]
            pattern = self._option("glusterfs_volume_pattern")
            return GlusterfsVolumeMappedLayout(
                managers, pattern, base, LocalNode(self._execute), self.minimum, self._prepare
            )
        target = self._option("glusterfs_target")
        if not target:
            raise errors.BadConfigurationException(
                reason="glusterfs_target is not set: [user@]host:/volume"
            )
        manager = self._manager(target, volume=True)
        mount = ControlMount(manager, base, LocalNode(self._execute))
        return GlusterfsDirectoryMappedLayout(manager, mount, self.minimum)

    def _prepare(self, volume: GlusterManager) -> None:
        """What else a volume needs before it serves a share: a clone would let in whom its parent
        does.  (Ganesha knows the clients itself.)"""
        if self._server_type == "Gluster":
            self.exporter.export(Place(volume, volume.volume, "/"))

    def _mount_base(self) -> str:
        given = str(self._option("glusterfs_mount_point_base") or "$state_path/mnt")
        return given.replace("$state_path", str(self.state))

    def _make_exporter(self) -> Exporter:
        if self._server_type == "Gluster":
            layout = self._layout
            lock = (
                layout.mount.cluster_lock
                if isinstance(layout, GlusterfsDirectoryMappedLayout)
                else None
            )
            return GlusterNFSHelper(lock)
        host = self._option("glusterfs_ganesha_server_ip")
        node: Node = LocalNode(self._execute)
        bus: Bus = self.system_bus
        if host:
            user = self._option("glusterfs_ganesha_server_username") or "root"
            node = self._ssh(user, host, self._option("glusterfs_ganesha_server_password"))
            bus = DbusSend(node)
        paths = Paths(
            self._ganesha_path("ganesha_config_path"),
            self._ganesha_path("ganesha_export_dir"),
            self._option("ganesha_service_name") or "ganesha.nfsd",
        )
        address = host or self._default("my_ip") or socket.gethostname()
        directory = self._option("ganesha_export_template_dir")
        version_3 = bool(self._option(templates.VERSION_3))
        template = templates.load(Path(directory) if directory else None, PLUGIN, version_3)
        if version_3:
            log.warning(
                "exports of %s are served over NFSv3: a client can reach the other shares of its "
                "volume, unless that NFS-Ganesha checks names",
                address,
            )
        return GaneshaNFSHelper(SystemGanesha(node, paths, bus), address, template)

    def _ganesha_path(self, name: str) -> str:
        directory = str(self._option("ganesha_config_dir") or "/etc/ganesha")
        return str(self._option(name)).replace("$ganesha_config_dir", directory)
