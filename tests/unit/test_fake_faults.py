"""The fake array: it outlives processes, and it fails as it is told."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
import uuid

import pytest

from abaca.drivers.contract import DictConfiguration, DriverContext
from abaca.drivers.contract import errors as e
from abaca.drivers.contract.records import backup_record, share_record, snapshot_record
from abaca.drivers.fake import FakeBackend, FakeShareDriver
from abaca.model.context import system_context

CONTEXT = DriverContext(system_context(), operation_id="op", epoch=3)


def make(path, section="alpha", **options):
    values = {"driver_handles_share_servers": False, "fake_state_path": str(path), **options}
    return FakeShareDriver(configuration=DictConfiguration(values, section))


@pytest.fixture
def driver(tmp_path):
    return make(tmp_path)


def new_share(**values):
    return share_record(**{"id": str(uuid.uuid4()), "size": 1, "share_proto": "NFS", **values})


def test_error_leaves_nothing_behind(driver):
    share = new_share()
    driver.backend.set_fault("create_share", "error", name="ShareBackendException", message="no")
    with pytest.raises(e.ShareBackendException, match="no"):
        driver.create_share(CONTEXT, share)
    assert driver.backend.objects() == []
    driver.create_share(CONTEXT, share)
    outcomes = [call["outcome"] for call in driver.backend.calls("create_share")]
    assert outcomes == ["ShareBackendException", "ok"]


def test_lost_answer_means_done(driver):
    share = new_share()
    driver.backend.set_fault("create_share", "lost")
    with pytest.raises(e.StorageCommunicationException):
        driver.create_share(CONTEXT, share)
    assert driver.backend.objects() == [("share", share.id)]
    assert driver.create_share(CONTEXT, share)


def test_late_is_done_in_the_end(driver):
    share = new_share()
    driver.backend.set_fault("create_share", "late", seconds=0.1)
    with pytest.raises(e.StorageCommunicationException):
        driver.create_share(CONTEXT, share)
    assert driver.backend.objects() == []
    time.sleep(0.12)
    assert driver.backend.objects() == [("share", share.id)]


def test_forget_wrong_and_latency(driver):
    share = new_share()
    driver.backend.set_fault("create_share", "forget")
    assert driver.create_share(CONTEXT, share)
    assert driver.backend.objects() == []
    driver.backend.set_fault("get_share_stats", "wrong", value={"fake": 7})
    assert driver.get_share_stats(refresh=True)["pools"][0]["allocated_capacity_gb"] == 7
    driver.backend.set_fault("create_share", "latency", seconds=0.05)
    begun = time.monotonic()
    driver.create_share(CONTEXT, share)
    assert time.monotonic() - begun > 0.05


def test_times_and_resource(driver):
    one, two = new_share(), new_share()
    driver.backend.set_fault("*", "error", times=None, resource=one.id, name="TimeoutError")
    for _ in range(3):
        with pytest.raises(TimeoutError):
            driver.create_share(CONTEXT, one)
    driver.create_share(CONTEXT, two)
    driver.backend.clear_faults()
    driver.create_share(CONTEXT, one)
    driver.backend.set_fault("delete_share", "error", times=2, name="ShareBackendException")
    for _ in range(2):
        with pytest.raises(e.ShareBackendException):
            driver.delete_share(CONTEXT, one)
    driver.delete_share(CONTEXT, one)
    assert driver.backend.faults() == []


@pytest.mark.parametrize("name", [*e.ERRORS, "NotImplementedError", "ConnectionError"])
def test_every_error_can_be_programmed(driver, name):
    driver.backend.set_fault("do_setup", "error", name=name)
    with pytest.raises(Exception) as caught:
        driver.do_setup(CONTEXT)
    assert type(caught.value).__name__ == name


def test_wrong_faults_are_refused(driver):
    with pytest.raises(ValueError, match="unknown kind"):
        driver.backend.set_fault("create_share", "explode")
    with pytest.raises(ValueError, match="unknown error"):
        driver.backend.set_fault("create_share", "error", name="Nonsense")


def test_block_until_cleared(driver):
    number = driver.backend.set_fault("create_share", "block", times=None)
    thread = threading.Thread(target=driver.create_share, args=(CONTEXT, new_share()))
    thread.start()
    time.sleep(0.05)
    (call,) = driver.backend.calls("create_share")
    assert call["finished"] is None and call["epoch"] == 3 and call["operation_id"] == "op"
    driver.backend.clear_faults(number)
    thread.join(5)
    assert len(driver.backend.shares()) == 1


CHILD = """
import sys
from abaca.drivers.contract import DictConfiguration
from abaca.drivers.contract.records import share_record
from abaca.drivers.fake import FakeShareDriver
driver = FakeShareDriver(configuration=DictConfiguration(
    {"driver_handles_share_servers": False, "fake_state_path": sys.argv[1]}, "alpha"))
for name in ("one", "two"):
    driver.create_share(None, share_record(id=name, size=1, share_proto="NFS"))
"""


@pytest.mark.parametrize(("when", "left"), [("before", ["one"]), ("after", ["one", "two"])])
def test_state_and_faults_outlive_a_killed_process(tmp_path, when, left):
    backend = FakeBackend(tmp_path)
    backend.set_fault("create_share", "kill", resource="two", when=when)
    done = subprocess.run([sys.executable, "-c", CHILD, str(tmp_path)], check=False)
    assert done.returncode == -9
    assert sorted(backend.shares()) == left
    assert [c["outcome"] for c in backend.calls("create_share")] == ["ok", None]
    assert backend.faults() == []
    subprocess.run([sys.executable, "-c", CHILD, str(tmp_path)], check=True)
    assert sorted(backend.shares()) == ["one", "two"]


def test_capacity(tmp_path):
    driver = make(tmp_path, fake_pools=["small:2", "big:10"])
    host = "h@alpha#small"
    first = new_share(size=2, host=host)
    driver.create_share(CONTEXT, first)
    with pytest.raises(e.ShareBackendException, match="0 GiB left"):
        driver.create_share(CONTEXT, new_share(host=host))
    with pytest.raises(e.ShareBackendException):
        driver.extend_share(first, 3)
    driver.shrink_share(first, 1)
    driver.create_share(CONTEXT, new_share(host=host))
    pools = driver.get_share_stats(refresh=True)["pools"]
    assert [pool["free_capacity_gb"] for pool in pools] == [0, 10]
    driver.delete_share(CONTEXT, first)
    assert driver.get_share_stats(refresh=True)["pools"][0]["free_capacity_gb"] == 1


def test_rule_states_are_kept(driver):
    share = new_share()
    driver.create_share(CONTEXT, share)
    rule = {"access_id": "r", "access_type": "ip", "access_to": "10.0.0.1", "access_level": "rw"}
    driver.update_access(CONTEXT, share, [rule], [rule], [], [])
    driver.update_access(CONTEXT, share, [], [], [rule], [])
    states = [[r["access_id"] for r in rules] for _, rules in driver.backend.rule_states(share.id)]
    assert states == [["r"], []] and driver.backend.rules(share.id) == []


def test_replicas_between_two_backends_of_one_array(tmp_path):
    domain = {"replication_domain": "d", "fake_replication_type": "readable"}
    one, two = make(tmp_path, "one", **domain), make(tmp_path, "two", **domain)
    active = new_share(replica_state="active")
    one.create_share(CONTEXT, active)
    one.backend.write_file(active.id, "a", b"1")
    replica = new_share(share_id=active.share_id)
    everyone = [active, replica]
    rule = {"access_id": "r", "access_type": "ip", "access_to": "10.0.0.1", "access_level": "rw"}
    for _ in range(2):
        made = two.create_replica(CONTEXT, everyone, replica, [rule], [])
        assert made["replica_state"] == "in_sync"
    assert two.backend.read_file(replica.id, "a") == b"1"
    assert two.backend.rules(replica.id)[0]["access_level"] == "ro"
    one.backend.write_file(active.id, "a", b"2")
    assert two.update_replica_state(CONTEXT, everyone, replica, [rule], []) == "in_sync"
    assert two.backend.read_file(replica.id, "a") == b"2"
    snapshots = [snapshot_record(id=f"n-{s.id}", share=s) for s in everyone]
    assert len(one.create_replicated_snapshot(CONTEXT, everyone, snapshots)) == 2
    updates = two.promote_replica(CONTEXT, everyone, replica, [rule])
    assert {u["id"]: u["replica_state"] for u in updates} == {
        replica.id: "active",
        active.id: "in_sync",
    }
    assert two.backend.rules(replica.id)[0]["access_level"] == "rw"
    for _ in range(2):
        one.delete_replica(CONTEXT, everyone, snapshots, active)
    assert set(one.backend.objects()) == {
        ("share", replica.id),
        ("snapshot", f"n-{replica.id}"),
    }


def test_move_between_two_backends_of_one_array(tmp_path):
    one, two = make(tmp_path, "one"), make(tmp_path, "two", fake_copy_seconds=0.05)
    source, target = new_share(), new_share()
    one.create_share(CONTEXT, source)
    one.backend.write_file(source.id, "a", b"1")
    snapshot = snapshot_record(id="old", share=source)
    one.create_snapshot(CONTEXT, snapshot)
    args = (source, target, [snapshot], {"old": snapshot_record(id="new", share=target)})
    assert two.migration_check_compatibility(CONTEXT, source, target)["compatible"]
    for _ in range(2):
        two.migration_start(CONTEXT, *args)
    assert two.migration_continue(CONTEXT, *args) is False
    time.sleep(0.06)
    assert two.migration_get_progress(CONTEXT, *args) == {"total_progress": 100}
    first, again = (two.migration_complete(CONTEXT, *args) for _ in range(2))
    assert first == again and list(first["snapshot_updates"]) == ["new"]
    assert two.backend.objects() == [("share", target.id), ("snapshot", "new")]
    assert two.backend.read_file(target.id, "a") == b"1"
    assert two.backend.read_file("new", "a") == b"1"


def test_backup_and_restore(driver):
    share, backup = new_share(), backup_record(id="b", share_id="s", size=1)
    driver.create_share(CONTEXT, share)
    driver.backend.write_file(share.id, "a", b"1")
    for _ in range(2):
        driver.create_backup(CONTEXT, share, backup)
    assert driver.create_backup_continue(CONTEXT, share, backup) == {"total_progress": "100"}
    driver.backend.write_file(share.id, "a", b"2")
    driver.restore_backup(CONTEXT, backup, share)
    assert driver.restore_backup_continue(CONTEXT, backup, share) == {"total_progress": "100"}
    assert driver.backend.read_file(share.id, "a") == b"1"
    for _ in range(2):
        driver.delete_backup(CONTEXT, backup, share)
    assert driver.backend.objects() == [("share", share.id)]


def test_share_servers(tmp_path):
    driver = make(tmp_path, driver_handles_share_servers=True)
    details = driver.setup_server([{"server_id": "v", "network_allocations": []}])
    assert driver.backend.objects() == [("server", "v")]
    for wanted in (details, details, {}):
        driver.teardown_server(wanted)
    assert driver.backend.objects() == []
