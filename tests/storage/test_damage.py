"""abaca, its servers, its disks and the machine are damaged, one after the other; nobody repairs.

After each blow, within one period or after a restart: everything is as the database says, a client
with an open file goes on.  Meanwhile a stranger, who had files open until he was denied, and who
never was let in elsewhere, knocks without a pause over NFSv3, NFSv4 and SMB, and never gets in.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from abaca.drivers.confine import running
from abaca.drivers.ganesha.processes import wait_until
from abaca.drivers.local import btrfs
from storage.kit import Foreigner, free_ports, why_not
from storage.scene import PATIENCE, PERIODS, Scene, Stranger, goes_on
from storage.stranger import Smb
from support.processes import local_site

pytestmark = pytest.mark.storage


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    reason = why_not("NFS", "CIFS")
    if reason:
        pytest.skip(reason)
    with local_site(free_ports(16), PERIODS) as site:
        yield Scene(site)


class Shares(NamedTuple):
    """In `let_in` the stranger had a file open before he was denied."""

    let_in: str
    never: str
    smb_let_in: str
    smb_never: str


@pytest.fixture(scope="module", autouse=True)
def shares(scene: Scene, foreigner: Foreigner, record_testsuite_property: Any) -> Iterator[Shares]:
    """Shares whose guests are known; at the end: nobody else got in, often as he tried."""
    found = Shares(*map(scene.share, "ab"), *map(scene.smb_share, "cd"))
    rules = {each: scene.allow(each, foreigner.address) for each in (found[0], found[2])}
    smb, mount = scene.port("smb"), scene.port("mount")
    names, smb_names = map(scene.name, found[:2]), map(scene.name, found[2:])
    nfs = (scene.port("nfs"), mount, *names)
    with contextlib.ExitStack() as stack:
        strangers = {
            way: Stranger(foreigner, way, *where)
            for way, where in {"nfs3": nfs, "nfs4": nfs, "smb": (smb, 0, *smb_names)}.items()
        }
        for each in strangers.values():
            stack.callback(each.kill)
            assert each.shown
        for share_id, rule in rules.items():
            scene.deny(share_id, rule, foreigner.address)
        for each in strangers.values():
            each.begin()
        yield found
        counts = {way: each.end() for way, each in strangers.items()}
    record_testsuite_property("knocks", counts)
    for count in counts.values():
        assert count.pop("knocks") > 20, counts
        assert not any(count.values()), counts


@pytest.mark.parametrize("server", ["ganesha", "dbus-daemon", "smbd"])
def test_a_server_is_killed(scene: Scene, server: str) -> None:
    scene.kill(server)
    scene.recovers()


def test_abaca_is_killed(scene: Scene, shares: Shares, tmp_path: Path) -> None:
    where = ("127.0.0.1", scene.port("smb"), scene.name(shares.smb_never), tmp_path)
    with contextlib.closing(Smb(*where)) as session:
        scene.kill_abaca()
        assert all(goes_on(file) for file in scene.files.values()), "exports go on without abaca"
        session.go_on()
        assert wait_until(session.go_on, 20), "SMB sessions too"
    scene.start_abaca()
    scene.recovers()


def test_abaca_is_killed_at_work(scene: Scene) -> None:
    """In the middle of creations, deletions, rules and sizes: all of it is done, once."""
    call, chance = scene.site.call, random.Random(5)
    kept = [scene.site.create(f"kept{number}") for number in range(4)]
    doomed = [scene.site.create(f"doomed{number}") for number in range(3)]
    for share_id in kept + doomed:
        scene.site.await_share(share_id)
    rule = {"access_type": "ip", "access_to": "127.0.0.1", "access_level": "rw"}
    for share_id in doomed:
        call("DELETE", f"/shares/{share_id}")
    for share_id in kept[:2]:
        call("POST", f"/shares/{share_id}/action", {"allow_access": rule})
    for share_id in kept[2:]:
        call("POST", f"/shares/{share_id}/action", {"extend": {"new_size": 2}})
    more = [scene.site.create(f"more{number}") for number in range(4)]
    time.sleep(chance.uniform(0, 0.05))
    scene.kill_abaca()
    scene.start_abaca()
    for share_id in kept + more:
        scene.site.await_share(share_id, seconds=PATIENCE)
    scene.await_(lambda: not {s["id"] for s in call("GET", "/shares")["shares"]} & {*doomed})
    assert [call("GET", f"/shares/{s}")["share"]["size"] for s in kept] == [1, 1, 2, 2]
    scene.await_(lambda: scene.rules(kept[0]) == scene.rules(kept[1]) == {"127.0.0.1": "active"})
    scene.recovers()
    for share_id in kept + more:
        call("DELETE", f"/shares/{share_id}")
    scene.await_(lambda: len(call("GET", "/shares")["shares"]) == len(Shares._fields))
    scene.recovers()


def test_shares_and_the_pool_are_unmounted_behind_its_back(scene: Scene) -> None:
    [pid] = scene.servers("ganesha")
    inside = Path(f"/proc/{pid}/mounts").read_text()
    for target in re.findall(rf"{re.escape(str(scene.folder))}/\S+/mnt/\d+", inside):
        running.hide(pid, target)
    subprocess.run(["umount", "-l", str(scene.pool)], check=True)
    scene.recovers()
    assert os.path.ismount(scene.pool)
    scene.kill("ganesha")  # one that has to mount everything again
    scene.recovers()


@pytest.mark.parametrize(
    ("abaca_is_up", "servers_are_up"),
    [(True, True), (True, False), (False, False)],
    ids=["nothing killed", "the servers killed", "both killed"],
)
def test_export_files_are_changed_and_deleted(
    scene: Scene,
    shares: Shares,
    foreigner: Foreigner,
    abaca_is_up: bool,
    servers_are_up: bool,
) -> None:
    """The stranger's address is written into one file, the other one is gone."""
    files = Shares(*map(scene.exports, shares))
    if not abaca_is_up:
        scene.kill_abaca()
    for file in (files.let_in, files.smb_let_in):
        changed = file.read_text().replace("127.0.0.1", foreigner.address)
        assert foreigner.address in changed
        file.write_text(changed)
    files.never.unlink()
    files.smb_never.unlink()
    if not servers_are_up:
        scene.kill("ganesha", "smbd")
    if not abaca_is_up:
        scene.start_abaca()
    scene.recovers()
    assert not any(foreigner.address in file.read_text() for file in files)


def test_the_pool_is_full_for_a_while(scene: Scene, shares: Shares) -> None:
    filler = scene.pool / "filler"
    assert scene.pool.is_mount(), "the disk of the machine shall not be filled"
    with filler.open("wb") as file:
        with pytest.raises(OSError, match="No space left"):
            while True:
                os.posix_fallocate(file.fileno(), file.tell(), 64 << 20)
                file.seek(64 << 20, os.SEEK_CUR)
        scene.kill("ganesha")
        scene.await_(lambda: scene.reads(shares.let_in))
        assert all(file.read() for file in scene.files.values()), "what is there can be read"
        assert scene.reads_over_smb(shares.smb_let_in)
        rule = scene.allow(shares.let_in, "10.77.0.1")
        scene.deny(shares.let_in, rule, "10.77.0.1")
    filler.unlink()
    scene.recovers()
    scene.await_(scene.has_room)  # it is reported within ten seconds


def test_a_subvolume_is_deleted_by_hand(scene: Scene) -> None:
    """The truth is told: to its owner, in the status, and in the report."""
    lost = scene.share("lost")
    scene.files.pop(lost)
    btrfs.delete_subvolume(scene.pool / "shares" / scene.instance(lost))
    show: Callable[[], Any] = lambda: scene.site.call("GET", f"/shares/{lost}")["share"]  # noqa: E731
    scene.await_(lambda: show()["status"] == "error")
    [message] = scene.site.call("GET", f"/messages?resource_id={lost}")["messages"]
    assert "no longer on the storage backend" in message["user_message"]
    assert "Delete the share" in message["user_message"]
    scene.site.call("DELETE", f"/shares/{lost}")
    scene.await_(lambda: lost not in str(scene.site.call("GET", "/shares")))
    scene.recovers()


def test_the_machine_is_restarted(scene: Scene) -> None:
    """No process, no mount, no loop device is left; a disk is."""
    scene.kill_abaca()
    scene.kill("ganesha", "dbus-daemon", "smbd")
    subprocess.run(["umount", str(scene.pool)], check=True)
    listed = subprocess.run(
        ["losetup", "--noheadings", "--output", "NAME", "-j", str(scene.folder / "pool.img")],
        capture_output=True,
        text=True,
        check=True,
    )
    for device in listed.stdout.split():
        subprocess.run(["losetup", "--detach", device], check=True)
    scene.start_abaca()
    scene.recovers()
