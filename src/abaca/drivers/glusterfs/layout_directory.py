"""Shares as top-level directories of one volume, each with a quota."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from abaca.drivers.contract import errors
from abaca.drivers.contract.records import Share, Snapshot
from abaca.drivers.ganesha.export import check_name
from abaca.drivers.glusterfs.manager import GlusterManager
from abaca.drivers.glusterfs.mount import ControlMount
from abaca.drivers.glusterfs.place import NAMED_BY_ID, Place
from abaca.drivers.glusterfs.quota import GIB, Quota
from abaca.drivers.glusterfs.trash import Trash

ROOT_MODE = 0o777  # who may reach a share at all is what its access rules say
UNMANAGED = ".unmanaged"
_TOP_LEVEL = re.compile(r"/?([A-Za-z0-9][A-Za-z0-9_.-]{0,127})/?\Z")


class GlusterfsDirectoryMappedLayout:
    """One volume, mounted on this host."""

    snapshots = False

    def __init__(
        self, manager: GlusterManager, mount: ControlMount, minimum: tuple[int, ...]
    ) -> None:
        self._minimum = minimum
        self.manager = manager
        self.mount = mount
        self.quota = Quota(manager)
        self.trash = Trash(mount.root)

    def setup(self) -> None:
        self.mount.check_client()
        self.manager.check_gluster_version(self._minimum)
        self.quota.enable()
        self.mount.ensure()
        self.quota.check_daemon()
        self.trash.empty()

    def managers(self) -> Sequence[GlusterManager]:
        return [self.manager]

    def create(self, share: Share) -> Place:
        place = self._at(share)
        self.quota.check_daemon()
        with self.mount.reached() as root:
            directory = root / place.name
            fresh = not directory.exists()
            directory.mkdir(exist_ok=True)
            directory.chmod(ROOT_MODE)
            try:
                self.quota.limit(place.path, int(share["size"]))
            except errors.ManilaException as problem:
                # of an unknown outcome the repeated call takes care; nothing else is left behind
                if fresh and not errors.transient(problem):
                    directory.rmdir()
                raise
        return place

    def create_from_snapshot(self, share: Share, snapshot: Snapshot) -> Place:
        raise NotImplementedError

    def place(self, share: Mapping[str, Any]) -> Place:
        place = self._at(share)
        with self.mount.reached() as root:
            if not (root / place.name).is_dir():
                raise errors.ShareResourceNotFound(share_id=share["id"])
        return place

    def delete(self, share: Mapping[str, Any]) -> None:
        place = self._at(share)
        with self.mount.reached() as root:
            if (root / place.name).exists():
                self.quota.remove(place.path)
                self.trash.discard(root / place.name)

    def resize(self, share: Share, size: int, shrink: bool) -> None:
        place = self.place(share)
        if shrink and self.quota.of(place.path).used > size * GIB:
            raise errors.ShareShrinkingPossibleDataLoss(share_id=share["id"])
        self.quota.limit(place.path, size)

    def ensure(self, shares: Sequence[Share]) -> dict[str, Place]:
        self.quota.check_daemon()
        self.trash.empty()
        with self.mount.reached() as root:
            there = {entry.name for entry in root.iterdir() if entry.is_dir()}
        places = {share["id"]: self._at(share) for share in shares}
        found = {key: place for key, place in places.items() if place.name in there}
        limits = self.quota.all(place.path for place in found.values())
        for share in shares:
            place = found.get(share["id"])
            limit = limits.get(place.path) if place else None
            if place and (limit is None or limit.hard != int(share["size"]) * GIB):
                self.quota.limit(place.path, int(share["size"]))
        return found

    def used(self, shares: Sequence[Share]) -> dict[str, int]:
        limits = self.quota.all()
        found = {share["id"]: limits.get(self._at(share).path) for share in shares}
        return {key: limit.used for key, limit in found.items() if limit is not None}

    def stats(self) -> dict[str, Any]:
        total, free = self.mount.capacity()
        limits = self.quota.all().values()
        return {
            "total_capacity_gb": round(total / GIB, 2),
            "free_capacity_gb": round(free / GIB, 2),
            "provisioned_capacity_gb": round(sum(limit.hard or 0 for limit in limits) / GIB, 2),
            "thin_provisioning": True,
        }

    def manage(
        self, share: Share, size: int | None, owned: Callable[[str], bool]
    ) -> tuple[Place, int]:
        """A top-level directory, renamed to the share's name; its quota is kept or made."""
        place = self._at(share)
        with self.mount.reached() as root:
            source = self._named_by(share)
            if not (root / source).exists() and (root / f"{source}{UNMANAGED}").exists():
                source += UNMANAGED
            if not (root / place.name).is_dir():
                if owned(source):
                    raise errors.ManageInvalidShare(
                        reason=f"{source} belongs to a share of abaca already"
                    )
                self._check_directory(root / source)
                (root / source).rename(root / place.name)
            limit = self.quota.of(place.path)
            needed = max(1, math.ceil(limit.used / GIB))
            if size is not None and size < needed:
                raise errors.ManageInvalidShare(
                    reason=f"size {size} GiB does not hold the data ({needed} GiB)"
                )
            final = size or max(needed, math.ceil((limit.hard or 0) / GIB))
            (root / place.name).chmod(ROOT_MODE)
            self.quota.limit(place.path, final)
        return place, final

    def unmanage(self, share: Share) -> None:
        """Renamed: it is found by its old location, and not taken for a share any more."""
        place = self._at(share)
        with self.mount.reached() as root:
            if (root / place.name).is_dir():
                (root / place.name).rename(root / f"{place.name}{UNMANAGED}")

    def held(self) -> list[tuple[str, Place, int | None]]:
        """With a size in GiB: 0 has no limit, None was not told."""
        with self.mount.reached() as root:
            names = sorted(entry.name for entry in root.iterdir() if entry.is_dir())
        ids = {name: match[0] for name in names if (match := NAMED_BY_ID.search(name))}
        limits = self.quota.all(f"/{name}" for name in ids)
        sizes = {path: (limit.hard or 0) // GIB for path, limit in limits.items()}
        return [
            (share_id, Place(self.manager, name, f"/{name}"), sizes.get(f"/{name}"))
            for name, share_id in ids.items()
        ]

    def create_snapshot(self, snapshot: Snapshot) -> str:
        raise errors.ShareSnapshotNotSupported(share_name=snapshot["share_name"])

    def delete_snapshot(self, snapshot: Snapshot) -> None:
        """None can have been made."""

    def _named_by(self, share: Share) -> str:
        """host:/<dir>, host:/<volume>/<dir>, /<dir> or <dir>."""
        given = share["export_locations"][0]["path"] if share["export_locations"] else ""
        host, colon, rest = str(given).partition(":/")
        text = rest if colon and "/" not in host else str(given)
        text = text.removeprefix(f"{self.manager.volume}/")
        match = _TOP_LEVEL.match(text)
        if match is None:
            raise errors.ManageInvalidShare(
                reason=f"{given!r:.200} does not name a top-level directory of the volume "
                f"{self.manager.volume}: host:/directory is expected"
            )
        return match[1]

    def _check_directory(self, directory: Path) -> None:
        if directory.is_symlink() or not directory.is_dir():
            raise errors.ManageInvalidShare(
                reason=f"the volume {self.manager.volume} has no directory {directory.name}"
            )

    def _at(self, share: Mapping[str, Any]) -> Place:
        try:
            name = check_name(share["name"])
        except ValueError as problem:
            raise errors.InvalidShare(reason=str(problem)) from problem
        return Place(self.manager, name, f"/{name}")
