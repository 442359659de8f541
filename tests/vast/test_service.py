"""The whole service with a `vast` backend: manila.conf, ordinary API, manager, driver, array."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from abaca.manager import drift
from abaca.testing.vms import Array, Running, running
from vast.kit import GIB, POOL
from vast.service import Service
from vast.site import PATIENCE, managed


@pytest.fixture
def service(vms: Running, tmp_path: Path) -> Iterator[Service]:
    made = Service(tmp_path / "state", vms)
    made.make_type()
    yield made
    made.store.close()


def test_the_life_of_a_share(service: Service, array: Array) -> None:
    with managed(service.store, service.folder) as manager:
        assert manager.ready(PATIENCE)
        share_id = service.share(size=2, name='it\'s "quoted"; $(x)')["id"]
        service.settle()
        shown = service.look(share_id)
        assert (shown["status"], shown["host"]) == ("available", "node@vast#vast")
        path = f"/manila/manila-{service.instance(share_id)}"
        addresses = ("192.0.2.10", "192.0.2.11", "[2001:db8::10]")
        assert service.locations(share_id) == [f"{address}:{path}" for address in addresses]
        assert service.hosts(share_id) == {"rw": [], "ro": []}

        first = service.allow(share_id, "192.0.2.7")
        service.allow(share_id, "10.0.0.0/8", "ro")
        service.allow(share_id, "2001:db8::/32", "ro")
        bad = service.allow(share_id, "alice", kind="user")
        service.settle()
        assert service.hosts(share_id) == {
            "rw": ["192.0.2.7"],
            "ro": ["2001:db8::/32", "10.0.0.0/8"],
        }
        rules = service.user.get("/share-access-rules", share_id=share_id)["access_list"]
        states = {rule["id"]: rule["state"] for rule in rules}
        assert states.pop(bad["id"]) == "error"
        assert set(states.values()) == {"active"}
        for rule in (first, bad):
            service.done(service.user.act(share_id, "deny_access", {"access_id": rule["id"]}))
        assert service.hosts(share_id)["rw"] == []

        service.done(service.user.act(share_id, "extend", {"new_size": 4}))
        array.set_used(path, 1.5)
        service.done(service.user.act(share_id, "shrink", {"new_size": 1}))
        assert (service.look(share_id)["status"], service.look(share_id)["size"]) == (
            "available",
            4,
        )
        service.done(service.user.act(share_id, "shrink", {"new_size": 2}))
        quota = array.named("quotas", service.instance(share_id))
        assert quota is not None and quota["hard_limit"] == 2 * GIB

        array.write_file(path, "a", b"1")
        snapshot_id = service.snapshot(share_id)["id"]
        service.settle()
        array.write_file(path, "a", b"2")
        array.configure(clone_seconds=0.5)
        clone_id = service.share(size=2, snapshot_id=snapshot_id)["id"]
        service.settle()
        clone = f"/manila/manila-{service.instance(clone_id)}"
        assert array.read_file(clone, "a") == b"1"
        assert service.look(clone_id)["status"] == "available"
        assert len(service.locations(clone_id)) == 3

        for path in (f"/snapshots/{snapshot_id}", f"/shares/{clone_id}", f"/shares/{share_id}"):
            service.done(service.user("DELETE", path))
    assert service.is_empty()


def test_pools_and_services_show_the_array(service: Service) -> None:
    with managed(service.store, service.folder) as manager:
        assert manager.ready(PATIENCE)
        (pool,) = service.admin.get("/scheduler-stats/pools/detail")["pools"]
        facts = pool["capabilities"]
        assert facts["vendor_name"] == "VAST STORAGE"
        assert facts["total_capacity_gb"] == 100 * 1024
        assert facts["data_reduction"] == 2.5
        services = service.admin.get("/services", binary="manila-share")["services"]
        assert [(s["host"], s["state"]) for s in services] == [("node@vast", "up")]


def test_taking_over_and_letting_go(service: Service, array: Array) -> None:
    policy = array.add("viewpolicies", name="everybody", nfs_read_write=["*"])
    array.add("quotas", name="q", path="/manila/theirs", hard_limit=3 * GIB)
    array.add("views", name="v", path="/manila/theirs", policy_id=policy["id"])
    given = {
        "protocol": "NFS",
        "export_path": "192.0.2.10:/manila/theirs",
        "service_host": "node@vast#vast",
        "share_type": "vast",
    }
    with managed(service.store, service.folder) as manager:
        assert manager.ready(PATIENCE)
        share_id = service.admin("POST", "/shares/manage", {"share": given})["share"]["id"]
        service.settle()
        shown = service.look(share_id)
        assert (shown["status"], shown["size"]) == ("available", 3)
        assert service.hosts(share_id) == {"rw": [], "ro": []}
        twice = service.admin("POST", "/shares/manage", {"share": given})
        assert twice.status == 409
        service.done(service.admin.act(share_id, "unmanage"))
        assert "/manila/theirs" in array.directories()
        again = service.admin("POST", "/shares/manage", {"share": given})["share"]["id"]
        service.settle()
        assert service.look(again)["size"] == 3
        service.done(service.admin("DELETE", f"/shares/{again}"))
    assert array.directories() == {"/manila"}
    assert [row["name"] for row in array.objects("viewpolicies")] == ["everybody"]


def test_an_array_that_goes_away_and_comes_back(
    vms: Running, service: Service, tmp_path: Path
) -> None:
    """What was asked for meanwhile waits, and is done."""
    with managed(service.store, service.folder) as manager:
        assert manager.ready(PATIENCE)
        vms.server.close()
        share_id = service.share()["id"]
        with running(tmp_path / "vms", port=vms.port):
            service.settle()
            assert service.look(share_id)["status"] == "available"


def test_one_dead_array_does_not_hold_up_another(vms: Running, tmp_path: Path) -> None:
    with running(tmp_path / "far") as far:
        far.array.add_pool("pool", *POOL)
        both = Service(tmp_path / "both", vms, far=far)
    both.make_type()
    both.make_type("far")
    with running(tmp_path / "far", port=far.port) as far, managed(both.store, both.folder) as m:
        assert m.ready(PATIENCE)
        both.await_pools(2)
        far.server.close()
        waiting = both.share(share_type="far")["id"]
        both.await_status(both.share()["id"], "available")
        assert both.look(waiting)["status"] == "creating"
        with running(tmp_path / "far", port=far.port):
            both.await_status(waiting, "available")
    assert [view["name"] for view in far.array.objects("views")] == [both.instance(waiting)]
    both.store.close()


def test_an_array_that_is_away_at_the_start(vms: Running, service: Service, tmp_path: Path) -> None:
    vms.server.close()
    with managed(service.store, service.folder) as manager:
        assert not manager.ready(0.1)
        with running(tmp_path / "vms", port=vms.port):
            assert manager.ready(PATIENCE)


def test_exports_change_with_the_pool(service: Service, array: Array) -> None:
    with managed(service.store, service.folder) as manager:
        assert manager.ready(PATIENCE)
        share_id = service.share()["id"]
        service.settle()
    array.add_pool("pool", ("198.51.100.7", "198.51.100.7"))
    with managed(service.store, service.folder) as manager:
        assert manager.ready(PATIENCE)
        service.settle()
        (location,) = service.locations(share_id)
        assert location.startswith("198.51.100.7:/manila/")


def test_what_is_changed_behind_its_back_is_found_and_repaired(
    service: Service, array: Array
) -> None:
    with managed(service.store, service.folder) as manager:
        assert manager.ready(PATIENCE)
        opened, resized, hidden, lost = (service.share()["id"] for _ in range(4))
        service.settle()
        service.allow(opened, "192.0.2.1")
        service.settle()
        name = {share: service.instance(share) for share in (opened, resized, hidden, lost)}
        array.change("viewpolicies", name[opened], nfs_read_write=["*"])
        array.change("quotas", name[resized], hard_limit=9 * GIB)
        array.remove("views", name[hidden])
        for kind in ("views", "quotas", "viewpolicies"):
            array.remove(kind, name[lost])
        array.remove_directory(f"/manila/manila-{name[lost]}")
        (backend,) = manager.backends
        found = {finding.resource_id for finding in drift.look(backend, service.store, repair=True)}
        assert found == {opened, resized, hidden, lost}
        service.settle()
        assert service.hosts(opened) == {"rw": ["192.0.2.1"], "ro": []}
        quota = array.named("quotas", name[resized])
        assert quota is not None and quota["hard_limit"] == GIB
        assert array.named("views", name[hidden])
        assert service.look(lost)["status"] == "error"
        assert drift.look(backend, service.store, repair=True) == []


def test_a_share_never_lands_in_another_pool_than_its_type_names(
    service: Service, array: Array
) -> None:
    array.add_pool("blue", ("203.0.113.7", "203.0.113.7"))
    dhss = {"driver_handles_share_servers": "False"}
    with managed(service.store, service.folder) as manager:
        assert manager.ready(PATIENCE)
        for pool, status in (("pool", "available"), ("blue", "error"), ("POOL", "error")):
            specs = {**dhss, "vast:vippool_name": pool}
            body = {"share_type": {"name": pool, "extra_specs": specs}}
            assert service.admin("POST", "/types", body).status == 200
            share_id = service.share(share_type=pool)["id"]
            service.settle()
            assert service.look(share_id)["status"] == status, pool
        specs = {**dhss, "vast:vip_pool": "blue"}
        answer = service.admin(
            "POST", "/types", {"share_type": {"name": "typo", "extra_specs": specs}}
        )
        assert answer.status == 400
        assert "does not know the extra spec 'vast:vip_pool'" in answer.message
        assert "vast:vippool_name" in answer.message
    assert len(array.objects("views")) == 1
