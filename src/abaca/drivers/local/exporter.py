"""What the driver wants of a protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from abaca.drivers.firewall.filter import Wanted as Admitted
from abaca.drivers.rules import Wanted

Location = dict[str, Any]
Rule = dict[str, str]  # access_type, access_to, access_level


@dataclass(frozen=True)
class Served:
    """An export as clients find it right now."""

    whole: bool  # served as asked for, and would be again after a restart
    rules: tuple[Rule, ...] | None  # in force; None: cannot be told


def rule(kind: str, to: object, writable: bool) -> Rule:
    """A rule in force."""
    return {"access_type": kind, "access_to": str(to), "access_level": "rw" if writable else "ro"}


class Exporter(Protocol):
    """One protocol's server.  Names are share-<id>, snapshot-<id>; calls may be repeated."""

    rule_types: tuple[str, ...]

    def export(
        self, name: str, source: str, near: str | None = None, project: str | None = None
    ) -> None:
        """Serve a directory to nobody yet; what is exported keeps its rules.

        `near`: another export on whose server this one shall be, if there is a choice.
        `project`: whose it is.
        """

    def has(self, name: str) -> bool:
        """Whether it is exported."""

    def lets_in(self, name: str) -> bool:
        """Whether it has any rules; not, if it is new or a call that was cut off made it."""

    def locations(self, name: str) -> list[Location]:
        """How clients reach it."""

    def locations_near(self, name: str, near: str) -> list[Location]:
        """How clients will reach `name` once it is exported beside `near`."""

    def mount_options(self, name: str) -> str:
        """Options for the mount command."""

    def allow(self, name: str, wanted: Wanted) -> dict[str, dict[str, str]]:
        """Make the rules in force equal `wanted`.  Returns additions to the rules' states."""

    def withdraw(self, name: str) -> None:
        """Stop serving it; absent is success."""

    def admitted(self) -> Admitted:
        """Who may connect to each server, from the records of what shall be served."""

    def check(self) -> None:
        """BadConfigurationException if its servers, should they not run, could not be started."""

    def reconcile(self) -> None:
        """Start what does not run, repair what differs from what was asked for."""

    def look(self) -> dict[str, Served]:
        """Everything that is served or should be, by name, as the server tells it."""

    def stop(self) -> None:
        """End the servers."""
