"""What the simulated array holds of abaca's, as the invariants look at it."""

from __future__ import annotations

from typing import Any

from abaca.testing.vms import Array
from vast.kit import GIB

PARTS = ("views", "quotas", "viewpolicies")
LEVELS = {"nfs_read_write": "rw", "nfs_read_only": "ro"}
SNAPSHOT = "share-snapshot-"
OWN = "manila-"


class Held:
    """Objects that others made are left out, by their names."""

    def __init__(self, array: Array) -> None:
        self._array = array

    def shares(self) -> dict[str, dict[str, Any]]:
        """One that lacks a part goes by a name that no row has."""
        named = {kind: {row["name"]: row for row in self._array.objects(kind)} for kind in PARTS}
        streams = {row["name"] for row in self._array.objects("globalsnapstreams")}
        directories = self._array.directories()
        own = {path.rpartition(OWN)[2] for path in directories if f"/{OWN}" in path}
        found: dict[str, dict[str, Any]] = {}
        for name in {*streams, *own, *(n for rows in named.values() for n in rows if _is_id(n))}:
            parts = [rows.get(name) for rows in named.values()]
            whole = all(parts) and parts[0]["path"] == parts[1]["path"] in directories  # type: ignore[index]
            size = (parts[1] or {}).get("hard_limit", 0) / GIB
            found[name if whole else f"part of {name}"] = {"size": size}
        return found

    def snapshots(self) -> dict[str, dict[str, Any]]:
        names = (str(row["name"]) for row in self._array.objects("snapshots"))
        return {name.removeprefix(SNAPSHOT): {} for name in names if name.startswith(SNAPSHOT)}

    def rules(self, owner: str) -> list[dict[str, str]]:
        policy = self._array.named("viewpolicies", owner) or {}
        return [
            {"access_type": "ip", "access_to": host, "access_level": level}
            for name, level in LEVELS.items()
            for host in policy.get(name, ())
        ]


def _is_id(name: str) -> bool:
    return name.count("-") == 4
