"""The whole service with a `vast` backend: manila.conf, ordinary API, manager, driver, array."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from abaca.cli import assembly
from abaca.manager import drift
from abaca.store import services as service_store
from abaca.testing import crash
from abaca.testing.vms import Array, Running, running
from support.shares import Answer, Client
from vast.kit import GIB, POOL
from vast.site import PATIENCE, configuration, make_manager, managed, write_configuration

KILLED = -9
PROJECT = "a" * 32
SPECS = {
    "driver_handles_share_servers": "False",
    "share_backend_name": "vast",
    "snapshot_support": "True",
    "create_share_from_snapshot_support": "True",
}


class Service:
    """The API in this process, over a database; managers come and go."""

    def __init__(self, folder: Path, vms: Running, **others: Running) -> None:
        self.folder, self.vms, self.array = folder, vms, vms.array
        write_configuration(folder, {"vast": vms, **others})
        config = configuration(folder)
        self.store = assembly.open_store(config)
        self.url = config.database_url
        self.env = assembly.make_env(config, self.store)
        self.user = self.client("member,reader")
        self.admin = self.client("admin,member,reader")

    def client(self, roles: str) -> Client:
        return Client(self.env, PROJECT, roles, "ann")

    def settle(self) -> None:
        assert crash.settle(self.store, PATIENCE), "operations are still live"

    def await_status(self, share_id: str, wanted: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while (status := self.look(share_id)["status"]) != wanted:
            assert time.monotonic() < deadline, status
            time.sleep(0.01)

    def await_pools(self, count: int) -> None:
        """Until the scheduler knows as many: before that a share has no place to wait for."""
        deadline = time.monotonic() + PATIENCE
        while (found := self._pools()) < count:
            assert time.monotonic() < deadline, found
            time.sleep(0.01)

    def _pools(self) -> int:
        with self.store.read() as tx:
            return len(service_store.pools_all(tx))

    def make_type(self, name: str = "vast") -> None:
        specs = {**SPECS, "share_backend_name": name}
        body = {"share_type": {"name": name, "extra_specs": specs}}
        assert self.admin("POST", "/types", body).status == 200

    # what a user does
    def share(self, **values: Any) -> dict[str, Any]:
        body = {"share": {"share_proto": "NFS", "size": 1, "share_type": "vast", **values}}
        answer = self.user("POST", "/shares", body)
        assert answer.status == 200, answer.json
        return dict(answer["share"])

    def allow(self, share_id: str, to: str, level: str = "rw", kind: str = "ip") -> dict[str, Any]:
        given = {"access_type": kind, "access_to": to, "access_level": level}
        answer = self.user.act(share_id, "allow_access", given)
        assert answer.status == 200, answer.json
        return dict(answer["access"])

    def snapshot(self, share_id: str) -> dict[str, Any]:
        answer = self.user("POST", "/snapshots", {"snapshot": {"share_id": share_id}})
        assert answer.status == 202, answer.json
        return dict(answer["snapshot"])

    def done(self, answer: Answer) -> None:
        """Accepted, and then brought to an end."""
        assert answer.status in (200, 202), answer.json
        self.settle()

    # what is there
    def look(self, share_id: str) -> dict[str, Any]:
        return dict(self.admin.get(f"/shares/{share_id}")["share"])

    def instance(self, share_id: str) -> str:
        """The name of the share's objects on the array."""
        (found,) = self.admin.get(f"/shares/{share_id}/instances")["share_instances"]
        return str(found["id"])

    def locations(self, share_id: str) -> list[str]:
        found = self.user.get(f"/shares/{share_id}/export_locations")["export_locations"]
        return sorted(location["path"] for location in found)

    def hosts(self, share_id: str) -> dict[str, list[str]]:
        policy = self.array.named("viewpolicies", self.instance(share_id))
        assert policy is not None
        return {"rw": policy["nfs_read_write"], "ro": policy["nfs_read_only"]}

    def is_empty(self) -> bool:
        kinds = ("views", "quotas", "viewpolicies", "snapshots", "globalsnapstreams")
        nothing = not any(self.array.objects(kind) for kind in kinds)
        return nothing and self.array.directories() <= {"/manila"}


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


# --- kill -9 of the manager -----------------------------------------------------------------------
def _available(service: Service, share_id: str) -> bool:
    view = service.array.named("views", service.instance(share_id))
    return service.look(share_id)["status"] == "available" and view is not None


def _with_snapshot(service: Service) -> str:
    share_id = str(service.share()["id"])
    manage(service)
    service.allow(share_id, "192.0.2.1")
    service.snapshot(share_id)
    manage(service)
    return share_id


def _clone(service: Service, share_id: str) -> str:
    (snapshot,) = service.user.get("/snapshots")["snapshots"]
    return str(service.share(snapshot_id=snapshot["id"])["id"])


def _delete(service: Service, share_id: str) -> None:
    (snapshot,) = service.user.get("/snapshots")["snapshots"]
    assert service.user("DELETE", f"/snapshots/{snapshot['id']}").status == 202
    manage(service)
    assert service.user("DELETE", f"/shares/{share_id}").status == 202


Ask = Callable[[Service, str], Any]
Right = Callable[[Service, str, Any], bool]
CASES: dict[str, tuple[Callable[[Service], str], Ask, Right]] = {
    "create": (
        lambda service: "",
        lambda service, _: service.share()["id"],
        lambda service, _, made: _available(service, made),
    ),
    "allow": (
        _with_snapshot,
        lambda service, share: service.allow(share, "10.0.0.0/8", "ro"),
        lambda service, share, _: (
            service.hosts(share) == {"rw": ["192.0.2.1"], "ro": ["10.0.0.0/8"]}
        ),
    ),
    "clone": (
        _with_snapshot,
        _clone,
        lambda service, _, made: _available(service, made),
    ),
    "delete": (_with_snapshot, _delete, lambda service, share, _: service.is_empty()),
}
ELSEWHERE = ("commit", "answer of", "get_backend_info", "get_optional_share_creation_data")
"""Points that tests/crash cuts at, or at which nothing of the array is at stake."""


def manage(service: Service, crash_at: str | None = None, record: Path | None = None) -> bool:
    """Run a manager until all is done; whether it was killed before."""
    ended = crash.run_manager(
        service.url,
        service.folder,
        crash_at=crash_at,
        record=record,
        seconds=PATIENCE,
        make=make_manager,
    )
    assert ended in (0, KILLED)
    return ended == KILLED


@pytest.mark.parametrize("case", CASES)
def test_killed_at_any_call_of_the_driver_it_ends_as_it_was_asked_for(
    vms: Running, tmp_path: Path, case: str
) -> None:
    before, ask, right = CASES[case]
    template = Service(tmp_path / "template", vms)
    template.make_type()
    share = before(template)
    template.store.close()
    there = vms.array.dump()
    record = tmp_path / "points"

    def play(name: str, crash_at: str | None = None) -> None:
        vms.array.restore(there)
        (tmp_path / name).mkdir()
        for file in (tmp_path / "template").glob("abaca.sqlite*"):
            if file.is_file():
                shutil.copy(file, tmp_path / name)
        service = Service(tmp_path / name, vms)
        made = ask(service, share)
        if manage(service, crash_at, None if crash_at else record):
            manage(service)
        assert right(service, share, made), crash_at
        service.store.close()

    play("undisturbed")
    points = [
        point
        for point in record.read_text().splitlines()
        if not any(word in point for word in ELSEWHERE)
    ]
    assert len(points) >= 2
    for number, point in enumerate(points):
        play(f"killed {number}", point)
