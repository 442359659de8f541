"""Snapshots of volumes and shares made of them, on a real cluster whose bricks are on thin volumes.

One machine, two backends: volumes served by Ganesha, and native ones.
"""

from __future__ import annotations

import concurrent.futures
from collections.abc import Iterator
from typing import Any

import pytest

from abaca.drivers.contract import errors
from abaca.drivers.contract.records import Share
from abaca.drivers.glusterfs.place import CLAIM
from abaca.drivers.nodes.node import Done, Node
from docs.blocks import of_kind
from glusterfs import lab as labs
from glusterfs.kit import CONTEXT, Backend, keep, new_share, rule, volume_pool
from glusterfs.lab import Lab
from glusterfs.lvm import Lvm
from glusterfs.tls import CLIENT, PLACE, SERVER, Native, as_client, make_certificates
from storage.kit import new_snapshot

pytestmark = [pytest.mark.storage, pytest.mark.xdist_group("glusterfs-snapshots")]
MISSING = '  Failed to find logical volume "shm/none"\n'
# what LVM 2.03.16 answered, of a group that was called so; the words of glusterd 10.3
RECORDED = {
    "lvs --noheadings -o pool_lv /dev/shm/pool-1-thin": (0, "  pool\n", ""),
    "lvs --noheadings -o vg_name /dev/shm/pool-1-thin": (0, "  shm\n", ""),
    "lvs --noheadings -o pool_lv /dev/shm/none": (5, "", MISSING),
    "lvs --noheadings -o pool_lv /dev/vda": (
        5,
        "",
        '  Volume group "vda" not found\n  Cannot process volume group vda\n',
    ),
    "lvremove -f /dev/shm/none": (5, "", MISSING),
}


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    reason = labs.why_not()
    if reason:
        pytest.skip(reason)
    with labs.running() as lab:
        make_certificates(lab)
        lab.machines[0].run("mount", "--bind", str(lab.directory / SERVER), PLACE)
        yield lab


@pytest.fixture(scope="module")
def lvm(lab: Lab) -> Iterator[Lvm]:
    lvm = Lvm(lab.machines[0])
    yield lvm
    lvm.destroy()


@pytest.fixture(scope="module")
def pool(lab: Lab, lvm: Lvm) -> Backend:
    """A volume that can have snapshots, and a bigger one that cannot."""
    lvm.volume("pool-1-thin")
    lab.volume("pool-2-plain")
    return volume_pool(lab, r"pool-#{size}-\w+", "pool-1-thin", "pool-2-plain")


@pytest.fixture(scope="module")
def native(lab: Lab, lvm: Lvm) -> Native:
    lvm.volume("native-1")
    lab.machines[0].gluster("volume", "set", "native-1", "auth.ssl-allow", SERVER)
    native = Native(
        lab,
        local=True,
        glusterfs_target=None,
        glusterfs_nfs_server_type="Gluster",
        glusterfs_servers=[lab.machines[0].address],
        glusterfs_volume_pattern="native-#{size}",
    )
    native.start()
    return native


def clone_of(backend: Backend, snapshot: Any, share: Share) -> str:
    """The path of its export."""
    [location] = backend.driver.create_share_from_snapshot(CONTEXT, share, snapshot)
    return str(location["path"])


def volumes(backend: Backend) -> set[str]:
    return set(backend.machine.gluster("volume", "list").split())


def test_lvm_answers_as_it_does(pool: Backend, lvm: Lvm) -> None:
    for words, answer in RECORDED.items():
        done = lvm.run(*words.split())
        assert (done.returncode, done.stdout, done.stderr) == answer, words


def test_a_clone_has_what_its_snapshot_had(pool: Backend, lvm: Lvm) -> None:
    before, share, clone = lvm.names(), pool.share(), new_share()
    snapshot = new_snapshot(share)
    pool.allow(share, rule(pool.lab.address))
    with pool.mount(share) as client:
        client.write("/data", b"old")
        taken = [pool.driver.create_snapshot(CONTEXT, snapshot) for _ in range(2)]
        client.write("/data", b"new")
        client.write("/late", b"x")
    assert taken == 2 * [{"provider_location": f"pool-1-thin:manila-{snapshot['id']}"}]
    for _ in range(2):
        assert clone_of(pool, snapshot, clone) == f"{pool.machine.address}:/{clone['name']}"
    keep(pool, f"manila-{clone['id']}")
    pool.allow(clone, rule(pool.lab.address))
    with pool.mount(clone) as client:
        assert client.read("/data") == b"old"
        assert "late" not in client.listdir()
        client.write("/data", b"mine")
    with pool.mount(share) as client:
        assert client.read("/data") == b"new"
    later = new_snapshot(share)
    pool.driver.create_snapshot(CONTEXT, later)
    held = {item["id"]: item for item in pool.driver.get_inventory(CONTEXT)}
    assert {key: item.get("size") or item["share_id"] for key, item in held.items()} == {
        **{each["id"]: 1 for each in (share, clone)},
        **{each["id"]: share["id"] for each in (snapshot, later)},
    }
    for each in (snapshot, later, later):
        pool.driver.delete_snapshot(CONTEXT, each)
    for each in (clone, clone, share):
        pool.delete(each)
    assert pool.driver.get_inventory(CONTEXT) == []
    assert volumes(pool) >= {"pool-1-thin"}
    assert f"manila-{clone['id']}" not in volumes(pool)
    clean_up(lvm, before)


def clean_up(lvm: Lvm, before: set[str]) -> None:
    """Of a deleted clone Gluster leaves a logical volume, for which the page tells what to do."""
    [left] = lvm.names() - before
    [block] = of_kind("sh lvm")
    text = block.text.replace("VOLUME", left.removesuffix("_0"))
    lvm.machine.run("bash", "-euo", "pipefail", "-c", text)
    assert lvm.names() == before


def test_what_cannot_be_is_refused(pool: Backend) -> None:
    share, big = pool.share(size=2), new_share(size=2)
    assert pool.driver.get_share_stats(refresh=True)["snapshot_support"]
    snapshot = new_snapshot(share)
    for _ in range(2):
        with pytest.raises(errors.ShareSnapshotNotSupported):
            pool.driver.create_snapshot(CONTEXT, snapshot)
    pool.driver.delete_snapshot(CONTEXT, snapshot)
    with pytest.raises(errors.SnapshotResourceNotFound):
        clone_of(pool, snapshot, big)
    small = pool.share()
    snapshot = new_snapshot(small)
    pool.driver.create_snapshot(CONTEXT, snapshot)
    with pytest.raises(errors.InvalidShare, match="cannot be made of this snapshot"):
        clone_of(pool, snapshot, big)
    pool.driver.delete_snapshot(CONTEXT, snapshot)
    for each in (share, small):
        pool.delete(each)


def test_a_native_clone_lets_nobody_in_whom_its_source_does(native: Native, pool: Backend) -> None:
    share, clone = (new_share(protocol="GLUSTERFS") for _ in range(2))
    native.driver.create_share(CONTEXT, share)
    native.allow(share, rule(CLIENT, kind="cert"))
    assert as_client(native, "native-1", "echo old > data").returncode == 0
    snapshot = new_snapshot(share)
    native.driver.create_snapshot(CONTEXT, snapshot)
    assert as_client(native, "native-1", "echo new > data").returncode == 0
    name = f"manila-{clone['id']}"
    assert clone_of(native, snapshot, clone) == f"{native.machine.address}:/{name}"
    assert as_client(native, name, "cat data").returncode != 0
    native.allow(clone, rule(CLIENT, kind="cert"))
    assert as_client(native, name, "cat data").stdout == "old\n"
    held = {item["id"] for item in pool.driver.get_inventory(CONTEXT)}
    assert not held & {share["id"], clone["id"], snapshot["id"]}, "another backend's"
    native.driver.delete_snapshot(CONTEXT, snapshot)
    for each in (clone, share):
        native.delete(each)
    assert native.driver.get_inventory(CONTEXT) == []


class Forgetful:
    """A node that loses, once, the answer of each command that makes, claims or removes."""

    STEPS = ("snapshot create", "activate", "clone", CLAIM, "start", "stop", "delete")

    def __init__(self, node: Node) -> None:
        self.name, self._node = node.name, node
        self.lost: list[str] = []

    def run(self, *words: str, data: str = "", seconds: float = 180.0) -> Done:
        done = self._node.run(*words, data=data, seconds=seconds)
        said = " ".join(word for word in words if not word.startswith("-"))
        if said not in self.lost and any(step in said for step in self.STEPS):
            self.lost.append(said)
            raise errors.StorageCommunicationException(reason=f"no answer to {said}")
        return done


@pytest.fixture
def forgetful(pool: Backend) -> Iterator[Forgetful]:
    layout: Any = pool.driver.layout
    [cluster] = layout._clusters
    forgetful = Forgetful(cluster.node)
    cluster.node = forgetful
    yield forgetful
    cluster.node = forgetful._node


def test_whichever_answer_is_lost_the_next_call_goes_on(
    pool: Backend, lvm: Lvm, forgetful: Forgetful
) -> None:
    before, cleared = lvm.names(), volumes(pool)
    share, clone, driver = new_share(), new_share(), pool.driver
    snapshot = new_snapshot(share)
    pool.again(driver.create_share, CONTEXT, share)
    pool.again(driver.create_snapshot, CONTEXT, snapshot)
    assert len(lvm.names() - before) == 1
    pool.again(driver.create_share_from_snapshot, CONTEXT, clone, snapshot)
    assert len(lvm.names() - before) == 2
    keep(pool, f"manila-{clone['id']}")
    held = {item["id"]: item["kind"] for item in driver.get_inventory(CONTEXT)}
    assert held == {share["id"]: "share", clone["id"]: "share", snapshot["id"]: "snapshot"}
    pool.again(driver.delete_snapshot, CONTEXT, snapshot)
    for each in (clone, share):
        pool.again(pool.delete, each)
    assert driver.get_inventory(CONTEXT) == []
    assert volumes(pool) == cleared
    assert all(any(step in said for said in forgetful.lost) for step in forgetful.STEPS)


def test_glusterd_dies_while_it_copies(pool: Backend, lvm: Lvm) -> None:
    """It cleans up after a snapshot; of a clone it leaves a volume without bricks."""
    machine, driver, before = pool.machine, pool.driver, lvm.names()
    # bricks hold writes back for so long, if glusterd does not come back
    machine.gluster("volume", "set", "pool-1-thin", "features.barrier-timeout", "1")
    share, clone = pool.share(), new_share()
    snapshot = new_snapshot(share)
    for method, arguments in (
        (driver.create_snapshot, (snapshot,)),
        (driver.create_share_from_snapshot, (clone, snapshot)),
    ):
        with lvm.gate() as gate, concurrent.futures.ThreadPoolExecutor(1) as thread:
            call = thread.submit(method, CONTEXT, *arguments)
            gate.wait()
            machine.kill("glusterd -l")
            with pytest.raises(errors.StorageCommunicationException):
                call.result(60)
        machine.start_glusterd()
        pool.again(method, CONTEXT, *arguments)
    assert machine.gluster("snapshot", "list").split() == [f"manila-{snapshot['id']}"]
    keep(pool, f"manila-{clone['id']}")
    pool.allow(clone, rule(pool.lab.address))
    with pool.mount(clone) as client:
        client.write("/file", b"x")
    with lvm.full(), pytest.raises(errors.StorageCommunicationException, match="Commit failed"):
        driver.create_snapshot(CONTEXT, new_snapshot(share))
    driver.delete_snapshot(CONTEXT, snapshot)
    for each in (clone, share):
        pool.delete(each)
    assert driver.get_inventory(CONTEXT) == []
    assert len(lvm.names() - before) == 2, "of the half clone and of the whole one"
