"""The API in this process, over a database and a simulated array; managers come and go."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from abaca.cli import assembly
from abaca.store import services as service_store
from abaca.testing import crash
from abaca.testing.vms import Running
from support.shares import Answer, Client
from vast.site import PATIENCE, configuration, write_configuration

PROJECT = "a" * 32
SPECS = {
    "driver_handles_share_servers": "False",
    "share_backend_name": "vast",
    "snapshot_support": "True",
    "create_share_from_snapshot_support": "True",
}


class Service:
    """What users and administrators ask for, and what is there."""

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
