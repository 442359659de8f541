"""Take over subvolumes that are in the pool already, and give them back.

What is managed moves to its place by a rename: it is instant, and clients are served by the new
export only.  What is unmanaged moves to <pool>/unmanaged, no longer exported, its data untouched;
it can be managed again by its old export location.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from abaca.drivers.contract import errors
from abaca.drivers.contract.records import Share, Snapshot
from abaca.drivers.local import btrfs
from abaca.drivers.local.paths import UnsafePath, below
from abaca.drivers.local.pool import GIB
from abaca.drivers.local.shares import export_name
from abaca.drivers.local.snapshots import Snapshots, _share_of, snapshot_export_name

OPTIONS = ("size",)
_UNC = re.compile(r"\\\\[^\\/]+\\([^\\/]+)\Z")


class Manage(Snapshots):
    """Manage and unmanage shares and snapshots."""

    def manage_existing(self, share: Share, driver_options: Mapping[str, Any]) -> Mapping[str, Any]:
        """Take over the subvolume at the path of the share's export location.

        The path: absolute below the pool, relative to it, or the location that an unmanaged share
        had, over NFS or SMB.  driver_options: size (GiB), if it shall be larger than its data.
        """
        self.exporter(share["share_proto"])
        target = self._path(share)
        if not target.exists():
            given = share["export_locations"][0]["path"] if share["export_locations"] else ""
            source = self._to_manage(str(given), errors.ManageInvalidShare)
            read_only = btrfs.is_read_only(source)
            btrfs.set_read_only(source, False)
            try:
                self.pool.quota.count_inherited(source)
                size = self._managed_size(source, driver_options)
            except errors.ManageInvalidShare:
                btrfs.set_read_only(source, read_only)
                raise
            btrfs.move(source, target)
        else:  # a repeated call
            size = self._managed_size(target, driver_options)
        self.pool.quota.set_size(target, size * GIB)
        return {"size": size, "export_locations": self._export(share)}

    def unmanage(self, share: Share) -> None:
        """Stop serving the share; its data stays in <pool>/unmanaged/share-<id>."""
        for exporter in self.exporters.values():
            exporter.withdraw(export_name(share["id"]))
        path = self._path(share)
        if path.exists():
            btrfs.move(path, self.pool.unmanaged / export_name(share["id"]))

    def manage_existing_snapshot(
        self, snapshot: Snapshot, driver_options: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Take over a snapshot of the share, given as `provider_location`: a path in the pool."""
        target = self._snapshot_path(snapshot)
        share = self.share_path(_share_of(snapshot))
        if not share.exists():
            raise errors.ManageInvalidShareSnapshot(reason="its share is not on this backend")
        if not target.exists():
            given = str(snapshot.get("provider_location") or "")
            source = self._to_manage(given, errors.ManageInvalidShareSnapshot)
            if btrfs.identity(source)[1] != btrfs.identity(share)[0]:
                raise errors.ManageInvalidShareSnapshot(
                    reason=f"{given} is not a snapshot of share {_share_of(snapshot)}"
                )
            btrfs.move(source, target)
        btrfs.set_read_only(target, True)
        size = math.ceil((self.pool.quota.size(share) or GIB) / GIB)
        return {
            "size": size,
            "provider_location": f"snapshots/{target.name}",
            "export_locations": self.snapshot_locations(snapshot),
        }

    def unmanage_snapshot(self, snapshot: Snapshot) -> None:
        """Stop serving it; its data stays in <pool>/unmanaged/snapshot-<id>."""
        name = snapshot_export_name(snapshot["id"])
        for exporter in self.exporters.values():
            exporter.withdraw(name)
        path = self._snapshot_path(snapshot)
        if path.exists():
            btrfs.move(path, self.pool.unmanaged / name)

    def _managed_size(self, path: Path, options: Mapping[str, Any]) -> int:
        """GiB: what is asked for, else the limit it has, else what the data needs."""
        unknown = sorted(set(options) - set(OPTIONS))
        if unknown:
            raise errors.ManageInvalidShare(
                reason=f"driver option {unknown[0]!r:.60} is not known; size is"
            )
        quota = self.pool.quota
        btrfs.commit(path)
        needed = max(1, math.ceil(quota.used(path) / GIB))
        given = options.get("size")
        if given is None:
            return max(needed, math.ceil(quota.size(path) / GIB))
        text = str(given)
        if not text.isascii() or not text.isdigit() or not needed <= int(text) < 1 << 33:
            raise errors.ManageInvalidShare(
                reason=f"size {text!r:.40} is not a number of GiB that holds the data ({needed})"
            )
        return int(text)

    def _to_manage(self, given: str, failure: type[errors.ManilaException]) -> Path:
        """The subvolume that an administrator's path means."""
        try:
            path = self._resolve(given)
        except UnsafePath as problem:
            raise failure(reason=str(problem)) from problem
        taken = (*self.pool.own_places, self.pool.unmanaged)
        inside = [place for place in self.pool.own_places if path.is_relative_to(place)]
        if inside or path in taken or path == self.pool.root:
            raise failure(reason=f"{given!r:.200} belongs to abaca already")
        if not path.exists():
            raise failure(reason=f"{given!r:.200} does not exist in the pool {self.pool.root}")
        if not btrfs.is_subvolume(path):
            raise failure(
                reason=f"{given!r:.200} is not a btrfs subvolume; "
                "make one with `btrfs subvolume create` and move the data there"
            )
        if btrfs.nested(path):
            raise failure(
                reason=f"{given!r:.200} has other subvolumes inside, which the size of a share "
                "does not limit and its snapshots do not hold; move them out of it"
            )
        return path

    def _resolve(self, given: str) -> Path:
        host, colon, rest = given.partition(":/")
        text = f"/{rest}" if colon and "/" not in host else given
        if unc := _UNC.match(given):
            text = unc[1]
        root = str(self.pool.root)
        if text == root or text.startswith(root + "/"):
            return below(self.pool.root, text[len(root) :])
        if given.startswith("/"):
            raise UnsafePath(f"{given!r:.200} is not in the pool {root}")
        path = below(self.pool.root, text)
        # the old location of something unmanaged: share-<id> of some host, or snapshots/<id>
        unmanaged = below(self.pool.unmanaged, re.sub(r"\Asnapshots/", "snapshot-", text))
        return path if path.exists() or not unmanaged.exists() else unmanaged
