"""Shares as directories of a volume, used by a real NFS client, steered over a real SSH server."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from abaca.drivers.contract import errors
from abaca.drivers.contract.records import Share, export_location_record
from glusterfs.kit import CONTEXT, Backend, new_share, rule
from glusterfs.lab import wait

pytestmark = [pytest.mark.storage, pytest.mark.xdist_group("glusterfs")]
MIB = 1 << 20


def directory(backend: Backend, share: Share) -> Path:
    return backend.root / str(share["name"])


def test_written_and_read_over_nfs(backend: Backend) -> None:
    share = new_share()
    [location] = backend.driver.create_share(CONTEXT, share)
    assert location["path"] == f"{backend.machine.address}:/share-{share['id']}"
    backend.allow(share, rule(backend.lab.address))
    with backend.mount(share) as client:
        client.write("/hello", b"hello" * MIB)
        assert client.read("/hello") == b"hello" * MIB
    assert (directory(backend, share) / "hello").stat().st_size == 5 * MIB
    backend.delete(share)


def test_only_named_clients_get_in_and_only_as_far_as_their_rule(backend: Backend) -> None:
    share = backend.share()
    with pytest.raises(PermissionError):
        backend.mount(share)
    backend.allow(share, rule("192.0.2.7"))
    with pytest.raises(PermissionError):
        backend.mount(share)
    backend.allow(share, rule("192.0.2.7"), rule(f"{backend.lab.network}.0/24", "ro"))
    with backend.mount(share) as client:
        assert client.listdir() == []
        with pytest.raises(OSError) as refused:
            client.write("/x", b"x")
        assert refused.value.errno == errno.EROFS
    backend.delete(share)


def test_a_rule_that_is_removed_shuts_out_who_has_it_mounted(backend: Backend) -> None:
    share, kept = backend.share(), rule("2001:db8::7")
    backend.allow(share, kept, rule(backend.lab.address))
    with backend.mount(share) as client:
        client.write("/x", b"x")
        backend.allow(share, kept)
        with pytest.raises(PermissionError):
            client.read("/x")
    backend.delete(share)


def test_the_size_is_a_hard_limit_that_grows_and_shrinks_online(backend: Backend) -> None:
    share = backend.share()
    backend.allow(share, rule(backend.lab.address))
    with (directory(backend, share) / "filling").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, 1020 * MIB)
    with backend.mount(share) as client:
        with pytest.raises(OSError) as full:
            client.write("/more", b"x" * 16 * MIB)
        assert full.value.errno in (errno.EDQUOT, errno.ENOSPC)
        backend.driver.extend_share(share, 2)
        client.write("/more", b"x" * 16 * MIB)
        with pytest.raises(errors.ShareShrinkingPossibleDataLoss):
            backend.driver.shrink_share(share, 1)
        client.unlink("/more")
        client.unlink("/filling")
    wait(lambda: used(backend, share) < 1, "the quota's count")
    backend.driver.shrink_share(share, 1)
    backend.delete(share)


def used(backend: Backend, share: Share) -> float:
    [size] = backend.driver.update_share_usage_size(CONTEXT, [share])
    return float(size["used_size"])


def test_a_deleted_share_is_gone_at_once_and_its_space_comes_back(backend: Backend) -> None:
    share = backend.share()
    (directory(backend, share) / "deep").mkdir()
    (directory(backend, share) / "deep" / "link").symlink_to("/etc")
    backend.delete(share)
    assert not directory(backend, share).exists()
    assert backend.trash_is_empty()
    assert Path("/etc/passwd").exists()
    assert f"/{share['name']}" not in backend.machine.gluster("volume", "quota", "vol", "list")


def test_a_directory_with_data_is_taken_over_and_given_back(backend: Backend) -> None:
    (backend.root / "projects").mkdir()
    (backend.root / "projects" / "plan").write_text("plan")
    share = managed("host:/projects")
    answer = backend.driver.manage_existing(share, {"size": "3"})
    assert answer["size"] == 3
    backend.allow(share, rule(backend.lab.address))
    with backend.mount(share) as client:
        assert client.read("/plan") == b"plan"
    backend.driver.unmanage(share)
    with pytest.raises(OSError):
        backend.mount(share)
    again = managed(answer["export_locations"][0]["path"])
    assert backend.driver.manage_existing(again, {})["size"] == 3
    assert (directory(backend, again) / "plan").read_text() == "plan"
    backend.delete(again)


@pytest.mark.parametrize(
    "path",
    ["host:/", "host:/a/b", "host:/.trash.x", "host:/..", "host:/no", "/etc", "", "a\nb"],
)
def test_what_is_no_directory_of_the_volume_is_not_taken_over(backend: Backend, path: str) -> None:
    with pytest.raises(errors.ManageInvalidShare):
        backend.driver.manage_existing(managed(path), {})


def managed(path: str) -> Share:
    return new_share(export_locations=[export_location_record(path=path)])


def test_another_process_takes_over_exports_and_rules(backend: Backend) -> None:
    share = backend.share()
    backend.allow(share, rule(backend.lab.address))
    second = Backend(backend.lab)
    second.start()
    [update] = second.driver.ensure_shares(CONTEXT, [share]).values()
    assert update["reapply_access_rules"] is False
    with second.mount(share) as client:
        client.write("/x", b"x")
    backend.delete(share)


def test_the_inventory_tells_what_is_there(backend: Backend) -> None:
    share, lost = backend.share(size=2), backend.share()
    backend.allow(share, rule("192.0.2.7", "ro"))
    directory(backend, lost).rename(backend.root / "elsewhere")
    held = {item["id"]: item for item in backend.driver.get_inventory(CONTEXT)}
    assert held[share["id"]]["size"] == 2 and held[share["id"]]["exported"] is True
    assert held[share["id"]]["rules"] == [
        {"access_type": "ip", "access_to": "192.0.2.7", "access_level": "ro"}
    ]
    assert held[lost["id"]]["kind"] == "export"
    assert backend.driver.ensure_shares(CONTEXT, [lost]) == {lost["id"]: {"status": "error"}}
    with pytest.raises(errors.ShareResourceNotFound):
        backend.allow(lost)
    assert lost["id"] not in {item["id"] for item in backend.driver.get_inventory(CONTEXT)}
    (backend.root / "elsewhere").rmdir()
    backend.delete(share)
