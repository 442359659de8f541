"""The pool: a btrfs file system in a sparse file, or an existing btrfs path.

A flock on the image keeps a second process away; losetup is asked before any mkfs, because writing
to the image of a mounted pool destroys it.  What is attached or mounted already is taken over.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import subprocess
from pathlib import Path

from abaca.drivers.confine import mounts
from abaca.drivers.contract import errors
from abaca.drivers.ganesha.files import private_directory, write_atomic
from abaca.drivers.ganesha.packages import find_program
from abaca.drivers.local import btrfs
from abaca.drivers.local.quota import Quota

GIB = 1 << 30
SMALLEST_GIB = 1
COMMAND_SECONDS = 120.0
MOUNT_OPTIONS = "discard=async"
MAGIC_OFFSET = 0x10040
MAGIC_BYTES = b"_BHRfS_M"
UNFINISHED = ".unfinished"  # a file beside the image, as long as mkfs has not ended

log = logging.getLogger(__name__)


class Pool:
    """A btrfs directory with quotas, and the four places in it that abaca uses."""

    def __init__(
        self, root: Path, image: Path | None, size_gib: int = 0, quota_mode: str = "auto"
    ) -> None:
        """`image` None: `root` is an existing btrfs path.  Else root is where it is mounted."""
        self.root = root
        self.image = image
        self._size_gib = size_gib
        self._quota_mode = quota_mode
        self._lock_file: int | None = None
        self.quota = Quota(simple=False)

    @property
    def shares(self) -> Path:
        return self.root / "shares"

    @property
    def snapshots(self) -> Path:
        return self.root / "snapshots"

    @property
    def unmanaged(self) -> Path:
        return self.root / "unmanaged"

    @property
    def trash(self) -> Path:
        return self.root / "trash"

    @property
    def own_places(self) -> tuple[Path, ...]:
        return (self.shares, self.snapshots, self.trash)

    def open(self) -> None:
        """Lock, make, attach and mount what is missing.  Idempotent.

        Raises BadConfigurationException or ShareBackendException with one sentence.
        """
        if "btrfs" not in Path("/proc/filesystems").read_text().split():
            raise errors.BadConfigurationException(
                reason="this kernel has no btrfs; use a kernel with CONFIG_BTRFS_FS"
            )
        self._lock()
        try:
            if self.image is not None:
                self._mount_image(self.image)
            self._check_root()
            for place in (*self.own_places, self.unmanaged):
                place.mkdir(mode=0o700, exist_ok=True)
            self._enable_quota()
        except OSError as problem:
            self.close()  # the next attempt may be another object's
            raise errors.ShareBackendException(msg=f"pool {self._name}: {problem}") from problem
        except errors.ManilaException:
            self.close()
            raise

    def close(self, unmount: bool = False) -> None:
        """Let the lock go; `unmount` also takes the pool away from the machine."""
        if unmount and self.image is not None and self._mounted():
            try:
                mounts.unmount(str(self.root))
            except OSError as problem:
                raise errors.ShareBackendException(
                    msg=f"pool {self._name} cannot be unmounted: {problem}; is a shell in it?"
                ) from problem
            for device in self._devices(self.image):
                _run([find_program("losetup"), "--detach", device])
        if self._lock_file is not None:
            os.close(self._lock_file)
            self._lock_file = None

    def check_mounted(self) -> None:
        """ShareBackendException if what is at its place is not the pool."""
        if self._lock_file is None or (self.image is not None and not self._mounted()):
            raise errors.ShareBackendException(msg=f"pool {self._name} is not mounted")

    def ensure_mounted(self) -> None:
        """Mount the pool again if somebody unmounted it."""
        if self.image is not None and not self._mounted():
            self.open()

    def capacity(self) -> btrfs.Capacity:
        """Bytes in all and free."""
        return btrfs.capacity(self.root)

    @property
    def _name(self) -> str:
        return str(self.image or self.root)

    def _lock(self) -> None:
        if self._lock_file is not None:
            return
        if self.image is not None:
            private_directory(self.image.parent)
            path, flags = self.image, os.O_RDWR | os.O_CREAT
        else:
            path, flags = self.root, os.O_RDONLY | os.O_DIRECTORY
        try:
            descriptor = os.open(path, flags | os.O_CLOEXEC, 0o600)
        except OSError as problem:
            raise errors.BadConfigurationException(
                reason=f"pool {path}: {os.strerror(problem.errno or 0)}"
            ) from problem
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise errors.ShareBackendException(
                msg=f"pool image {path} is locked by another process; is abaca running already?"
            ) from None
        self._lock_file = descriptor

    def _mount_image(self, image: Path) -> None:
        private_directory(self.root)
        if self._mounted():
            return
        devices = self._devices(image)
        if not devices:
            if not _is_formatted(image):
                self._make(image)
            _unfinished(image).unlink(missing_ok=True)
            command = [find_program("losetup"), "--find", "--show", "--direct-io=on", str(image)]
            devices = [_run(command).strip()]
        flags = mounts.MS_NOATIME | mounts.MS_NOSUID | mounts.MS_NODEV
        try:
            mounts.mount(devices[0], str(self.root), "btrfs", flags, MOUNT_OPTIONS)
        except OSError as problem:
            raise errors.ShareBackendException(
                msg=f"pool image {image} cannot be mounted: {problem}"
            ) from problem

    def _make(self, image: Path) -> None:
        """Make the sparse file and its file system, and never over anybody's data."""
        if not _is_empty(image):
            raise errors.BadConfigurationException(
                reason=f"{image} is neither empty nor a btrfs image; choose another local_pool_path"
            )
        if self._size_gib < SMALLEST_GIB:
            raise errors.BadConfigurationException(
                reason=f"local_pool_size_gb is {self._size_gib}; at least {SMALLEST_GIB} is needed"
            )
        try:
            os.truncate(image, 0)
            write_atomic(_unfinished(image), "mkfs has begun, and will be repeated\n")
            os.truncate(image, self._size_gib * GIB)
        except OSError as problem:
            raise errors.BadConfigurationException(
                reason=f"a pool of {self._size_gib} GiB cannot be made at {image}: {problem}"
            ) from problem
        _run([find_program("mkfs.btrfs"), "--quiet", "--label", "abaca", str(image)])

    def _mounted(self) -> bool:
        return str(self.root) in mounts.mount_points()

    def _devices(self, image: Path) -> list[str]:
        """Loop devices attached to the image."""
        command = [find_program("losetup"), "--noheadings", "--output", "NAME"]
        return _run([*command, "--associated", str(image)]).split()

    def _check_root(self) -> None:
        fields = os.statvfs(self.root)
        if not _is_btrfs(self.root):
            raise errors.BadConfigurationException(
                reason=f"local_pool_path {self.root} is not on a btrfs file system"
            )
        if fields.f_flag & os.ST_RDONLY:
            raise errors.ShareBackendException(
                msg=f"pool {self._name} is read-only; look at the kernel log for disk errors"
            )

    def _enable_quota(self) -> None:
        """In the mode that the file system has, or else in the one asked for."""
        btrfs.enable_quota(self.root, simple=self._quota_mode == "simple")
        self.quota = Quota(simple=btrfs.quota_is_simple(self.root))
        if not self.quota.simple:
            btrfs.keep_quota_exact(self.root)


def _is_btrfs(path: Path) -> bool:
    try:
        with btrfs.opened(path) as descriptor:
            btrfs.subvolume_id(descriptor)
            return True
    except OSError as problem:
        if problem.errno in (errno.ENOTTY, errno.EINVAL, errno.ENOTDIR, errno.ELOOP):
            return False
        raise


def _is_formatted(image: Path) -> bool:
    with image.open("rb") as file:
        file.seek(MAGIC_OFFSET)
        return file.read(len(MAGIC_BYTES)) == MAGIC_BYTES


def _is_empty(image: Path) -> bool:
    """Whether the image holds nothing, or the rest of an attempt to make a pool."""
    return image.stat().st_blocks == 0 or _unfinished(image).exists()


def _unfinished(image: Path) -> Path:
    return image.with_name(image.name + UNFINISHED)


def _run(command: list[str]) -> str:
    """A command's output.  ShareBackendException with its error text if it fails."""
    try:
        result = subprocess.run(
            command, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as problem:
        raise errors.ShareBackendException(
            msg=f"{command[0]} took more than {COMMAND_SECONDS:.0f} s"
        ) from problem
    if result.returncode != 0:
        raise errors.ShareBackendException(
            msg=f"{' '.join(command)} failed: {(result.stderr or result.stdout).strip()[:300]}"
        )
    return result.stdout
