"""Volumes reached by Gluster's own protocol: a client shows a certificate, and its common name is
in the volume's option `auth.ssl-allow`.

Common names that are there before the first share (the servers' own) stay for ever.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from abaca.drivers.contract import errors
from abaca.drivers.glusterfs.exporter import Location, Rules, location
from abaca.drivers.glusterfs.manager import GlusterManager
from abaca.drivers.glusterfs.place import CLONED_FROM, Place, owner
from abaca.drivers.rules import Wanted

ALLOW = "auth.ssl-allow"
DYNAMIC = "server.dynamic-auth"
TLS = ("client.ssl", "server.ssl")
OWN = "user.abaca-own-names"  # the names that are not clients' of the share
KEPT_IN_CLONES = ("glusterfs-server", "manila-host")


class CertHelper:
    """Access by certificate, read and write."""

    rule_types: tuple[str, ...] = ("cert",)
    levels: tuple[str, ...] = ("rw",)
    explicit = False

    def setup(self, managers: Sequence[GlusterManager]) -> None:
        """The operator gives the servers' names; without them the servers shut each other out."""
        for manager in managers:
            _names(manager)

    def prepare(self, manager: GlusterManager) -> None:
        """TLS on, and nobody let in but who was before the volume became a share."""
        if manager.get_vol_option(OWN) is None:
            manager.set_vol_option(OWN, ",".join(_own(manager)))
        if manager.info().status == "Created":  # a new clone: it has its parent's clients
            self.withdraw(manager, manager.volume)
        changed = [name for name in TLS if manager.get_vol_option(name, boolean=True) is not True]
        if manager.get_vol_option("nfs.export-volumes") not in (None, "OFF", "off"):
            manager.set_vol_option("nfs.export-volumes", False)
        for name in changed:
            manager.set_vol_option(name, True)
        manager.set_vol_option(DYNAMIC, True, ignore_failure=True)
        if changed:  # running servers and clients do not take TLS up
            restart(manager)

    def export(self, place: Place) -> bool:
        return False

    def locations(self, place: Place) -> list[Location]:
        return [location(place.manager.address.host, f"/{place.manager.volume}")]

    def allow(self, place: Place, wanted: Wanted, rules: Sequence[Mapping[str, Any]]) -> None:
        """The wanted names beside the servers' own."""
        manager = place.manager
        own = _split(manager.get_vol_option(OWN)) or _own(manager)
        before = _names(manager)
        after = [*own, *sorted(set(wanted.names.values()) - set(own))]
        if set(after) == set(before):
            return
        manager.set_vol_option(ALLOW, ",".join(after))
        lost = set(before) - set(after)
        if lost and manager.get_vol_option(DYNAMIC, boolean=True) is not True:
            restart(manager)  # only then those who are connected have to show who they are

    def withdraw(self, manager: GlusterManager | None, name: str) -> None:
        if manager is not None:
            self.allow(Place(manager, name, "/"), Wanted(), ())

    def has(self, name: str) -> bool:
        return False

    def held(self, manager: GlusterManager) -> dict[str, Rules]:
        share_id = owner(manager.info())
        own = _split(manager.get_vol_option(OWN)) or _own(manager)
        names = [name for name in _names(manager) if name not in own]
        return {f"share-{share_id}": [("cert", name, "rw") for name in names]}

    def reconcile(self) -> None:
        """The option is the export: there is nothing that could differ."""


def restart(manager: GlusterManager) -> None:
    """Stop and start the volume; a repeated call starts it in any case."""
    manager.gluster_call("volume", "stop", manager.volume, error_policy=(1,))
    manager.gluster_call("volume", "start", manager.volume)


def _own(manager: GlusterManager) -> list[str]:
    """Of a clone only those that are surely servers: its parent's clients came along with it."""
    names = _names(manager)
    if manager.get_vol_option(CLONED_FROM) is None:
        return names
    own = [name for name in names if name.startswith(KEPT_IN_CLONES)]
    if not own:
        raise errors.BadConfigurationException(
            reason=f"{ALLOW} of {manager.volume} ({','.join(names)}) has no name that begins with "
            f"{' or '.join(KEPT_IN_CLONES)}: which of them are the servers' is not known"
        )
    return own


def _names(manager: GlusterManager) -> list[str]:
    found = _split(manager.get_vol_option(ALLOW))
    if not found:
        raise errors.BadConfigurationException(
            reason=f"volume {manager.volume} has no {ALLOW}; set it to the common names of the "
            f"servers' certificates: gluster volume set {manager.volume} {ALLOW} NAME,NAME"
        )
    return found


def _split(text: str | None) -> list[str]:
    return [name.strip() for name in (text or "").split(",") if name.strip()]
