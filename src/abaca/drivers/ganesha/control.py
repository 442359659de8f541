"""Ganesha's ExportMgr interface over the message bus."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, NamedTuple, Protocol, cast

from jeepney import DBusAddress

from abaca.drivers.ganesha.bus_client import CallRefused
from abaca.drivers.ganesha.clients import Client, whole
from abaca.model.networks import BadNetwork, parse

BUS_NAME = "org.ganesha.nfsd"
_MAY_READ, _MAY_WRITE = 0x20, 0x40  # EXPORT_OPTION_READ_ACCESS, _WRITE_ACCESS of Ganesha


log = logging.getLogger(__name__)


class InForce(NamedTuple):
    """Whom an export lets in right now."""

    clients: list[Client]
    # what cannot be read as a client; whether it may write
    unparsed: tuple[tuple[str, bool], ...] = ()


UNREADABLE = InForce([], (("an answer that cannot be read", True),))


class Bus(Protocol):
    """A way to a message bus."""

    def call(
        self,
        address: DBusAddress,
        method: str,
        signature: str = "",
        arguments: tuple[object, ...] = (),
    ) -> tuple[object, ...]:
        """One method call.  Raises CallRefused when an error comes back."""

    def owner(self, name: str) -> int | None:
        """The pid of the process that owns a bus name, None if nobody does."""


class ExportManager:
    """The exports of one running Ganesha.  Calls take about a millisecond."""

    def __init__(self, bus: Bus, bus_name: str = BUS_NAME) -> None:
        self._bus = bus
        self.bus_name = bus_name
        self._address = DBusAddress(
            "/org/ganesha/nfsd/ExportMgr",
            bus_name=self.bus_name,
            interface="org.ganesha.nfsd.exportmgr",
        )

    def owner(self) -> int | None:
        """The pid that answers under this instance's name."""
        return self._bus.owner(self.bus_name)

    def add(self, export_id: int, file: Path | str) -> None:
        """Serve the export in the file.  CallRefused if its id or pseudo path is taken."""
        self._bus.call(self._address, "AddExport", "ss", (str(file), _selector(export_id)))

    def update(self, export_id: int, file: Path | str) -> None:
        """Put the file's client list in force, connected clients included."""
        self._bus.call(self._address, "UpdateExport", "ss", (str(file), _selector(export_id)))

    def remove(self, export_id: int) -> None:
        """Stop serving the export and close its files; absent is success."""
        try:
            self._bus.call(self._address, "RemoveExport", "q", (export_id,))
        except CallRefused:
            if export_id in self.show():
                raise

    def show(self) -> set[int]:
        """The ids of all exports being served; 0 is the pseudo root and left out."""
        return set(self.pseudo_paths())

    def pseudo_paths(self) -> dict[int, str]:
        """Where each export being served is found."""
        reply = self._bus.call(self._address, "ShowExports")
        rows = cast("list[tuple[Any, ...]]", reply[1])
        return {int(row[0]): str(row[1]) for row in rows if int(row[0]) != 0}

    def in_force(self, export_id: int) -> InForce:
        """Who is let in right now.  CallRefused if there is no such export.

        Names, wildcards and netgroups, which files of ours never have, are told as they are.
        """
        reply = self._bus.call(self._address, "DisplayExport", "q", (export_id,))
        try:
            return _in_force(cast("list[tuple[Any, ...]]", reply[4]))
        except (IndexError, TypeError, ValueError) as problem:
            log.error("what Ganesha says of export %d cannot be read: %s", export_id, problem)
            return UNREADABLE


def _in_force(rows: list[tuple[Any, ...]]) -> InForce:
    """The last two columns of a client are its options, and which of them were set for it: all
    that are about access, in files of ours."""
    clients, unparsed = [], []
    for row in rows:
        options = int(row[-2])
        if not options & _MAY_READ:
            continue
        text, writable = str(row[0]), bool(options & _MAY_WRITE)
        try:
            clients.append(Client(parse(text), writable))
        except BadNetwork:
            unparsed.append((text, writable))
    return InForce(whole(clients), tuple(unparsed))


def _selector(export_id: int) -> str:
    return f"EXPORT(Export_Id={export_id})"
