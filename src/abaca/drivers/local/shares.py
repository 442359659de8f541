"""Shares: create, delete, resize, ensure, used size."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from abaca.drivers.contract import errors
from abaca.drivers.contract.context import AnyContext
from abaca.drivers.contract.records import Share, ShareServer, Snapshot
from abaca.drivers.local import btrfs, trash
from abaca.drivers.local.base import LocalBase
from abaca.drivers.local.exporter import Location
from abaca.drivers.local.paths import UnsafePath
from abaca.drivers.local.pool import GIB

ROOT_MODE = 0o777  # who may reach a share at all is what its access rules say


def export_name(share_id: str) -> str:
    """The name a share is exported under."""
    return f"share-{share_id}"


class Shares(LocalBase):
    """A share is a subvolume named by its instance id, with a limit, and an export."""

    def create_share(
        self, context: AnyContext, share: Share, share_server: ShareServer | None = None
    ) -> list[Location]:
        """An empty share that nobody can reach yet."""
        self.exporter(share["share_proto"])
        path = self._path(share)
        if not path.exists():
            btrfs.create_subvolume(path)
            path.chmod(ROOT_MODE)
        self.pool.quota.set_size(path, int(share["size"]) * GIB)
        return self._export(share)

    def create_share_from_snapshot(
        self,
        context: AnyContext,
        share: Share,
        snapshot: Snapshot,
        share_server: ShareServer | None = None,
        parent_share: Share | None = None,
    ) -> list[Location]:
        """A writable clone; it shares its data with the snapshot until either changes."""
        self.exporter(share["share_proto"])
        path = self._path(share)
        source = self.snapshot_path(snapshot["id"])
        if not path.exists():
            if not source.exists():
                raise errors.SnapshotResourceNotFound(name=snapshot["id"])
            btrfs.snapshot(source, path, read_only=False)
        self.pool.quota.count_inherited(path)
        self.pool.quota.set_size(path, int(share["size"]) * GIB)
        return self._export(share)

    def delete_share(
        self, context: AnyContext, share: Share, share_server: ShareServer | None = None
    ) -> None:
        """Stop serving, then take the subvolume away; absent is success."""
        try:
            path = self._path(share)
        except errors.InvalidShare:
            return  # such a share cannot have been made
        for exporter in self.exporters.values():
            exporter.withdraw(export_name(share["id"]))
        trash.discard(self.pool, path)

    def extend_share(
        self, share: Share, new_size: int, share_server: ShareServer | None = None
    ) -> None:
        """Raise the limit; clients see it at once."""
        self.pool.quota.set_size(self._existing(share), int(new_size) * GIB)

    def shrink_share(
        self, share: Share, new_size: int, share_server: ShareServer | None = None
    ) -> None:
        """Lower the limit, unless more is in use.

        The new limit comes first: what clients write meanwhile cannot go beyond it unseen.
        """
        path, quota = self._existing(share), self.pool.quota
        quota.set_size(path, int(new_size) * GIB)
        btrfs.commit(path)
        if quota.used(path) > int(new_size) * GIB:
            quota.set_size(path, int(share["size"]) * GIB)
            raise errors.ShareShrinkingPossibleDataLoss(share_id=share["id"])

    def ensure_share(
        self, context: AnyContext, share: Share, share_server: ShareServer | None = None
    ) -> list[Location]:
        """Limit and export as they shall be.  ShareResourceNotFound if the data is gone."""
        path = self._existing(share)
        self.pool.quota.count_inherited_once(path)
        self.pool.quota.set_size(path, int(share["size"]) * GIB)
        return self._export(share)

    def ensure_shares(
        self, context: AnyContext, shares: Sequence[Share]
    ) -> dict[str, dict[str, Any]]:
        """All at once.  A share whose data is gone is reported as in error."""
        trash.empty(self.pool)
        self.reconcile()
        updates: dict[str, dict[str, Any]] = {}
        for share in shares:
            exporter = self.exporters.get(str(share["share_proto"]).upper())
            ruled = exporter is not None and exporter.lets_in(export_name(share["id"]))
            try:
                locations = self.ensure_share(context, share)
            except (errors.ShareResourceNotFound, errors.InvalidShare):
                updates[share["id"]] = {"status": "error"}
                continue
            updates[share["id"]] = {
                "export_locations": locations,
                "reapply_access_rules": not ruled,
            }
        return updates

    def get_backend_info(self, context: AnyContext) -> Mapping[str, Any]:
        """What locations and limits depend on; the boot id has exports checked after a reboot."""
        return {
            "pool": str(self.pool.image or self.pool.root),
            "addresses": ",".join(self.addresses),
            "protocols": ",".join(self.protocols),
            "nfs_port": str(self._option("local_nfs_port")),
            "mount_port": str(self._option("local_mount_port")),
            "smb_port": str(self._option("local_smb_port")),
            "smb_users": "projects" if self._option("local_smb_create_users") else "administrator",
            "squash": str(self._option("local_nfs_squash")),
            "boot_id": Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
        }

    def get_share_status(
        self, share: Share, share_server: ShareServer | None = None
    ) -> Mapping[str, Any]:
        """Nothing goes on in the background here: a share that exists is available."""
        if not self._path(share).exists():
            return {"status": "error"}
        return {"status": "available", "export_locations": self._export(share)}

    def update_share_usage_size(
        self, context: AnyContext, shares: Sequence[Share]
    ) -> list[dict[str, Any]]:
        """Used GiB as of the last commit of the file system (30 s)."""
        now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None).isoformat()
        sizes = []
        for share in shares:
            try:
                used = self.pool.quota.used(self._path(share))
            except (FileNotFoundError, errors.InvalidShare):
                continue
            size = round(used / GIB, 3)
            sizes.append({"id": share["id"], "used_size": size, "gathered_at": now})
        return sizes

    def _path(self, share: Mapping[str, Any]) -> Path:
        try:
            return self.share_path(share["id"])
        except UnsafePath as problem:
            raise errors.InvalidShare(reason=str(problem)) from problem

    def _existing(self, share: Mapping[str, Any]) -> Path:
        path = self._path(share)
        if not path.exists():
            raise errors.ShareResourceNotFound(share_id=share["id"])
        return path

    def _export(self, share: Mapping[str, Any]) -> list[Location]:
        exporter = self.exporter(share["share_proto"])
        name = export_name(share["id"])
        exporter.export(name, str(self._path(share)), project=share.get("project_id"))
        return exporter.locations(name)
