"""Registry shares: files that record what shall be served, and the registry kept in step.

A command on the registry takes 30-55 ms whatever the number of shares, and changes are seen by
smbd at once, except by clients that are connected already: those are disconnected when a change
takes something away.  A client that still may simply connects again.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from abaca.drivers.ganesha.files import private_directory, remove, write_atomic
from abaca.drivers.samba import section
from abaca.drivers.samba.rules import Rules, narrows, parameters
from abaca.drivers.samba.server import SmbServer

log = logging.getLogger(__name__)
_FIXED = {
    "force user": "root",  # rules say who may come in; on the file system all are one
    "follow symlinks": "no",
    "wide links": "no",
    "create mask": "0666",
    "directory mask": "0777",
}


@dataclass(frozen=True)
class SmbShare:
    """A directory, its name, its rules."""

    name: str
    path: str
    rules: Rules = field(default_factory=Rules)

    def section(self, place: Path) -> dict[str, str]:
        """The parameters of the share, whose directory smbd sees at `place`."""
        return {"path": str(place), **_FIXED, **parameters(self.rules)}


class RegistryShares:
    """Shares by name.  Methods may be called from several threads."""

    def __init__(self, server: SmbServer) -> None:
        self.server = server
        self.directory = server.directory / "shares"
        self._lock = threading.RLock()
        self._shares: dict[str, SmbShare] = {}
        self._applied: dict[str, SmbShare] = {}
        self._repaired = False
        self._load()

    def get(self, name: str) -> SmbShare | None:
        """The share of this name, as asked for."""
        return self._shares.get(name)

    def users(self) -> set[str]:
        """The logins that rules of any share name."""
        with self._lock:
            return {login for share in self._shares.values() for login in share.rules.users}

    def shares(self) -> list[SmbShare]:
        """All shares, as asked for; without waiting for a change that goes on."""
        return list(self._shares.values())

    def create(self, name: str, path: str) -> None:
        """Share a directory, with nobody yet; an existing share keeps its rules."""
        with self._lock:
            known = self._shares.get(section.check_name(name))
            share = known if known and known.path == path else SmbShare(name, path)
            self._put(share)

    def set_rules(self, name: str, rules: Rules) -> None:
        """Put exactly these rules in force.  KeyError if there is no such share."""
        with self._lock:
            old = self._applied.get(name)  # None: what is in force is not known
            new = SmbShare(name, self._shares[name].path, rules)
            self._put(new)
            if old is None or narrows(old.rules, rules):
                self.server.disconnect(name)

    def delete(self, name: str) -> None:
        """Stop sharing; absent is success."""
        with self._lock:
            if name not in self._shares:
                return
            if name in section.parse(self.server.run("net", "conf", "list")):
                self.server.run("net", "conf", "delshare", name)
            self.server.disconnect(name)
            self.server.hide(name)
            remove(self._file(name))
            self._applied.pop(name, None)
            del self._shares[name]

    def reconcile(self) -> bool:
        """Start smbd if there is something to share; True if it was started.

        The registry is compared at the first time and before a start; nobody else writes it.
        """
        with self._lock:
            running = self.server.pid is not None
            if (running and self._repaired) or not (running or self._shares):
                return False
            self.server.prepare()
            self._repair()
            self._repaired = True
            if running:
                return False
            self._start()
            return True

    def look(self) -> dict[str, tuple[bool, Rules | None]]:
        """What is shared, as the registry and the files tell it: (as asked for, rules).

        A share that they tell otherwise is taken for unknown: the next call that is about it puts
        it in force again.  Rules of what only the registry has cannot be told.
        """
        with self._lock:
            running = self.server.pid is not None
            listed = section.parse(self.server.run("net", "conf", "list")) if self._shares else {}
            found: dict[str, tuple[bool, Rules | None]] = dict.fromkeys(
                set(listed) - set(self._shares) - {"global"}, (True, None)
            )
            self._repaired = self._repaired and not found
            for name, share in self._shares.items():
                shown = self.server.shows(name, share.path)
                whole = listed.get(name) == self._section(share) and self._on_file(share)
                if not whole or not shown:
                    self._applied.pop(name, None)
                    self._repaired = False
                found[name] = (whole and running and shown, share.rules)
            return found

    def _on_file(self, share: SmbShare) -> bool:
        try:
            return self._file(share.name).read_text() == _to_json(share)
        except (OSError, UnicodeDecodeError):
            return False

    def _put(self, share: SmbShare) -> None:
        text = section.render(share.name, self._section(share))
        if self._shares.get(share.name) != share or not self._on_file(share):
            write_atomic(self._file(share.name), _to_json(share))
            self._shares[share.name] = share
        self.server.prepare()
        self.server.show(share.name, share.path)
        if self._applied.get(share.name) != share:
            self._import(share.name, text)
            self._applied[share.name] = share
        if self.server.pid is None:
            self._start()

    def _repair(self) -> None:
        """The registry against the files: surplus out, missing and different in."""
        listed = section.parse(self.server.run("net", "conf", "list"))
        for name in set(listed) - set(self._shares) - {"global"}:
            self.server.run("net", "conf", "delshare", name)
            self.server.disconnect(name)
            self.server.hide(name)
        for name, share in self._shares.items():
            if not self._on_file(share):
                write_atomic(self._file(name), _to_json(share))
            self.server.show(name, share.path)
            if listed.get(name) != self._section(share):
                self._import(name, section.render(name, self._section(share)))
                self.server.disconnect(name)
            self._applied[name] = share

    def _import(self, name: str, text: str) -> None:
        file = self.server.directory / "import.conf"
        write_atomic(file, text)
        self.server.run("net", "conf", "import", str(file), name)

    def _section(self, share: SmbShare) -> dict[str, str]:
        return share.section(self.server.place(share.name))

    def _start(self) -> None:
        self.server.start({share.name: share.path for share in self._shares.values()})

    def _file(self, name: str) -> Path:
        return self.directory / f"{name}.json"

    def _load(self) -> None:
        private_directory(self.directory)
        for file in self.directory.glob("*.json"):
            try:
                share = _from_json(file.read_bytes())
            except _Damaged as problem:  # nobody is let in by what a broken disk has written
                log.error("%s is damaged and put aside: %s", file, problem)
                file.rename(file.with_name(f"{file.name}.damaged"))
                continue
            self._shares[share.name] = share


class _Damaged(ValueError):
    """A file does not say what was written."""


def _to_json(share: SmbShare) -> str:
    rules = share.rules
    networks = {str(network): writable for network, writable in rules.networks.items()}
    data = {"name": share.name, "path": share.path, "networks": networks, "users": rules.users}
    return json.dumps({**data, "sum": _sum(data)})


def _sum(data: Mapping[str, object]) -> str:
    """A changed digit would let in a client that was denied."""
    return hashlib.sha256(json.dumps(data).encode()).hexdigest()


def _from_json(text: bytes) -> SmbShare:
    try:
        data = json.loads(text)
        if data.pop("sum") != _sum(data):
            raise _Damaged("the checksum is wrong")
        networks = {ipaddress.ip_network(n): bool(w) for n, w in data["networks"].items()}
        rules = Rules(networks, {str(u): bool(w) for u, w in data["users"].items()})
        return SmbShare(section.check_name(data["name"]), str(data["path"]), rules)
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise _Damaged(str(problem)) from problem
