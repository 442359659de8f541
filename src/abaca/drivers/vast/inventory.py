"""What the array holds of abaca's, for the search for drift: five lists, however many shares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from abaca.drivers.contract.context import AnyContext
from abaca.drivers.contract.inventory import SHARE
from abaca.drivers.contract.inventory import SNAPSHOT as SNAPSHOT_KIND
from abaca.drivers.vast import names
from abaca.drivers.vast.array import SNAPSHOTS, Policy, Pool, plain
from abaca.drivers.vast.base import DIRECTORY, GIB
from abaca.drivers.vast.ensure import Ensure, There
from abaca.drivers.vast.exports import is_behind
from abaca.drivers.vast.snapshots import SNAPSHOT

LEVELS: Final = {"nfs_read_write": "rw", "nfs_read_only": "ro"}
Item = dict[str, Any]


class Inventory(Ensure):
    """Only what the private storage knows: the names of other services' shares look alike."""

    def get_inventory(self, context: AnyContext) -> list[Item]:
        """Shares of which a quota or a view is there, and snapshots."""
        directories: Mapping[str, str] = self._storage.find(DIRECTORY)
        owners = {directory: share_id for share_id, directory in directories.items()}
        there, pool = There.on(self.array), self._pool()
        shares = [
            _share(share_id, directory, there, pool)
            for share_id, directory in directories.items()
            if any(share_id in part for part in (there.quotas, there.views, there.unread))
        ]
        return [*shares, *self._snapshots(owners)]

    def _snapshots(self, owners: Mapping[str, str]) -> Iterator[Item]:
        found, unread = self.array.survey(SNAPSHOTS)
        for snapshot_id, name in self._storage.find(SNAPSHOT).items():
            if name in unread:
                yield {"kind": SNAPSHOT_KIND, "id": snapshot_id, "problem": unread[name]}
            elif name in found:
                yield {
                    "kind": SNAPSHOT_KIND,
                    "id": snapshot_id,
                    "share_id": owners.get(plain(found[name].path)),
                    "path": name,
                }


def _share(share_id: str, directory: str, there: There, pool: Pool) -> Item:
    """A share that lacks any of its parts counts as not exported: ensuring it makes them."""
    if share_id in there.unread:
        return {"kind": SHARE, "id": share_id, "problem": there.unread[share_id]}
    policy, quota = there.policies.get(share_id), there.quotas.get(share_id)
    view = there.views.get(share_id)
    exported = bool(policy and quota and view and is_behind(view, policy))
    return {
        "kind": SHARE,
        "id": share_id,
        "exported": exported,
        "size": (quota.hard_limit or 0) / GIB if quota else None,
        "rules": _rules(policy) if policy else None,
        "proto": "NFS",
        "path": names.locations(pool, directory)[0],
    }


def _rules(policy: Policy) -> list[Item]:
    return [
        {"access_type": "ip", "access_to": host, "access_level": level}
        for name, level in LEVELS.items()
        for host in getattr(policy, name) or ()
    ]
