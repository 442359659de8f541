"""A small world for tests of the API of shares: types, a zone, a backend, and clients.

No manager runs, so operations stay queued; `settle` plays the manager's part in the database.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from falcon import testing

from abaca.api.app import create_app
from abaca.api.request import NoAuth
from abaca.identity.policy import Enforcer
from abaca.model.operations import Operation
from abaca.operations import log as oplog
from abaca.service.env import Env, Settings
from abaca.store import access, services, shares, snapshots, types
from abaca.store.engine import Store

HOST = "node@local#pool"
PROJECT, OTHER = "aaaa1111", "bbbb2222"
LATEST = "2.99"
SETTINGS = Settings(
    default_share_type="default",
    admin_only_metadata=("__affinity_same_host", "__affinity_different_host", "__managed_at"),
)
SPECS = {
    "driver_handles_share_servers": "False",
    "snapshot_support": "True",
    "create_share_from_snapshot_support": "True",
    "revert_to_snapshot_support": "True",
    "mount_snapshot_support": "True",
}


class Answer:
    """One answer: its status, its JSON, and what was wrong."""

    def __init__(self, result: testing.Result) -> None:
        self.status = result.status_code
        self.headers = result.headers
        kind = result.headers.get("content-type", "")
        self.json: Any = result.json if result.content and "json" in kind else None

    @property
    def message(self) -> str:
        (fault,) = self.json.values()
        return str(fault["message"])

    def __getitem__(self, key: str) -> Any:
        return self.json[key]


class Client:
    """A caller with a project and roles."""

    def __init__(self, env: Env, project: str, roles: str, user: str) -> None:
        app = create_app(env, auth=NoAuth(), policy=Enforcer())
        self.project = project
        self.user = user
        self._client = testing.TestClient(
            app, headers={"X-Auth-Token": f"{user}:{project}:{roles}"}
        )

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        version: str = LATEST,
        experimental: bool = False,
        **query: Any,
    ) -> Answer:
        headers = {"X-OpenStack-Manila-API-Version": version}
        if experimental:
            headers["X-OpenStack-Manila-API-Experimental"] = "true"
        params = {key: str(value) for key, value in query.items()}
        return Answer(
            self._client.simulate_request(
                method,
                f"/v2{path}",
                json=body,
                headers=headers,
                params=params,
                params_csv=False,
            )
        )

    def get(self, path: str, **options: Any) -> Answer:
        return self("GET", path, **options)

    def act(self, share_id: str, word: str, given: Any = None, **options: Any) -> Answer:
        return self("POST", f"/shares/{share_id}/action", {word: given}, **options)


class World:
    def __init__(self, store: Store, settings: Settings = SETTINGS) -> None:
        self.store = store
        self.env = Env(store, settings)
        self.member = self.client(PROJECT, "member,reader")
        self.reader = self.client(PROJECT, "reader")
        self.stranger = self.client(OTHER, "member,reader")
        self.admin = self.client("cccc3333", "admin,member,reader")
        self.type_id = self.type("default", SPECS)
        with store.transaction() as tx:
            self.zone_id = services.ensure_zone(tx, "nova")
            services.report_service(
                tx, host="node@local", binary="manila-share", topic="share", zone="nova"
            )
            services.report_pools(tx, "node@local", {HOST: {"pool_name": "pool"}})

    def client(self, project: str, roles: str, user: str = "user") -> Client:
        return Client(self.env, project, roles, user)

    def type(self, name: str, specs: Mapping[str, str], *, is_public: bool = True) -> str:
        type_id = str(uuid.uuid4())
        with self.store.transaction() as tx:
            row = {"id": type_id, "name": name, "is_public": is_public}
            types.insert(tx, row, specs)
        return type_id

    def create(self, by: Client | None = None, **given: Any) -> dict[str, Any]:
        """A share in creating, made through the API."""
        body = {"share": {"size": 1, "share_proto": "NFS", **given}}
        answer = (by or self.member)("POST", "/shares", body)
        assert answer.status == 200, answer.json
        found: dict[str, Any] = answer["share"]
        return found

    def share(self, by: Client | None = None, **given: Any) -> str:
        """The id of an available share with one export location."""
        share_id: str = self.create(by, **given)["id"]
        self.settle(share_id)
        return share_id

    def settle(self, share_id: str, status: str = "available", host: str = HOST) -> None:
        """Whatever goes on with the share has ended: it is on this host, in this status."""
        with self.store.transaction() as tx:
            share = shares.get(tx, share_id)
            assert share is not None
            if share.operation_id:
                oplog.disown(tx, share.operation_id)
            shares.update_instance(
                tx, share.instance_id, status=status, host=host, operation_id=None
            )
            locations = [
                {"path": f"10.0.0.1:/{share.instance_id}", "metadata": {"preferred": "True"}},
                {"path": f"admin:/{share.instance_id}", "is_admin_only": True},
            ]
            shares.replace_locations(tx, share.instance_id, locations)

    def activate(self, share_id: str) -> None:
        """All access rules are in force."""
        with self.store.transaction() as tx:
            share = shares.get(tx, share_id)
            assert share is not None
            rules = access.on_instance(tx, share.instance_id)
            for rule in rules:
                if rule.operation_id:
                    oplog.disown(tx, rule.operation_id)
            access.settle(tx, [rule.id for rule in rules], "active")
            shares.update_instance(tx, share.instance_id, access_rules_status="active")

    def snapshot(self, share_id: str, *, size: int | None = None, project: str = PROJECT) -> str:
        """The id of an available snapshot of a share."""
        with self.store.transaction() as tx:
            share = shares.get(tx, share_id)
            assert share is not None
            snapshot_id = str(uuid.uuid4())
            row = {
                "id": snapshot_id,
                "share_id": share_id,
                "project_id": project,
                "user_id": "user",
                "size": size or share.size,
                "share_size": size or share.size,
                "share_proto": share.share_proto,
                "share_type_id": share.share_type_id,
            }
            instance = {
                "id": str(uuid.uuid4()),
                "share_instance_id": share.instance_id,
                "status": "available",
            }
            snapshots.insert(tx, row, instance, {})
            return snapshot_id

    def set(self, share_id: str, **values: Any) -> None:
        with self.store.transaction() as tx:
            shares.update(tx, share_id, **values)

    def operations(self, share_id: str, *, live: bool = True) -> Sequence[Operation]:
        with self.store.read() as tx:
            found = oplog.of_resource(tx, share_id)
        return [op for op in found if not live or op.state in ("queued", "running")]

    def operation(self, share_id: str) -> Operation:
        """The one live operation of a share."""
        (found,) = self.operations(share_id)
        return found

    def used(self, project: str = PROJECT) -> dict[str, int]:
        from abaca.store import quotas

        with self.store.read() as tx:
            found = quotas.in_use(tx, (project, "", ""))
        return {name: found[name] for name in ("shares", "gigabytes")}
