"""The pool: made, locked, taken over, refused."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from abaca.drivers.contract import errors
from abaca.drivers.local import btrfs
from abaca.drivers.local.pool import Pool
from storage.kit import CONTEXT, Backend, new_share, why_not
from support import loops

pytestmark = pytest.mark.storage


@pytest.fixture
def place() -> Iterator[Path]:
    reason = why_not()
    if reason:
        pytest.skip(reason)
    directory = Path(tempfile.mkdtemp(prefix="abaca-st-", dir="/tmp"))
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def pool(place: Path) -> Iterator[Pool]:
    made = Pool(place / "pool", place / "pool.img", 1)
    made.open()
    yield made
    with contextlib.suppress(errors.ManilaException):
        made.open()
    made.close(unmount=True)


def test_image_is_sparse_and_opened_again_as_it_is(pool: Pool, place: Path) -> None:
    btrfs.create_subvolume(pool.shares / "a")
    assert (place / "pool.img").stat().st_blocks * 512 < 100 << 20
    pool.close()
    pool.open()
    assert (pool.shares / "a").exists()
    assert len(loops.kept(place)) == 1
    pool.close(unmount=True)
    assert loops.kept(place) == []
    assert str(place) not in Path("/proc/mounts").read_text()
    pool.open()
    assert (pool.shares / "a").exists()


def test_second_process_is_kept_away(pool: Pool, place: Path) -> None:
    other = Pool(place / "elsewhere", place / "pool.img", 1)
    with pytest.raises(errors.ShareBackendException, match="is locked by another process"):
        other.open()
    assert btrfs.is_subvolume(pool.root)


def test_foreign_file_is_not_overwritten(place: Path) -> None:
    image = place / "pool.img"
    image.write_bytes(b"somebody's data" * 100)
    pool = Pool(place / "pool", image, 1)
    with pytest.raises(errors.BadConfigurationException, match="neither empty nor a btrfs image"):
        pool.open()
    assert image.read_bytes().startswith(b"somebody's data")
    pool.close()


@pytest.fixture
def small_disk(place: Path) -> Iterator[Path]:
    disk = place / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(disk)], check=True)
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_pool_that_could_not_be_made_is_made_once_there_is_room(small_disk: Path) -> None:
    """mkfs fails in its middle, as it does when it is killed; the next attempt is another Pool."""
    image = small_disk / "pool.img"
    for _ in range(2):
        with pytest.raises(errors.ShareBackendException, match="mkfs"):
            Pool(small_disk / "pool", image, 1).open()
    assert image.stat().st_blocks
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    pool = Pool(small_disk / "pool", image, 1)
    pool.open()
    assert btrfs.is_subvolume(pool.root)
    assert [file.name for file in small_disk.iterdir() if file.is_file()] == ["pool.img"]
    pool.close(unmount=True)


def test_other_file_system_of_the_same_size_is_kept(place: Path) -> None:
    image = place / "pool.img"
    with image.open("wb") as file:
        file.write(b"something")
        file.truncate(1 << 30)
    pool = Pool(place / "pool", image, 1)
    with pytest.raises(errors.BadConfigurationException, match="neither empty"):
        pool.open()
    pool.close()


def test_size_must_be_possible(place: Path) -> None:
    pool = Pool(place / "pool", place / "pool.img", 0)
    with pytest.raises(errors.BadConfigurationException, match="local_pool_size_gb"):
        pool.open()
    pool.close()


def test_directory_that_is_not_btrfs(place: Path) -> None:
    if btrfs.is_subvolume(Path("/")):
        pytest.skip("the root of this machine is btrfs")
    pool = Pool(place, None)
    with pytest.raises(errors.BadConfigurationException, match="not on a btrfs"):
        pool.open()
    pool.close()


def test_existing_btrfs_path_counts_what_was_there(pool: Pool) -> None:
    path = pool.root / "existing"
    path.mkdir()
    inner = Pool(path, None, quota_mode="full")
    inner.open()
    btrfs.create_subvolume(inner.shares / "x")
    btrfs.set_limit(inner.shares / "x", 1 << 30)
    assert btrfs.usage(inner.shares / "x").limit == 1 << 30
    inner.close(unmount=True)
    assert btrfs.is_subvolume(pool.root)  # an existing path is never unmounted


def test_full_pool_is_an_error_for_the_client_only(own_backend: Backend) -> None:
    from storage.kit import errno_of, rule

    share = own_backend.share(size=100)
    own_backend.allow(share, rule("127.0.0.1"))
    root = own_backend.driver.pool.root
    filling = own_backend.driver.pool.unmanaged / "filling"
    with contextlib.suppress(OSError), filling.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * (16 << 20))
    with own_backend.mount(share) as client:
        assert errno_of(lambda: client.write("/big", b"y" * (256 << 20))) is not None
        filling.unlink()
        btrfs.commit(root)
        own_backend.driver.get_share_stats(refresh=True)
        own_backend.allow(share, rule("127.0.0.1", "ro"))
    own_backend.delete(share)


def test_two_backends_side_by_side(own_backend: Backend) -> None:
    second = Backend()
    try:
        second.start()
        one, two = own_backend.share(), second.share()
        assert own_backend.driver.share_path(one["id"]).exists()
        assert not own_backend.driver.share_path(two["id"]).exists()
        second.delete(one)  # absent there: success, and the other backend is untouched
        assert own_backend.driver.share_path(one["id"]).exists()
    finally:
        second.destroy()


def test_not_set_up_is_a_clear_error(own_backend: Backend) -> None:
    driver = own_backend.new_driver()
    with pytest.raises(errors.ManilaException, match=r"not open yet|not served here"):
        driver.create_share(CONTEXT, new_share())
