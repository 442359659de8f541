"""Who may connect to the servers of one backend: a table of nftables, kept in step with the rules.

A server's sets admit the union of the rules of its exports; which export a client may use is for
the server to decide.  A rule is added here before the server learns of it, and removed after the
server has forgotten it, so that no allowed client is refused here.  The table outlives abaca.
`reconcile` computes it from what is to be served, and restores what was changed from outside.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

from abaca.drivers.firewall import ruleset
from abaca.drivers.firewall.listing import Element, Listing, read
from abaca.drivers.firewall.networks import SETS, Admitted, Networks
from abaca.drivers.firewall.nftables import Nftables, NftablesFailure
from abaca.drivers.firewall.ruleset import COUNTERS, Server
from abaca.model.networks import Network, host_or_network

log = logging.getLogger(__name__)
Wanted = Mapping[Server, Mapping[str, Networks]]  # networks by export


def table_name(directory: Path) -> str:
    """The table of the backend with this state directory; no other backend's has its name."""
    plain = re.sub(r"\W", "_", directory.name, flags=re.ASCII)[:40]
    return f"inet abaca_{plain}_{hashlib.sha256(str(directory).encode()).hexdigest()[:10]}"


class Filter(Protocol):
    """What exporters tell of their servers.  Methods may be called from several threads."""

    def open(self, server: Server) -> None:
        """Before a new server is started: admit nobody yet.  A known server is left alone."""

    def changing(
        self, server: Server, export: str, networks: Iterable[Network]
    ) -> contextlib.AbstractContextManager[None]:
        """Around the server's change of an export's clients to `networks`.

        If that change fails, the old and the new ones are admitted until `reconcile`.
        """

    def reconcile(self, wanted: Callable[[], Wanted]) -> None:
        """Admit exactly what `wanted` returns, and what is being changed.

        No rule changes while `wanted` runs, so it must not wait for a server.
        """

    def shut_out(self) -> set[str]:
        """The exports that have a client whom the table does not admit."""

    def remove(self) -> None:
        """Remove the table; absent is success."""


class ConnectionFilter:
    """The filter in force."""

    def __init__(self, table: str, per_client: int) -> None:
        """per_client: how many connections one address may have to one server."""
        self.table = table
        self._per_client = per_client
        self._nftables = Nftables()
        self._lock = threading.Lock()
        self._admitted: dict[Server, Admitted] = {}
        self._in_change: dict[tuple[Server, str], Networks] = {}
        self._frame: str | None = None  # the table without its elements, as it was installed

    def open(self, server: Server) -> None:
        with self._lock:
            if server not in self._admitted:
                self._admitted[server] = Admitted()
                self._install()

    @contextlib.contextmanager
    def changing(self, server: Server, export: str, networks: Iterable[Network]) -> Iterator[None]:
        after, key = frozenset(networks), (server, export)
        with self._lock:
            before = self._of(server).by_export.get(export, frozenset())
            self._put(server, export, before | after)
            self._in_change[key] = before | after
        done = False
        try:
            yield
            done = True
        finally:
            with self._lock:
                self._in_change.pop(key, None)
                if done:
                    self._put(server, export, after)

    def reconcile(self, wanted: Callable[[], Wanted]) -> None:
        with self._lock:
            found = self._listing()
            if self._frame is not None and self._differs(found):
                log.warning("the nftables table %s was changed; restoring it", self.table)
            self._admitted = self._computed(wanted())
            if self._differs(found):
                self._install(found)

    def shut_out(self) -> set[str]:
        with self._lock:
            found = self._listing()
            if found is None:
                return set()  # nobody is refused by a table that is not there
            lost = {
                server: [
                    network
                    for kind, networks in admitted.elements.items()
                    for network in networks
                    if (server.set_name(kind), host_or_network(network)) not in found.elements
                ]
                for server, admitted in self._admitted.items()
            }
            return {
                export
                for server, missing in lost.items()
                for export, networks in self._admitted[server].by_export.items()
                if any(_overlap(network, other) for other in missing for network in networks)
            }

    def remove(self) -> None:
        with self._lock:
            self._nftables.run(ruleset.remove(self.table))
            self._admitted, self._frame = {}, None

    def _of(self, server: Server) -> Admitted:
        if server not in self._admitted:
            self._admitted[server] = Admitted()
            self._install()
        return self._admitted[server]

    def _put(self, server: Server, export: str, networks: Networks) -> None:
        changes = self._of(server).put(export, networks)
        if not changes:
            return
        try:
            self._nftables.run(ruleset.change(self.table, server, changes))
        except NftablesFailure as problem:
            log.warning("%s is not as it was left: %s; restoring it", self.table, problem)
            self._install()

    def _computed(self, wanted: Wanted) -> dict[Server, Admitted]:
        found = {}
        for server, exports in wanted.items():
            found[server] = Admitted()
            for export, networks in exports.items():
                found[server].put(export, networks)
        for (server, export), networks in self._in_change.items():
            there = found.setdefault(server, Admitted())
            there.put(export, networks | there.by_export.get(export, frozenset()))
        return found

    def _differs(self, found: Listing | None) -> bool:
        """Whether the table is another than the one that was installed and changed since."""
        return found is None or found.frame != self._frame or found.elements != self._elements()

    def _elements(self) -> frozenset[Element]:
        return frozenset(
            (server.set_name(kind), host_or_network(network))
            for server, admitted in self._admitted.items()
            for kind, networks in admitted.elements.items()
            for network in networks
        )

    def _install(self, found: Listing | None = None) -> None:
        """Counts of connections are kept, unless there are sets of a server that is gone."""
        self._frame = None
        elements = {server: admitted.elements for server, admitted in self._admitted.items()}
        text = ruleset.install(self.table, elements, self._per_client)
        anew = f"{ruleset.remove(self.table)}\n{text}"
        ours = {server.set_name(kind) for server in elements for kind in SETS | COUNTERS}
        if found and not found.sets <= ours:
            text = anew
        try:
            self._nftables.run(text)
        except NftablesFailure:  # a set of this name is of another type
            self._nftables.run(anew)
        installed = self._listing()
        self._frame = installed.frame if installed else None

    def _listing(self) -> Listing | None:
        listed = self._nftables.list_table(self.table)
        return None if listed is None else read(listed)


def _overlap(one: Network, other: Network) -> bool:
    return one.version == other.version and one.overlaps(other)


class NoFilter:
    """Everybody may connect: local_firewall = false."""

    def __init__(self, table: str) -> None:
        self.table = table

    def open(self, server: Server) -> None:
        """Nothing to do."""

    def changing(
        self, server: Server, export: str, networks: Iterable[Network]
    ) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def reconcile(self, wanted: Callable[[], Wanted]) -> None:
        """A table of a time when the filter was on would refuse what is allowed now."""
        self.remove()

    def shut_out(self) -> set[str]:
        return set()

    def remove(self) -> None:
        with contextlib.suppress(NftablesFailure):  # where it cannot be used, there is no table
            Nftables().run(ruleset.remove(self.table))
