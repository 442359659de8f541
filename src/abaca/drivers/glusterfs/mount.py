"""The volume as a directory of this host, by its FUSE client.

The client is a process of its own: it outlives abaca, and it may die.  Then the directory answers
with ENOTCONN, and the volume is mounted anew.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

from abaca.drivers.confine import mounts
from abaca.drivers.contract import errors
from abaca.drivers.ganesha.packages import SEARCH_PATH
from abaca.drivers.glusterfs.manager import GlusterManager
from abaca.drivers.nodes.node import LocalNode

LOCK = ".abaca.lock"
_AWAY = frozenset(
    {
        errno.ENOTCONN,
        errno.EIO,
        errno.ETIMEDOUT,
        errno.EHOSTUNREACH,
        errno.ECONNREFUSED,
        errno.ESTALE,
        errno.EROFS,  # too few replicas are there
    }
)


class ControlMount:
    """`<base>/<volume>`, mounted when it is needed."""

    def __init__(self, manager: GlusterManager, base: Path, node: LocalNode) -> None:
        self.root = base / manager.volume
        self._base = base
        self._manager = manager
        self._node = node
        self._lock = threading.Lock()

    def check_client(self) -> None:
        """BadConfigurationException if this host cannot mount volumes."""
        if shutil.which("mount.glusterfs", path=SEARCH_PATH) is None:
            raise errors.BadConfigurationException(
                reason="this host cannot mount GlusterFS volumes: apt-get install glusterfs-client"
            )

    def ensure(self) -> None:
        """Mount the volume unless it is.  StorageCommunicationException if it cannot be."""
        with self._lock:
            if self._is_mounted():
                if self._answers():
                    return
                with contextlib.suppress(OSError):
                    mounts.unmount(str(self.root), mounts.MNT_DETACH)
            self.root.mkdir(parents=True, exist_ok=True)
            info = self._manager.info()
            if info.status != "Started":
                raise errors.StorageCommunicationException(
                    reason=f"volume {info.name} is {info.status.lower()}, not started: "
                    f"gluster volume start {info.name}"
                )
            others = [host for host in info.hosts if host != self._manager.address.host]
            backup = ["-o", f"backup-volfile-servers={':'.join(others)}"] if others else []
            source = f"{self._manager.address.host}:/{self._manager.volume}"
            done = self._node.run("mount", "-t", "glusterfs", *backup, source, str(self.root))
            if done.code != 0 and not self._is_mounted():
                raise errors.StorageCommunicationException(
                    reason=f"{source} cannot be mounted: {done.said}"
                )
            self._must_answer()

    def release(self) -> None:
        """Unmount; not mounted is success."""
        with self._lock, contextlib.suppress(OSError):
            mounts.unmount(str(self.root), mounts.MNT_DETACH)

    def capacity(self) -> tuple[int, int]:
        """Bytes in all and free."""
        with self.reached():
            found = os.statvfs(self.root)
            if self.root.stat().st_dev == self._base.stat().st_dev:
                raise errors.StorageCommunicationException(
                    reason=f"control mount {self.root} is not available"
                )
            return found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize

    @contextlib.contextmanager
    def reached(self) -> Iterator[Path]:
        """The mounted volume; failures of its bricks are StorageCommunicationException."""
        self.ensure()
        try:
            yield self.root
        except OSError as problem:
            if problem.errno in _AWAY:
                raise errors.StorageCommunicationException(
                    reason=f"volume {self._manager.volume} at {self.root}: {problem}"
                ) from problem
            raise

    @contextlib.contextmanager
    def cluster_lock(self) -> Iterator[None]:
        """One holder among all hosts that mount the volume: its bricks keep the lock, and drop it
        when its holder goes away."""
        with self.reached() as root:
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            descriptor = os.open(root / LOCK, flags, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                yield
            finally:
                os.close(descriptor)

    def _is_mounted(self) -> bool:
        return os.path.realpath(self._base) + f"/{self.root.name}" in mounts.mount_points()

    def _answers(self) -> bool:
        """False also while its bricks are away: then nothing is lost by mounting it anew."""
        try:
            os.statvfs(self.root)
        except OSError as problem:
            return problem.errno != errno.ENOTCONN
        return True

    def _must_answer(self) -> None:
        """mount returns before the bricks are known to be there."""
        try:
            os.statvfs(self.root)
        except OSError as problem:
            raise errors.StorageCommunicationException(
                reason=f"volume {self._manager.volume} is mounted at {self.root}, but: {problem}"
            ) from problem
