"""What the driver wants of the server in front of its shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from abaca.drivers.glusterfs.manager import GlusterManager
from abaca.drivers.glusterfs.place import Place
from abaca.drivers.rules import Wanted

Location = dict[str, Any]
Rules = list[tuple[str, str, str]]


class Exporter(Protocol):
    """A way to reach shares.  Calls may be repeated."""

    rule_types: tuple[str, ...]
    levels: tuple[str, ...]
    explicit: bool  # a share is something to the server even while it has no rule

    def setup(self, managers: Sequence[GlusterManager]) -> None:
        """Check that a server of this kind is there and serves; say what to do if not."""

    def export(self, place: Place) -> bool:
        """Serve it, to nobody yet; what is served keeps its rules.

        True if nobody is let in: it is new, or a call that was cut off made it.
        """

    def locations(self, place: Place) -> list[Location]:
        """How clients reach it."""

    def allow(self, place: Place, wanted: Wanted, rules: Sequence[Mapping[str, Any]]) -> None:
        """Let exactly these clients in."""

    def withdraw(self, manager: GlusterManager | None, name: str) -> None:
        """Stop serving it; absent is success.  `manager`: its volume, where that is known."""

    def has(self, name: str) -> bool:
        """Whether it is served."""

    def held(self, manager: GlusterManager) -> dict[str, Rules]:
        """The names that are served of a volume, each with its rules in force (type, to, level);
        asked of the server, not remembered."""

    def reconcile(self) -> None:
        """Repair what differs from what was asked for."""


def location(host: str, path: str) -> Location:
    """An export location on a server's standard port."""
    shown = f"[{host}]" if ":" in host else host
    return {"path": f"{shown}:{path}", "is_admin_only": False, "metadata": {"preferred": "True"}}
