"""Shares as whole volumes, out of a pool that the operator made.

A volume is free when its name matches the pattern and its option `user.manila-share` does not hold
a share's id.  That option is the claim: it is written before anything else, so a repeated call
finds the volume again.
"""

from __future__ import annotations

import re
import shutil
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from abaca.drivers.contract import errors
from abaca.drivers.contract.records import Share, Snapshot
from abaca.drivers.glusterfs.manager import GlusterManager
from abaca.drivers.glusterfs.mount import ControlMount
from abaca.drivers.glusterfs.place import CLAIM, CLONED_FROM, Place
from abaca.drivers.nodes.node import LocalNode

NOBODY = "NONE"
FOR_CLONES = (3, 7)
SIZE = "#{size}"
KEPT = ".trashcan"  # Gluster's own; it cannot be deleted
CLONE = "manila-"
# bricks that are no thin LVM, and a machine without LVM at all
_INCAPABLE = re.compile(r"thin(?:ly)?\b|LVM commands not found", re.I)


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
            first.setdefault(str(volume.address.host_access), volume)
        return list(first.values())

    # --- shares -----------------------------------------------------------------------------------
    def create(self, share: Share) -> Place:
        with self._choosing:
            volume = self._claimed(share["id"]) or self._free(int(share["size"]))
            volume.set_vol_option(CLAIM, share["id"])
        self._started(volume)
        self._prepare(volume)
        return Place(volume, str(share["name"]), "/")

    def create_from_snapshot(self, share: Share, snapshot: Snapshot) -> Place:
        parent = self._claimed(str(snapshot["share_instance_id"]))
        cluster = parent or self._clusters[0]
        cluster.check_gluster_version(FOR_CLONES)
        name = f"{CLONE}{share['id']}"
        clone = cluster.for_volume(name)
        if name not in self._names(cluster):
            found = self._snapshot_name(cluster, snapshot)
            if found is None:
                raise errors.SnapshotResourceNotFound(name=snapshot["id"])
            cluster.gluster_call("snapshot", "activate", found, "force", error_policy=(1,))
            cluster.xml("snapshot", "clone", name, found)
        clone.set_vol_option(CLAIM, share["id"])
        clone.set_vol_option(CLONED_FROM, snapshot["id"])
        self._started(clone)
        self._prepare(clone)
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
        if _is_id(volume.get_vol_option(CLONED_FROM)):
            volume.gluster_call("volume", "stop", volume.volume, error_policy=(1,))
            volume.gluster_call("volume", "delete", volume.volume)
            return
        self._empty(volume)
        volume.set_vol_option("nfs.disable", True, ignore_failure=True)
        volume.set_vol_option(CLAIM, NOBODY)

    def resize(self, share: Share, size: int, shrink: bool) -> None:
        """A volume has the size the operator gave it."""
        raise NotImplementedError

    def ensure(self, shares: Sequence[Share]) -> dict[str, Place]:
        claims = {volume.get_vol_option(CLAIM): volume for volume in self._volumes(clones=True)}
        found = {}
        for share in shares:
            volume = claims.get(share["id"])
            if volume is not None:
                self._started(volume)
                found[share["id"]] = Place(volume, str(share["name"]), "/")
        return found

    def held(self) -> list[tuple[str, Place, int | None]]:
        claims = [(v.get_vol_option(CLAIM), v) for v in self._volumes(clones=True)]
        return [
            (claim, Place(volume, f"share-{claim}", "/"), self._size(volume.volume))
            for claim, volume in claims
            if _is_id(claim)
        ]

    def used(self, shares: Sequence[Share]) -> dict[str, int]:
        """Not known without mounting each."""
        return {}

    def stats(self) -> dict[str, Any]:
        """The sizes that the pattern tells; unknown without."""
        volumes = list(self._volumes())
        sizes = [self._size(v.volume) for v in volumes]
        free = [self._size(v.volume) for v in volumes if not _is_id(v.get_vol_option(CLAIM))]
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
        name = self._snapshot_name(volume, snapshot)
        if name is None:
            self._refuse_if_incapable(volume, snapshot)
            try:
                volume.xml("snapshot", "create", f"{CLONE}{snapshot['id']}", volume.volume)
            except errors.GlusterfsException as problem:
                if not _INCAPABLE.search(str(problem)):
                    raise
                self._incapable.add(volume.volume)
                self._refuse_if_incapable(volume, snapshot)
            name = self._snapshot_name(volume, snapshot)
        return f"{volume.volume}:{name}"

    def delete_snapshot(self, snapshot: Snapshot) -> None:
        for cluster in self._clusters:
            name = self._snapshot_name(cluster, snapshot)
            if name is not None:
                cluster.xml("snapshot", "delete", name)

    def _refuse_if_incapable(self, volume: GlusterManager, snapshot: Snapshot) -> None:
        if volume.volume in self._incapable:
            raise errors.ShareSnapshotNotSupported(share_name=snapshot["share_name"])

    def _snapshot_name(self, cluster: GlusterManager, snapshot: Snapshot) -> str | None:
        """The server appends a time to the name it was given."""
        done = cluster.run("snapshot", "list")
        if done.code != 0 and not _INCAPABLE.search(done.said):
            raise errors.GlusterfsException(reason=f"gluster snapshot list: {done.said}")
        names = done.out.split() if done.code == 0 else []
        return next((name for name in names if str(snapshot["id"]) in name), None)

    # --- the pool ---------------------------------------------------------------------------------
    def _names(self, cluster: GlusterManager) -> list[str]:
        done = cluster.gluster_call("volume", "list")
        return [] if done is None else done[0].split()

    def _volumes(self, clones: bool = False) -> Iterator[GlusterManager]:
        for cluster in self._clusters:
            for name in self._names(cluster):
                if self._pattern.fullmatch(name) or (clones and name.startswith(CLONE)):
                    yield cluster.for_volume(name)

    def _claimed(self, share_id: str) -> GlusterManager | None:
        return next(
            (v for v in self._volumes(clones=True) if v.get_vol_option(CLAIM) == share_id), None
        )

    def _size(self, name: str) -> int | None:
        match = self._pattern.fullmatch(name)
        return int(match["size"]) if match and "size" in match.groupdict() else None

    def _free(self, size: int) -> GlusterManager:
        """The smallest free volume that is large enough."""
        free = [v for v in self._volumes() if not _is_id(v.get_vol_option(CLAIM))]
        fit = [v for v in free if (self._size(v.volume) or size) >= size]
        if not fit:
            raise errors.GlusterfsException(
                reason=f"no free volume of {size} GiB or more is left ({len(free)} free volumes)"
            )
        return min(fit, key=lambda v: (self._size(v.volume) or 0, v.volume))

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
                for entry in root.iterdir():
                    if entry.name == KEPT:
                        continue
                    if entry.is_dir() and not entry.is_symlink():
                        shutil.rmtree(entry)
                    else:
                        entry.unlink()
        finally:
            mount.release()


def _is_id(text: str | None) -> bool:
    try:
        uuid.UUID(text or "")
    except ValueError:
        return False
    return True
