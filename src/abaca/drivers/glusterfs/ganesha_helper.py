"""Shares served by NFS-Ganesha's GLUSTER plug-in: NFS v3 to v4.2, one export per share."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any

from abaca.drivers.contract import errors
from abaca.drivers.ganesha.bus_client import CallRefused
from abaca.drivers.ganesha.clients import why_unwritable
from abaca.drivers.ganesha.export import Export, Fsal
from abaca.drivers.ganesha.exports import ExportTable
from abaca.drivers.ganesha.system import NodeFiles, SystemGanesha
from abaca.drivers.ganesha.templates import Template
from abaca.drivers.glusterfs.exporter import Location, Rules, location
from abaca.drivers.glusterfs.manager import GlusterManager
from abaca.drivers.glusterfs.place import Place
from abaca.drivers.rules import Wanted, rule_id
from abaca.model.networks import host_or_network

PLUGIN = "GLUSTER"
# The incumbent made an export for each rule, <share>--<rule id>; such are kept until their rule
# or their share goes, so that its clients keep their mounts.
OLD_FORM = "--"


class GaneshaNFSHelper:
    """Exports on the Ganesha of one node; `address` is where its clients find it."""

    rule_types: tuple[str, ...] = ("ip",)
    levels: tuple[str, ...] = ("rw", "ro")
    explicit = True

    def __init__(self, server: SystemGanesha, address: str, template: Template) -> None:
        self.server = server
        self._address = address
        self._template = template
        self._lock = threading.Lock()
        self._table: ExportTable[SystemGanesha] | None = None
        self._old: dict[str, Export] = {}

    @property
    def table(self) -> ExportTable[SystemGanesha]:
        """The exports, once setup read them."""
        if self._table is None:
            raise errors.ShareBackendException(msg="the exports of Ganesha are not read yet")
        return self._table

    def setup(self, managers: Sequence[GlusterManager]) -> None:
        """The plug-in, the include line and a Ganesha that answers must be there."""
        self.server.check(PLUGIN)
        if not self.server.is_serving():
            self.server.start(())
        with self._lock:
            if self._table is None:
                files = NodeFiles(self.server)
                self._old = {e.name: e for e in files.others() if OLD_FORM in e.name}
                self._table = ExportTable(self.server, files)
        for manager in managers:  # Gluster-NFS, where it runs, must not serve the same volume
            if manager.get_vol_option("nfs.export-volumes") not in (None, "OFF", "off"):
                manager.set_vol_option("nfs.export-volumes", False)
        self.reconcile()

    def export(self, place: Place) -> bool:
        options = (
            ("Hostname", place.manager.address.host),
            ("Volume", place.manager.volume),
            ("Volpath", place.path),
        )
        with _served_later():
            squash, more = self._template.squash, self._template.options
            served = self.table.create(place.name, "", squash, Fsal(PLUGIN, options), more)
        return not served.clients

    def locations(self, place: Place) -> list[Location]:
        return [location(self._address, f"/{place.name}")]

    def allow(self, place: Place, wanted: Wanted, rules: Sequence[Mapping[str, Any]]) -> None:
        wanted.refuse_networks(why_unwritable)
        with _served_later():
            self.table.set_clients(place.name, wanted.clients)
        kept = {f"{place.name}{OLD_FORM}{rule_id(rule)}" for rule in rules}
        self._drop_old_forms(place.name, kept)

    def withdraw(self, manager: GlusterManager | None, name: str) -> None:
        self._drop_old_forms(name, ())
        self.table.delete(name)

    def has(self, name: str) -> bool:
        return name in self.table

    def held(self, manager: GlusterManager) -> dict[str, Rules]:
        served = self.server.exports.show()
        return {
            export.name: [
                ("ip", host_or_network(client.network), "rw" if client.writable else "ro")
                for client in export.clients
            ]
            for export in NodeFiles(self.server).read()
            if export.export_id in served and ("Volume", manager.volume) in export.fsal.options
        }

    def reconcile(self) -> None:
        self.table.reconcile()

    def _drop_old_forms(self, name: str, kept: Container[str]) -> None:
        for old, export in list(self._old.items()):
            if old.startswith(name + OLD_FORM) and old not in kept:
                self.server.exports.remove(export.export_id)
                self.table.files.discard(export)
                del self._old[old]


@contextlib.contextmanager
def _served_later() -> Iterator[None]:
    """Ganesha refuses an export whose volume it does not reach, and finds it again only seconds
    after the volume is back: worth trying again."""
    try:
        yield
    except CallRefused as problem:
        raise errors.StorageCommunicationException(reason=str(problem)) from problem
