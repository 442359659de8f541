"""Shares as whole volumes, out of a pool that the operator made.

A volume is free when its name matches the pattern and its option `user.manila-share` does not hold
a share's id.  That option is the claim: it is written before anything else, so a repeated call
finds the volume again.

Snapshots are Gluster's, of whole volumes on thin LVM.  A share made of one is a clone, a new volume
`manila-<id of the share>` beside the pool; it goes with its share.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from abaca.drivers import walk_jobs
from abaca.drivers.contract import errors
from abaca.drivers.contract.records import Share, Snapshot
from abaca.drivers.glusterfs.manager import GlusterManager
from abaca.drivers.glusterfs.mount import ControlMount
from abaca.drivers.glusterfs.place import CLAIM, CLONED_FROM, MADE, Place, cloned_for, owner
from abaca.drivers.glusterfs.replies import SnapshotInfo, VolumeInfo
from abaca.drivers.nodes.node import LocalNode

log = logging.getLogger(__name__)

NOBODY = "NONE"
FOR_SNAPSHOTS = (3, 7)  # earlier servers cannot clone them, nor name them as they are told
SIZE = "#{size}"
KEPT = ".trashcan"  # Gluster's own; it cannot be deleted
# The volume of the pool that a volume is or descends from.  Clones inherit it: it tells the size of
# a clone, and whether it is of this backend or of another one on the same cluster.
ORIGIN = "user.abaca-origin"
# bricks that are no thin LVM, and a machine without LVM at all
_INCAPABLE = re.compile(r"thin(?:ly)? provisioned LV|LVM commands not found", re.I)
_SNAPSHOT = re.compile(MADE + r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:_GMT|\Z)")


@dataclass(frozen=True)
class Volume:
    """One of the pool or a clone, as its cluster told of it."""

    manager: GlusterManager
    info: VolumeInfo
    owner: str | None  # the id of the share that it is


class GlusterfsVolumeMappedLayout:
    """A pool of volumes on one or more clusters."""

    snapshots = True  # volumes whose bricks cannot have them refuse one by one

    def __init__(
        self,
        clusters: Sequence[GlusterManager],
        pattern: str | None,
        base: Path,
        node: LocalNode,
        minimum: tuple[int, ...],
        prepare: Callable[[GlusterManager], None],
    ) -> None:
        """`prepare`: what else a volume needs when it becomes a share."""
        if not clusters or not pattern:
            raise errors.BadConfigurationException(
                reason="the volume layout needs glusterfs_servers and glusterfs_volume_pattern"
            )
        try:
            self._pattern = re.compile(pattern.replace(SIZE, r"(?P<size>\d+)"))
        except re.error as problem:
            raise errors.BadConfigurationException(
                reason=f"glusterfs_volume_pattern {pattern!r} is no regular expression: {problem}"
            ) from problem
        self._clusters = list(clusters)
        self._base, self._node, self._prepare = base, node, prepare
        self._minimum = minimum
        self._choosing = threading.Lock()
        self._activating = threading.Lock()
        self._incapable: set[str] = set()  # volumes that were found to have no snapshots

    def setup(self) -> None:
        problems = []
        for cluster in self._clusters:
            try:
                cluster.check_gluster_version(self._minimum)
            except errors.ManilaException as problem:
                problems.append(f"{cluster.address}: {problem}")
        if problems:
            raise errors.GlusterfsException(reason="; ".join(problems))
        if not any(True for _ in self._volumes()):
            raise errors.BadConfigurationException(
                reason=f"no volume on {', '.join(str(c.address) for c in self._clusters)} matches "
                f"glusterfs_volume_pattern ({self._pattern.pattern})"
            )
        self._mount_of(self._clusters[0].for_volume("none")).check_client()

    def managers(self) -> Sequence[GlusterManager]:
        """Those of free volumes: one of them stands for its cluster."""
        first: dict[str, GlusterManager] = {}
        for volume in self._volumes():
            first.setdefault(str(volume.manager.address.host_access), volume.manager)
        return list(first.values())

    # --- shares -----------------------------------------------------------------------------------
    def create(self, share: Share) -> Place:
        with self._choosing:
            volume = self._claimed(share["id"]) or self._free(int(share["size"]))
            volume.set_vol_option(CLAIM, share["id"])
        self._serve(volume)
        return Place(volume, str(share["name"]), "/")

    def create_from_snapshot(self, share: Share, snapshot: Snapshot) -> Place:
        clone = self._claimed(share["id"])
        if clone is None or not self._completed(clone, snapshot):
            clone = self._clone(share, snapshot)
            self._complete(clone, snapshot)
        return Place(clone, str(share["name"]), "/")

    def place(self, share: Mapping[str, Any]) -> Place:
        volume = self._claimed(share["id"])
        if volume is None:
            raise errors.ShareResourceNotFound(share_id=share["id"])
        return Place(volume, str(share["name"]), "/")

    def delete(self, share: Mapping[str, Any]) -> None:
        """A clone goes; another volume is emptied, and is free again."""
        volume = self._claimed(share["id"])
        if volume is None:
            return
        if cloned_for(volume.volume):
            self._delete_clone(volume)
            return
        self._empty(volume)
        volume.set_vol_option("nfs.disable", True, ignore_failure=True)
        volume.set_vol_option(CLAIM, NOBODY)

    def resize(self, share: Share, size: int, shrink: bool) -> None:
        """A volume has the size the operator gave it."""
        raise NotImplementedError

    def ensure(self, shares: Sequence[Share]) -> dict[str, Place]:
        claims = {volume.owner: volume.manager for volume in self._volumes(clones=True)}
        found = {}
        for share in shares:
            volume = claims.get(share["id"])
            if volume is not None:
                self._started(volume)
                found[share["id"]] = Place(volume, str(share["name"]), "/")
        return found

    def held(self) -> list[tuple[str, Place, int | None]]:
        return [
            (v.owner, Place(v.manager, f"share-{v.owner}", "/"), self._size(v.info))
            for v in self._volumes(clones=True)
            if v.owner is not None
        ]

    def used(self, shares: Sequence[Share]) -> dict[str, int]:
        """Not known without mounting each."""
        return {}

    def stats(self) -> dict[str, Any]:
        """The sizes that the pattern tells; unknown without."""
        volumes = list(self._volumes())
        sizes = [self._size(v.info) for v in volumes]
        free = [self._size(v.info) for v in volumes if v.owner is None]
        known = all(size is not None for size in sizes)
        return {
            "total_capacity_gb": float(sum(s or 0 for s in sizes)) if known else "unknown",
            "free_capacity_gb": float(sum(s or 0 for s in free)) if known else "unknown",
        }

    def manage(
        self, share: Share, size: int | None, owned: Callable[[str], bool]
    ) -> tuple[Place, int]:
        raise NotImplementedError

    def unmanage(self, share: Share) -> None:
        """It stays claimed by an id that no share has: nobody else gets its data."""

    # --- snapshots --------------------------------------------------------------------------------
    def create_snapshot(self, snapshot: Snapshot) -> str:
        volume = self._claimed(str(snapshot["share_instance_id"]))
        if volume is None:
            raise errors.ShareResourceNotFound(share_id=snapshot["share_instance_id"])
        for _, found in self._taken(snapshot):
            return f"{volume.volume}:{found.name}"
        name = f"{MADE}{snapshot['id']}"
        if volume.volume not in self._incapable:
            self._take(volume, name)
        if volume.volume in self._incapable:
            raise errors.ShareSnapshotNotSupported(share_name=snapshot["share_name"])
        return f"{volume.volume}:{name}"

    def _take(self, volume: GlusterManager, name: str) -> None:
        """Of this very name: a second command of it, sent while the first one runs, fails."""
        volume.check_gluster_version(FOR_SNAPSHOTS)
        if not cloned_for(volume.volume):
            volume.set_vol_option(ORIGIN, volume.volume)
        try:
            volume.xml("snapshot", "create", name, volume.volume, "no-timestamp")
        except errors.GlusterfsException as problem:
            if _INCAPABLE.search(str(problem)):
                self._incapable.add(volume.volume)
            elif "already exists" not in str(problem):
                raise

    def delete_snapshot(self, snapshot: Snapshot) -> None:
        for cluster, found in self._taken(snapshot):
            try:
                cluster.xml("snapshot", "delete", found.name)
            except errors.GlusterfsException as problem:
                if "does not exist" not in str(problem):  # an earlier command was still at it
                    raise

    def held_snapshots(self) -> list[tuple[str, str | None, str]]:
        """Each one's id, its share's, and volume:name."""
        owners = {
            (v.manager.address.host, v.info.name): v.owner for v in self._volumes(clones=True)
        }
        found = []
        for cluster in self._clusters:
            for info in cluster.snapshots():
                volume, named = (cluster.address.host, info.volume), _SNAPSHOT.match(info.name)
                if named and volume in owners:
                    found.append((named[1], owners[volume], f"{info.volume}:{info.name}"))
        return found

    def _taken(self, snapshot: Snapshot) -> Iterator[tuple[GlusterManager, SnapshotInfo]]:
        """It, by its id: to the names that the incumbent gave, servers appended a time."""
        for cluster in self._clusters:
            for info in cluster.snapshots():
                if str(snapshot["id"]) in info.name:
                    yield cluster, info

    # --- clones -----------------------------------------------------------------------------------
    def _clone(self, share: Share, snapshot: Snapshot) -> GlusterManager:
        with self._activating:  # Gluster fails at what is active already
            taken = next(self._taken(snapshot), None)
            if taken is None:
                raise errors.SnapshotResourceNotFound(name=snapshot["id"])
            cluster, info = taken
            room = self._size(cluster.for_volume(info.volume).info())
            if room is not None and int(share["size"]) > room:
                raise errors.InvalidShare(
                    reason=f"a share of {share['size']} GiB cannot be made of this snapshot: "
                    f"it is of a volume of {room} GiB, and clones of volumes cannot grow"
                )
            if not info.active:
                cluster.xml("snapshot", "activate", info.name, "force")
        clone = cluster.for_volume(f"{MADE}{share['id']}")
        cluster.xml("snapshot", "clone", clone.volume, info.name)
        return clone

    def _complete(self, clone: GlusterManager, snapshot: Snapshot) -> None:
        """Give it a claim of its own: it was born with its parent's."""
        claims = (CLAIM, str(cloned_for(clone.volume)), CLONED_FROM, str(snapshot["id"]))
        clone.gluster_call("volume", "set", clone.volume, *claims)
        self._serve(clone)

    def _completed(self, clone: GlusterManager, snapshot: Snapshot) -> bool:
        """False where it is gone now: it lacked bricks, as a server died while they were made.
        A volume that never started has no data of anybody."""
        try:
            self._complete(clone, snapshot)
        except errors.GlusterfsException:
            if clone.info().status != "Created":
                raise
            self._delete_clone(clone)
            return False
        return True

    def _delete_clone(self, clone: GlusterManager) -> None:
        bricks = " ".join(clone.info().bricks)
        clone.gluster_call("volume", "stop", clone.volume, error_policy=(1,))
        clone.gluster_call("volume", "delete", clone.volume)
        log.warning("GlusterFS keeps the logical volumes of deleted %s: %s", clone.volume, bricks)

    # --- the pool ---------------------------------------------------------------------------------
    def _volumes(self, clones: bool = False) -> Iterator[Volume]:
        for cluster in self._clusters:
            for info in cluster.volumes():
                cloned = cloned_for(info.name)
                if cloned and not clones:
                    continue
                # clones that the incumbent made do not tell of their origin
                name = info.options.get(ORIGIN) if cloned else info.name
                if name is None or self._pattern.fullmatch(name):
                    yield Volume(cluster.for_volume(info.name), info, owner(info))

    def _claimed(self, share_id: str) -> GlusterManager | None:
        return next((v.manager for v in self._volumes(clones=True) if v.owner == share_id), None)

    def _size(self, volume: VolumeInfo) -> int | None:
        match = self._pattern.fullmatch(volume.options.get(ORIGIN, volume.name))
        return int(match["size"]) if match and "size" in match.groupdict() else None

    def _free(self, size: int) -> GlusterManager:
        """The smallest free volume that is large enough."""
        free = [(self._size(v.info), v.manager) for v in self._volumes() if v.owner is None]
        fit = [(room or 0, v.volume, v) for room, v in free if (room or size) >= size]
        if not fit:
            raise errors.GlusterfsException(
                reason=f"no free volume of {size} GiB or more is left ({len(free)} free volumes)"
            )
        return min(fit, key=lambda each: each[:2])[2]

    def _serve(self, volume: GlusterManager) -> None:
        """What lets clients in is set before the volume can be mounted."""
        self._prepare(volume)
        self._started(volume)

    def _started(self, volume: GlusterManager) -> None:
        if volume.info().status != "Started":
            volume.gluster_call("volume", "start", volume.volume)

    def _mount_of(self, volume: GlusterManager) -> ControlMount:
        return ControlMount(volume, self._base, self._node)

    def _empty(self, volume: GlusterManager) -> None:
        """Delete everything in it.  A repeated call goes on where this one ended."""
        self._started(volume)
        mount = self._mount_of(volume)
        try:
            with mount.reached() as root:
                walk_jobs.clear(root, keep=KEPT)
        finally:
            mount.release()
