"""What the pool holds and the servers serve."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from abaca.drivers.contract.context import AnyContext
from abaca.drivers.contract.inventory import EXPORT, SHARE, SNAPSHOT
from abaca.drivers.local import btrfs, revert
from abaca.drivers.local.exporter import Served
from abaca.drivers.local.pool import GIB
from abaca.drivers.local.shares import export_name
from abaca.drivers.local.snapshots import Snapshots, snapshot_export_name

Exports = dict[str, tuple[str, Served]]


class Inventory(Snapshots):
    """Looks at the disk and asks the servers; what this process remembers does not count."""

    def get_inventory(self, context: AnyContext) -> list[dict[str, Any]]:
        """About a millisecond for each share.  Raises if the pool is not mounted."""
        self.pool.check_mounted()
        exports = self.look_at_exports()
        uuids: dict[bytes, str] = {}
        held = [*self._shares(exports, uuids), *self._snapshots(exports, uuids)]
        self.pool.check_mounted()  # still: it was this that was looked at
        return [*held, *(_stale(name, *exports[name]) for name in exports)]

    def _shares(self, exports: Exports, uuids: dict[bytes, str]) -> Iterator[dict[str, Any]]:
        for path in self.pool.shares.iterdir():
            name = export_name(path.name)
            try:
                size = self.pool.quota.size(path)
                uuids[btrfs.identity(path)[0]] = path.name
                reverted_by = revert.marked(path)
            except (OSError, UnicodeDecodeError) as problem:
                if _is_there(path):
                    exports.pop(name, None)
                    yield _unread(SHARE, path, problem)
                continue  # or it was deleted meanwhile
            proto, served = exports.pop(name, (None, None))
            yield {
                "kind": SHARE,
                "id": path.name,
                "size": size / GIB,
                "exported": served is not None and served.whole,
                "rules": served.rules if served else None,
                "proto": proto,
                "path": self._place(name, path),
                "reverted_by": reverted_by,
            }

    def _snapshots(self, exports: Exports, uuids: dict[bytes, str]) -> Iterator[dict[str, Any]]:
        """One is exported while it has a rule."""
        for path in self.pool.snapshots.iterdir():
            name = snapshot_export_name(path.name)
            try:
                parent = btrfs.identity(path)[1]
            except OSError as problem:
                if _is_there(path):
                    exports.pop(name, None)
                    yield _unread(SNAPSHOT, path, problem)
                continue
            proto, served = exports.pop(name, (None, None))
            yield {
                "kind": SNAPSHOT,
                "id": path.name,
                "share_id": uuids.get(parent),
                "rules": served.rules if served and served.whole else [],
                "proto": proto,
                "path": f"snapshots/{path.name}",
            }

    def _place(self, name: str, path: Path) -> str:
        """As manage_existing takes it."""
        locations = (exporter.locations(name) for exporter in self.exporters.values())
        return next((str(found[0]["path"]) for found in locations if found), str(path))


def _is_there(path: Path) -> bool:
    """Only what is known to be absent is not."""
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    except OSError:
        pass
    return True


def _unread(kind: str, path: Path, problem: Exception) -> dict[str, Any]:
    """Something in a place for shares or snapshots that cannot be read as one."""
    return {"kind": kind, "id": path.name, "problem": f"{path} cannot be read: {problem}"}


def _stale(name: str, proto: str, served: Served) -> dict[str, Any]:
    """Something that is served without any data."""
    return {
        "kind": EXPORT,
        "id": name.removeprefix("share-").removeprefix("snapshot-"),
        "rules": served.rules or [],
        "proto": proto,
    }
