"""Managing subvolumes that are in the pool already."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from abaca.drivers.contract import errors
from abaca.drivers.contract.records import export_location_record
from abaca.drivers.local import btrfs
from storage.kit import CONTEXT, GIB, Backend, new_share, new_snapshot, rule

pytestmark = pytest.mark.storage


def at(path: str) -> object:
    """A share to be managed, as the manager hands it over."""
    return new_share(export_locations=[export_location_record(path=path)])


@pytest.fixture
def existing(backend: Backend) -> Path:
    path = backend.driver.pool.root / f"data-{os.urandom(4).hex()}"
    btrfs.create_subvolume(path)
    (path / "file").write_text("precious")
    return path


def test_managed_share_is_exported_and_keeps_its_data(backend: Backend, existing: Path) -> None:
    share = at(str(existing))
    managed = backend.driver.manage_existing(share, {})
    assert managed["size"] == 1
    assert backend.driver.manage_existing(share, {}) == managed  # a repeated call
    backend.allow(share, rule("127.0.0.1"))
    with backend.mount(share) as client:
        assert client.read("/file") == b"precious"
        client.write("/file", b"changed")
    assert btrfs.usage(backend.driver.share_path(share["id"])).limit == GIB


def test_paths_relative_to_the_pool_and_with_host(backend: Backend, existing: Path) -> None:
    assert backend.driver.manage_existing(at(existing.name), {"size": "3"})["size"] == 3
    other = backend.driver.pool.root / f"other-{os.urandom(4).hex()}"
    btrfs.create_subvolume(other)
    assert backend.driver.manage_existing(at(f"127.0.0.1:/{other.name}"), {})["size"] == 1


def test_unmanaged_share_is_not_served_and_can_come_back(backend: Backend) -> None:
    share = backend.share()
    path = backend.driver.share_path(share["id"])
    (path / "file").write_text("precious")
    location = backend.driver.exporter("NFS").locations(f"share-{share['id']}")[0]["path"]
    backend.driver.unmanage(share)
    backend.driver.unmanage(share)
    assert not backend.driver.exporter("NFS").has(f"share-{share['id']}")
    again = at(location)
    assert backend.driver.manage_existing(again, {})["size"] == 1
    assert (backend.driver.share_path(again["id"]) / "file").read_text() == "precious"


TRICKS = [
    "/etc",
    "../../etc",
    "data/../../../etc",
    "/",
    "",
    ".",
    "shares",
    "snapshots/x",
    "trash",
    "unmanaged",
    "no-such-thing",
    "a\x00b",
    "a\nb",
    "x" * 3000,
    "127.0.0.1:/../../etc",
    "; rm -rf /",
]


@pytest.mark.parametrize("trick", TRICKS)
def test_paths_that_are_refused(backend: Backend, trick: str) -> None:
    share = at(trick)
    with pytest.raises(errors.ManageInvalidShare):
        backend.driver.manage_existing(share, {})
    assert not backend.driver.share_path(share["id"]).exists()


def test_shares_of_others_links_and_directories_are_refused(backend: Backend) -> None:
    root = backend.driver.pool.root
    other = backend.share()
    (root / "plain").mkdir(exist_ok=True)
    link = root / f"link-{os.urandom(4).hex()}"
    link.symlink_to(backend.driver.share_path(other["id"]))
    outside = root / f"out-{os.urandom(4).hex()}"
    outside.symlink_to("/")
    for path in (
        str(backend.driver.share_path(other["id"])),
        f"shares/{other['id']}",
        "plain",
        str(link),
        f"{outside}/etc",
    ):
        with pytest.raises(errors.ManageInvalidShare):
            backend.driver.manage_existing(at(path), {})


def test_options_are_checked(backend: Backend, existing: Path) -> None:
    for options in ({"size": "0"}, {"size": "-1"}, {"size": "1.5"}, {"size": "x"}, {"speed": "9"}):
        with pytest.raises(errors.ManageInvalidShare):
            backend.driver.manage_existing(at(str(existing)), options)
    assert existing.exists()


def test_snapshots(backend: Backend) -> None:
    share, other = backend.share(), backend.share()
    path = backend.driver.share_path(share["id"])
    (path / "file").write_text("then")
    made = backend.driver.pool.root / f"snap-{os.urandom(4).hex()}"
    btrfs.snapshot(path, made, read_only=False)
    with pytest.raises(errors.ManageInvalidShareSnapshot):
        wrong = new_snapshot(other, provider_location=made.name)
        backend.driver.manage_existing_snapshot(wrong, {})
    snapshot = new_snapshot(share, provider_location=made.name)
    managed = backend.driver.manage_existing_snapshot(snapshot, {})
    assert managed["size"] == 1
    assert backend.driver.manage_existing_snapshot(snapshot, {}) == managed
    with pytest.raises(OSError):
        (backend.driver.snapshot_path(snapshot["id"]) / "file").write_text("now")
    backend.driver.unmanage_snapshot(snapshot)
    again = new_snapshot(share, provider_location=f"unmanaged/snapshot-{snapshot['id']}")
    backend.driver.manage_existing_snapshot(again, {})
    clone = new_share()
    backend.driver.create_share_from_snapshot(CONTEXT, clone, again)
    assert (backend.driver.share_path(clone["id"]) / "file").read_text() == "then"
