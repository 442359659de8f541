"""abaca, its servers, its disks and the machine are damaged, one after the other; nobody repairs.

After each blow, within one period or after a restart: everything is as the database says, a client
with an open file goes on.  Meanwhile a stranger, who had a file open until he was denied, and one
who was never let in knock without a pause; they never get in.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from abaca.drivers.ganesha.processes import wait_until
from abaca.drivers.local import btrfs
from abaca.testing import nfs
from storage.kit import Foreigner, free_ports, why_not
from support.processes import Site, local_site

pytestmark = [pytest.mark.storage, pytest.mark.xdist_group("storage")]
PATIENCE = 60.0  # seconds; a period is 0.5
PERIODS = "[abaca]\nreconcile_interval = 0.5\ndrift_interval = 0.5\n"
# Knocks until told to stop; prints what it did.  "in" must stay 0.
STRANGER = """
import json, sys
from abaca.testing import nfs
server, port, mount_port, name = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
def connect():
    return nfs.connect(server, "/" + name, port, mount_port, seconds=2)
held = connect() if sys.argv[5] == "was let in" else None
file = held.open("/open") if held else None
print("ready", flush=True)
sys.stdin.readline()
done = {"knocked": 0, "in": 0}
import select
while not select.select([sys.stdin], [], [], 0)[0]:
    done["knocked"] += 1
    for attempt in ("mount", "handle"):
        try:
            if attempt == "mount":
                with connect() as client:
                    client.read("/open")
            elif file:
                file.read()
            else:
                continue
        except (OSError, RuntimeError):
            continue
        done["in"] += 1
print(json.dumps(done), flush=True)
"""


class Knocker:
    """A client machine that must not get in from `begin` on."""

    def __init__(self, machine: Foreigner, ports: tuple[int, int], name: str, how: str) -> None:
        words = [machine.ours, *map(str, ports), name, how]
        command = ["ip", "netns", "exec", machine.namespace, sys.executable, "-c", STRANGER]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen([*command, *words], stdin=pipe, stdout=pipe, text=True)
        assert self._process.stdout and self._process.stdout.readline() == "ready\n"

    def begin(self) -> None:
        self._say()

    def end(self) -> dict[str, int]:
        self._say()
        output = self._process.communicate(timeout=PATIENCE)[0]
        found: dict[str, int] = json.loads(output)
        return found

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _say(self) -> None:
        assert self._process.stdin
        self._process.stdin.write("\n")
        self._process.stdin.flush()


class Scene:
    """A running abaca with a few shares, and the means to break it."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.process = site.serve()
        self.files: dict[str, Any] = {}  # of an allowed client, open all the time

    # --- shares -----------------------------------------------------------------------------------
    def share(self, name: str) -> str:
        share_id = self.site.create(name)
        self.site.await_share(share_id)
        self.allow(share_id, "127.0.0.1")
        client = self.connect(share_id)
        client.write("/open", name.encode())
        self.files[share_id] = client.open("/open")
        return share_id

    def allow(self, share_id: str, to: str) -> str:
        body = {"allow_access": {"access_type": "ip", "access_to": to, "access_level": "rw"}}
        rule = self.site.call("POST", f"/shares/{share_id}/action", body)["access"]["id"]
        self.await_(lambda: self.rules(share_id).get(to) == "active")
        return str(rule)

    def deny(self, share_id: str, rule: str, to: str) -> None:
        body = {"deny_access": {"access_id": rule}}
        self.site.call("POST", f"/shares/{share_id}/action", body)
        self.await_(lambda: to not in self.rules(share_id))

    def rules(self, share_id: str) -> dict[str, str]:
        found = self.site.call("GET", f"/share-access-rules?share_id={share_id}")
        return {rule["access_to"]: rule["state"] for rule in found["access_list"]}

    def instance(self, share_id: str) -> str:
        [found] = self.site.call("GET", f"/shares/{share_id}/export_locations")["export_locations"]
        return str(found["share_instance_id"])

    def ports(self) -> tuple[int, int]:
        text = self.site.file.read_text()
        nfs_port, mount_port = (
            int(re.findall(rf"local_{name}_port = (\d+)", text)[0]) for name in ("nfs", "mount")
        )
        return nfs_port, mount_port

    def connect(self, share_id: str) -> nfs.NfsClient:
        return nfs.connect("127.0.0.1", f"/share-{self.instance(share_id)}", *self.ports())

    def reads(self, share_id: str) -> bool:
        """Whether a client that comes now can read."""
        try:
            with self.connect(share_id) as client:
                return bool(client.read("/open"))
        except OSError:
            return False

    # --- what is there ----------------------------------------------------------------------------
    @property
    def folder(self) -> Path:
        return self.site.state / "local" / "local"

    @property
    def pool(self) -> Path:
        return self.folder / "pool"

    def exports(self, share_id: str) -> Path:
        files = (self.folder / "ganesha/shard-0/exports").glob("*.conf")
        return next(f for f in files if self.instance(share_id) in f.read_text(errors="replace"))

    def servers(self, *words: str) -> list[int]:
        """Processes of this site's exports: ganesha.nfsd, dbus-daemon, smbd."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                line = (process / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            program = os.path.basename(line[0].decode())  # noqa: PTH119
            if any(word in program for word in words) and str(
                self.site.state
            ).encode() in b" ".join(line):
                found.append(int(process.name))
        return found

    def await_(self, condition: Callable[[], bool]) -> None:
        assert wait_until(condition, PATIENCE, 0.05), self.site.said(self.process)[-3000:]

    def is_right(self) -> bool:
        """Whether a comparison made from now on finds nothing."""
        now = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
        report = self.site.call("GET", "/drift")
        looked = report["looks"] and report["looks"][0]
        fresh = looked and looked["problem"] is None and looked["looked_at"] > self._hit
        return bool(fresh and now and not report["drift"])

    def recovers(self) -> None:
        """Everything is as the database says, and open files go on."""
        self._hit = time.strftime("%Y-%m-%dT%H:%M:%S.999999", time.gmtime())
        self.await_(self.is_right)
        for share_id, file in self.files.items():
            assert self.site.call("GET", f"/shares/{share_id}")["share"]["status"] == "available"
            self.await_(lambda file=file: goes_on(file))  # type: ignore[misc]
            with self.connect(share_id) as client:
                client.write("/new", b"1")

    # --- blows ------------------------------------------------------------------------------------
    def kill_shard(self) -> None:
        self.kill("ganesha")

    def kill(self, *words: str) -> None:
        pids = self.servers(*words)
        assert pids
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        assert wait_until(lambda: not any(Path(f"/proc/{pid}/exe").exists() for pid in pids), 10)

    def kill_abaca(self) -> None:
        self.site.stop(self.process, signal.SIGKILL)

    def start_abaca(self) -> None:
        self.process = self.site.serve()


def goes_on(file: Any) -> bool:
    try:
        file.write(b"0")
        return bool(file.read()[:1] == b"0")
    except OSError:
        return False


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    reason = why_not("NFS", "CIFS")
    if reason:
        pytest.skip(reason)
    with local_site(free_ports(16), PERIODS) as site:
        yield Scene(site)


@pytest.fixture(scope="module")
def knockers(scene: Scene, foreigner: Foreigner) -> Iterator[tuple[str, str]]:
    """Two shares whose guests are known; at the end: nobody else got in, often as they tried."""
    first, second = scene.share("first"), scene.share("second")
    rule = scene.allow(first, foreigner.address)
    name = f"share-{scene.instance(first)}"
    denied = Knocker(foreigner, scene.ports(), name, "was let in")
    never = Knocker(foreigner, scene.ports(), f"share-{scene.instance(second)}", "never")
    try:
        scene.deny(first, rule, foreigner.address)
        for each in (denied, never):
            each.begin()
        yield first, second
        counts = [each.end() for each in (denied, never)]
        assert [count["in"] for count in counts] == [0, 0], counts
        assert all(count["knocked"] > 20 for count in counts), counts
    finally:
        for each in (denied, never):
            each.kill()


def test_a_shard_is_killed(scene: Scene, knockers: tuple[str, str]) -> None:
    scene.kill_shard()
    scene.recovers()


def test_the_message_bus_is_killed(scene: Scene, knockers: tuple[str, str]) -> None:
    scene.kill("dbus-daemon")
    scene.recovers()


def test_abaca_is_killed(scene: Scene, knockers: tuple[str, str]) -> None:
    scene.kill_abaca()
    assert all(goes_on(file) for file in scene.files.values()), "exports go on without abaca"
    scene.start_abaca()
    scene.recovers()


def test_abaca_is_killed_at_work(scene: Scene, knockers: tuple[str, str]) -> None:
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
    scene.await_(lambda: len(call("GET", "/shares")["shares"]) == len(scene.files))
    scene.recovers()


def test_shares_and_the_pool_are_unmounted_behind_its_back(
    scene: Scene, knockers: tuple[str, str]
) -> None:
    [pid] = scene.servers("ganesha")
    inside = Path(f"/proc/{pid}/mounts").read_text()
    for target in re.findall(rf"{re.escape(str(scene.folder))}/\S+/mnt/\d+", inside):
        subprocess.run(["nsenter", "-t", str(pid), "-m", "umount", "-l", target], check=True)
    subprocess.run(["umount", "-l", str(scene.pool)], check=True)
    scene.recovers()
    assert os.path.ismount(scene.pool)
    scene.kill_shard()  # one that has to mount everything again
    scene.recovers()


@pytest.mark.parametrize(
    ("abaca_is_up", "shard_is_up"),
    [(True, True), (True, False), (False, False)],
    ids=["nothing killed", "the shard killed", "both killed"],
)
def test_export_files_are_changed_and_deleted(
    scene: Scene,
    knockers: tuple[str, str],
    foreigner: Foreigner,
    abaca_is_up: bool,
    shard_is_up: bool,
) -> None:
    """A stranger's address is written into one file, the other one is gone."""
    first, second = (scene.exports(share_id) for share_id in knockers)
    if not abaca_is_up:
        scene.kill_abaca()
    changed = first.read_text().replace("Clients = 127.0.0.1", f"Clients = {foreigner.address}")
    assert foreigner.address in changed
    first.write_text(changed)
    second.unlink()
    if not shard_is_up:
        scene.kill_shard()
    if not abaca_is_up:
        scene.start_abaca()
    scene.recovers()
    assert foreigner.address not in first.read_text()


def test_the_pool_is_full_for_a_while(scene: Scene, knockers: tuple[str, str]) -> None:
    filler = scene.pool / "filler"
    with filler.open("wb") as file:
        with pytest.raises(OSError, match="No space left"):
            while True:
                os.posix_fallocate(file.fileno(), file.tell(), 64 << 20)
                file.seek(64 << 20, os.SEEK_CUR)
        scene.kill_shard()
        scene.await_(lambda: scene.reads(knockers[0]))
        assert all(file.read() for file in scene.files.values()), "what is there can be read"
        rule = scene.allow(knockers[0], "10.77.0.1")
        scene.deny(knockers[0], rule, "10.77.0.1")
    filler.unlink()
    scene.recovers()


def test_a_subvolume_is_deleted_by_hand(scene: Scene, knockers: tuple[str, str]) -> None:
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
    shares: Callable[[], list[str]] = lambda: [  # noqa: E731
        each["id"] for each in scene.site.call("GET", "/shares")["shares"]
    ]
    scene.await_(lambda: lost not in shares())
    scene.recovers()


def test_the_machine_is_restarted(scene: Scene, knockers: tuple[str, str]) -> None:
    """No process, no mount, no loop device is left; a disk is."""
    scene.kill_abaca()
    scene.kill("ganesha", "dbus-daemon", "smbd") if scene.servers("smbd") else scene.kill(
        "ganesha", "dbus-daemon"
    )
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
