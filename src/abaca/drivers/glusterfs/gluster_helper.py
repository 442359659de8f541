"""Shares served by Gluster-NFS, the NFSv3 server inside GlusterFS (until release 10 or so).

Directories are let in by the volume's option `nfs.export-dir` = /dir(client|client),/dir2(client);
whole volumes by `nfs.rpc-auth-allow` and `nfs.rpc-auth-reject`.  Every change of the former reads
it, changes it and writes it, under a lock that all hosts see.  A client that lost its rule keeps
what it has mounted: Gluster-NFS checks at mount time only.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from abaca.drivers.contract import errors
from abaca.drivers.ganesha.clients import Client, ordered
from abaca.drivers.glusterfs.exporter import Location, Rules, location
from abaca.drivers.glusterfs.manager import GlusterManager
from abaca.drivers.glusterfs.place import CLAIM, Place
from abaca.drivers.rules import Wanted
from abaca.model.networks import Network, host_or_network

EXPORT_DIR = "nfs.export-dir"
EXPORT_VOLUMES = "nfs.export-volumes"
ALLOW, REJECT = "nfs.rpc-auth-allow", "nfs.rpc-auth-reject"
DAEMON = "NFS Server"
ANYBODY = "*"
NEVER_SET = (None, "all")  # what a volume has that nobody has touched
_ENTRY = re.compile(r"\s*(/[^,()\s]+)(?:\(([^()]*)\))?\s*(?:,|\Z)")

Exports = dict[str, tuple[str, ...]]


class GlusterNFSHelper:
    """NFSv3, IPv4 addresses and networks, read and write only."""

    rule_types: tuple[str, ...] = ("ip",)
    levels: tuple[str, ...] = ("rw",)
    explicit = False

    def __init__(self, lock: Callable[[], AbstractContextManager[None]] | None) -> None:
        """`lock`: the cluster-wide one of the volume whose directories are shares; None when
        shares are volumes."""
        self._lock = lock
        self._turn = threading.Lock()  # the cluster-wide one is one for all threads of a process

    def setup(self, managers: Sequence[GlusterManager]) -> None:
        """A Gluster-NFS server must run: options are accepted without one, mounts are not."""
        for manager in managers:
            check_server(manager)
            exported = manager.get_vol_option(EXPORT_VOLUMES, boolean=True)
            if self._lock is not None:
                if exported is not False:
                    manager.set_vol_option(EXPORT_VOLUMES, False)
            elif exported is False:  # it holds for the whole cluster: the operator's to decide
                raise errors.BadConfigurationException(
                    reason=f"{EXPORT_VOLUMES} is off on {manager.address}, and shares are volumes"
                )

    def export(self, place: Place) -> bool:
        """Nobody is let in until there is a rule; one that is in force stays."""
        if self._lock is not None or any(
            place.manager.get_vol_option(name) not in NEVER_SET for name in (REJECT, ALLOW)
        ):
            return False
        self._set_volume(place.manager, ())
        return True

    def locations(self, place: Place) -> list[Location]:
        below = "" if place.path == "/" else place.path
        return [location(place.manager.address.host, f"/{place.manager.volume}{below}")]

    def allow(self, place: Place, wanted: Wanted, rules: Sequence[Mapping[str, Any]]) -> None:
        wanted.refuse_networks(_why_unknown)
        clients = _names(wanted.clients)
        if self._lock is None:
            self._set_volume(place.manager, clients)
        else:
            self._set_directory(place.manager, place.path, clients)

    def withdraw(self, manager: GlusterManager | None, name: str) -> None:
        if manager is None:
            return
        if self._lock is None:
            self._set_volume(manager, ())
        else:
            self._set_directory(manager, f"/{name}", ())

    def has(self, name: str) -> bool:
        """Not known without asking; see Layout.manage."""
        return False

    def held(self, manager: GlusterManager) -> dict[str, Rules]:
        if self._lock is None:
            clients = (manager.get_vol_option(ALLOW) or "").split(",")
            exports = {f"/share-{manager.get_vol_option(CLAIM)}": tuple(filter(None, clients))}
        else:
            exports = parse(manager.get_vol_option(EXPORT_DIR) or "")
        return {
            path.removeprefix("/"): [("ip", _as_rule(client), "rw") for client in clients]
            for path, clients in exports.items()
        }

    def reconcile(self) -> None:
        """The options are the exports: there is nothing that could differ."""

    def _set_directory(self, manager: GlusterManager, path: str, clients: tuple[str, ...]) -> None:
        assert self._lock is not None
        with self._turn, self._lock():
            exports = parse(manager.get_vol_option(EXPORT_DIR) or "")
            changed = {**exports, path: clients}
            if not clients:
                del changed[path]
            if changed != exports:
                manager.set_vol_option(EXPORT_DIR, render(changed) or None)

    def _set_volume(self, manager: GlusterManager, clients: tuple[str, ...]) -> None:
        """Widening resets the rejection last, narrowing rejects first: nobody slips through."""
        if clients:
            manager.set_vol_option(ALLOW, ",".join(clients))
            manager.set_vol_option(REJECT, None)
        else:
            manager.set_vol_option(REJECT, ANYBODY)
            manager.set_vol_option(ALLOW, None)


def check_server(manager: GlusterManager) -> None:
    """BadConfigurationException with what to do, if no Gluster-NFS serves the volume."""
    servers = [p for p in manager.processes() if p.name == DAEMON]
    if any(server.online for server in servers):
        return
    what = (
        f"the Gluster-NFS server of volume {manager.volume} is down: "
        f"gluster volume start {manager.volume} force"
        if servers
        else f"no Gluster-NFS server serves volume {manager.volume} on {manager.node.name}: its "
        "package has none, or the option nfs.disable is on"
    )
    raise errors.BadConfigurationException(
        reason=f"{what}; or use NFS-Ganesha: glusterfs_nfs_server_type = Ganesha "
        "(package nfs-ganesha-gluster)"
    )


def parse(text: str) -> Exports:
    """The value of nfs.export-dir.  GlusterfsException if it is not of its form."""
    exports: Exports = {}
    position = 0
    while position < len(text):
        match = _ENTRY.match(text, position)
        if match is None:
            raise errors.GlusterfsException(reason=f"{EXPORT_DIR} is {text!r}, which is not a list")
        clients = match[2] if match[2] is not None else ANYBODY
        exports[match[1]] = tuple(c for c in clients.split("|") if c)
        position = match.end()
    return exports


def render(exports: Exports) -> str:
    """The same as text."""
    return ",".join(f"{path}({'|'.join(clients)})" for path, clients in sorted(exports.items()))


def _why_unknown(network: Network) -> str | None:
    known = network.version == 4
    return None if known else f"{network} is not IPv4, which is all that Gluster-NFS knows"


def _names(clients: Iterable[Client]) -> tuple[str, ...]:
    networks = [client.network for client in ordered(clients)]
    return tuple(
        ANYBODY if network.prefixlen == 0 else host_or_network(network) for network in networks
    )


def _as_rule(client: str) -> str:
    return "0.0.0.0/0" if client == ANYBODY else client
