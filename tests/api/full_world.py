"""One of everything, in a project that others must not see into, and how to ask every route for it.

    with full_world(tmp_path) as world: ...
    call = world.call(route)                 # method, path, body, query of a good request
    answer = world.send(call, "member", "2.65")
    world.restore()                          # undo what requests have changed

A route without a recipe fails the tests that walk the registry: add a line to `recipes`.
"""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from falcon import testing

from abaca.api.app import create_app
from abaca.api.registry import Registry, Route, load
from abaca.api.request import NoAuth
from abaca.identity.policy import Enforcer
from abaca.store import messages, migrate
from abaca.store.engine import Store
from api.snapshot_world import SnapshotWorld
from support.shares import HOST, OTHER, PROJECT, Client

SECRET = "secret"  # is in every text that belongs to PROJECT
TENANT = "abcdabcdabcdabcdabcdabcdabcdabcd"  # a project with access to the private type
MASKED = "10.99.0.0/24"  # whom PROJECT lets in

# token by caller; None: no token at all
TOKENS: dict[str, str | None] = {
    "nobody": None,
    "norole": f"u-nil:{PROJECT}:nothing",
    "reader": f"u-read:{PROJECT}:reader",
    "member": f"user:{PROJECT}:member,reader",
    "admin": "u-adm:cccc3333:admin,member,reader",
    "stranger": f"u-eve:{OTHER}:member,reader",
}


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A request of one route, apart from who asks and at which version."""

    method: str
    path: str
    body: Any = None
    query: Mapping[str, Any] = {}


class Things(msgspec.Struct, kw_only=True):
    """Ids of what one project has."""

    project: str
    share: str  # with a snapshot, rules, metadata, locations
    plain: str  # without snapshots
    bin: str  # in the recycle bin
    instance: str
    plain_instance: str
    location: str  # of the share, for users
    admin_location: str
    rule: str
    snapshot: str
    snapshot_instance: str
    snapshot_location: str
    snapshot_rule: str
    message: str

    def ids(self) -> list[str]:
        return [getattr(self, name) for name in self.__struct_fields__ if name != "project"]


class Answer:
    def __init__(self, result: testing.Result) -> None:
        self.status = result.status_code
        self.headers = result.headers
        self.text = result.text
        kind = result.headers.get("content-type", "")
        self.json: Any = result.json if result.content and "json" in kind else None

    @property
    def message(self) -> str:
        (fault,) = self.json.values()
        return str(fault["message"])

    def __repr__(self) -> str:
        return f"{self.status} {self.text[:300]}"


class FullWorld:
    def __init__(self, store: Store, file: Path | None = None) -> None:
        """file: of the SQLite database, if `restore` is to be used."""
        self.store = store
        small = self.small = SnapshotWorld(store)
        self.mine = self._things(small, small.member, SECRET)
        self.theirs = self._things(small, small.stranger, "visible")
        self.public = small.share(small.member, name="open")
        small.set(self.public, is_public=True)
        self.public_snapshot = small.taken(self.public, name=f"{SECRET} snapshot")
        self.private_type = small.type(
            f"{SECRET}-type", {"snapshot_support": "True"}, is_public=False
        )
        self.unused_type = small.type("unused", {"snapshot_support": "True", "color": "red"})
        path = f"/types/{self.private_type}/action"
        made = small.admin("POST", path, {"addProjectAccess": {"project": TENANT}})
        assert made.status == 202
        self.registry: Registry = load()
        app = create_app(small.env, auth=NoAuth(), policy=Enforcer())
        self.app = app
        self._client = testing.TestClient(app)
        self._file = file
        if file is not None:
            self._watch = sqlite3.connect(file, check_same_thread=False)
            self._pristine = sqlite3.connect(":memory:", check_same_thread=False)
            self._watch.backup(self._pristine)

    def _things(self, small: SnapshotWorld, by: Client, word: str) -> Things:
        share = small.share(
            by, name=f"{word} share", description=f"{word}\nlines", size=2, metadata={"k": word}
        )
        plain = small.share(by, name=f"{word} plain", size=2)
        gone = small.share(by, name=f"{word} bin")
        assert by.act(gone, "soft_delete").status == 202
        allow = {"access_type": "ip", "access_to": MASKED, "metadata": {"k": word}}
        made = by.act(share, "allow_access", allow)
        assert made.status == 200, made.json
        small.activate(share)
        snapshot = small.taken(share, by, name=f"{word} snapshot", metadata={"k": word})
        seen, _ = small.export(snapshot)
        allow = {"access_type": "ip", "access_to": "10.98.0.0/24"}
        snapshot_rule = small.do(snapshot, "allow_access", allow, by)["snapshot_access"]["id"]
        with small.store.transaction() as tx:
            message = messages.insert(
                tx,
                project_id=by.project,
                request_id=f"req-{word}",
                resource_type="SHARE",
                resource_id=share,
                action_id="001",
                detail_id="008",
            )
        answer = small.admin.get(f"/shares/{share}/export_locations")
        locations = {e["is_admin_only"]: e["id"] for e in answer["export_locations"]}
        path = f"/shares/{share}/export_locations/{locations[False]}/metadata"
        assert by("POST", path, {"metadata": {"k": word}}).status == 200
        instances = [
            small.admin.get(f"/shares/{id}/instances")["share_instances"][0]["id"]
            for id in (share, plain)
        ]
        answer = small.admin.get("/snapshot-instances", snapshot_id=snapshot)
        return Things(
            project=by.project,
            share=share,
            plain=plain,
            bin=gone,
            instance=instances[0],
            plain_instance=instances[1],
            location=locations[False],
            admin_location=locations[True],
            rule=made["access"]["id"],
            snapshot=snapshot,
            snapshot_instance=answer["snapshot_instances"][0]["id"],
            snapshot_location=seen,
            snapshot_rule=snapshot_rule,
            message=message,
        )

    # requests

    def send(
        self,
        call: Call,
        who: str,
        version: str,
        *,
        experimental: bool = True,
        headers: Mapping[str, str] = {},
    ) -> Answer:
        headers = {
            "X-OpenStack-Manila-API-Version": version,
            "Content-Type": "application/json",
            **headers,
        }
        if TOKENS[who] is not None:
            headers["X-Auth-Token"] = str(TOKENS[who])
        if experimental:
            headers["X-OpenStack-Manila-API-Experimental"] = "true"
        return Answer(
            self._client.simulate_request(
                call.method,
                "/v2" + call.path,
                body=None if call.body is None else json.dumps(call.body),
                params={k: str(v) for k, v in call.query.items()} or None,
                params_csv=False,
                headers=headers,
            )
        )

    def call(self, route: Route, things: Things | None = None) -> Call:
        """A request that succeeds for whoever may make it, about these things (default: mine)."""
        recipe = recipes(self, things or self.mine).get(_plain(route.id))
        if recipe is None:
            raise AssertionError(f"{route.id} has no recipe: add a line to api/full_world.py")
        given = {**_variables(things or self.mine, route), **recipe.get("at", {})}
        path = re.sub(r"\{(\w+)\}", lambda found: str(given[found[1]]), route.path)
        body = recipe.get("body")
        if route.action is not None:
            body = {route.action: body}
        return Call(method=route.method, path=path, body=body, query=recipe.get("query", {}))

    def variables(self, version: int) -> dict[tuple[str, str], dict[str, str]]:
        """By method and path of the OpenAPI document: ids of what is there."""
        return {
            (route.method, f"/v2{route.path}"): self._variables(route)
            for route in self.registry.routes
            if "{" in route.path and version in route.versions
        }

    def _variables(self, route: Route) -> dict[str, str]:
        at = recipes(self, self.mine)[_plain(route.id)].get("at", {})
        given = {**_variables(self.mine, route), **at}
        return {name: given[name] for name in re.findall(r"\{(\w+)\}", route.path)}

    # what requests have changed

    def version(self) -> int:
        """Changes with every transaction that has written."""
        found: int = self._watch.execute("PRAGMA data_version").fetchone()[0]
        return found

    def restore(self) -> None:
        """The database as it was at first."""
        assert self._file is not None
        target = sqlite3.connect(self._file)
        target.execute("PRAGMA synchronous=OFF")
        self._pristine.backup(target)
        target.close()

    def close(self) -> None:
        self._watch.close()
        self._pristine.close()
        self.store.close()


@contextlib.contextmanager
def full_world(folder: Path) -> Iterator[FullWorld]:
    """On SQLite, where it can be restored."""
    file = folder / "full.sqlite"
    store = Store(f"sqlite:///{file}")
    migrate.upgrade(store)
    world = FullWorld(store, file)
    yield world
    world.close()


def _plain(id: str) -> str:
    """Old and new words of one place have one recipe."""
    if id == "shares.legacy.create":
        return "shares.manage"
    return id.replace(".legacy.", ".").replace(".action.os-", ".action.")


def _variables(mine: Things, route: Route) -> dict[str, str]:
    """Variables of the path, unless the recipe says otherwise."""
    of_location = "export_location_metadata" in route.id
    of_snapshot_location = "snapshot" in route.id
    return {
        "share_id": mine.share,
        "resource_id": mine.location if of_location else mine.share,
        "share_instance_id": mine.instance,
        "export_location_id": mine.location,
        "access_id": mine.rule,
        "snapshot_id": mine.snapshot,
        "instance_id": mine.snapshot_instance,
        "location_id": mine.snapshot_location if of_snapshot_location else mine.location,
        "message_id": mine.message,
        "project_id": mine.project,
        "key": "k",
    }


def recipes(world: FullWorld, mine: Things) -> dict[str, dict[str, Any]]:
    """By route id: body, query, and variables of the path (`at`)."""
    default, unused, private = world.small.type_id, world.unused_type, world.private_type
    plain, meta = {"share_id": mine.plain}, {"metadata": {"a": "1"}}
    item, nothing = {"metadata": {"k": "1"}}, {}
    ip = {"access_type": "ip", "access_to": "10.1.2.3"}
    manage = {"service_host": HOST, "protocol": "NFS", "export_path": "10.0.0.1:/there"}
    specs = {"driver_handles_share_servers": "False", "snapshot_support": "True"}
    of_type = {"type_id": unused}
    of_spec = {"type_id": unused, "key": "color"}
    access = {"type_id": private}
    service = {"host": "node@local", "binary": "manila-share"}
    instance = {"share_instance_id": mine.plain_instance}
    return {
        # shares
        "shares.index": nothing,
        "shares.detail": nothing,
        "shares.show": nothing,
        "shares.create": {"body": {"share": {"size": 1, "share_proto": "NFS"}}},
        "shares.update": {"body": {"share": {"display_name": "new"}}},
        "shares.delete": {"at": plain},
        "shares.manage": {"body": {"share": manage}},
        "shares.unmanage": {"at": plain},
        "shares.action.unmanage": {"at": plain},
        "shares.action.extend": {"at": plain, "body": {"new_size": 3}},
        "shares.action.shrink": {"at": plain, "body": {"new_size": 1}},
        "shares.action.revert": {"body": {"snapshot_id": mine.snapshot}},
        "shares.action.reset_status": {"body": {"status": "error"}},
        "shares.action.reset_task_state": {"body": {"task_state": None}},
        "shares.action.force_delete": {"at": plain},
        "shares.action.soft_delete": {"at": plain},
        "shares.action.restore": {"at": {"share_id": mine.bin}},
        "shares.action.allow_access": {"body": ip},
        "shares.action.deny_access": {"body": {"access_id": mine.rule}},
        "shares.action.access_list": nothing,
        # access rules
        "share_access_rules.index": {"query": {"share_id": mine.share}},
        "share_access_rules.show": nothing,
        "share_access_rules.update": {"body": {"update_access": {"access_level": "ro"}}},
        "share_access_rule_metadata.update": {"body": meta},
        "share_access_rule_metadata.delete": nothing,
        # metadata
        "share_metadata.index_metadata": nothing,
        "share_metadata.show_metadata": nothing,
        "share_metadata.create_metadata": {"body": meta},
        "share_metadata.update_all_metadata": {"body": meta},
        "share_metadata.update_metadata_item": {"body": item},
        "share_metadata.delete_metadata": nothing,
        "snapshot_metadata.index_metadata": nothing,
        "snapshot_metadata.show_metadata": nothing,
        "snapshot_metadata.create_metadata": {"body": meta},
        "snapshot_metadata.update_all_metadata": {"body": meta},
        "snapshot_metadata.update_metadata_item": {"body": item},
        "snapshot_metadata.delete_metadata": nothing,
        "share_export_location_metadata.index_metadata": nothing,
        "share_export_location_metadata.show_metadata": nothing,
        "share_export_location_metadata.create_metadata": {"body": meta},
        "share_export_location_metadata.update_all_metadata": {
            "body": {"metadata": {"preferred": "True", "a": "1"}}
        },
        "share_export_location_metadata.update_metadata_item": {"body": item},
        "share_export_location_metadata.delete_metadata": nothing,
        # export locations
        "shares_export_locations.index": nothing,
        "shares_export_locations.show": nothing,
        "share_instances_export_locations.index": nothing,
        "share_instances_export_locations.show": nothing,
        "snapshots_export_locations.index": nothing,
        "snapshots_export_locations.show": nothing,
        "snapshot_instances_export_locations.index": nothing,
        "snapshot_instances_export_locations.show": nothing,
        # instances
        "share_instances.index": nothing,
        "share_instances.show": nothing,
        "share_instances.get_share_instances": nothing,
        "share_instances.action.reset_status": {"at": instance, "body": {"status": "error"}},
        "share_instances.action.force_delete": {"at": instance},
        "snapshot_instances.index": nothing,
        "snapshot_instances.detail": nothing,
        "snapshot_instances.show": nothing,
        "snapshot_instances.action.reset_status": {"body": {"status": "error"}},
        # snapshots
        "snapshots.index": nothing,
        "snapshots.detail": nothing,
        "snapshots.show": nothing,
        "snapshots.create": {"body": {"snapshot": {"share_id": mine.share}}},
        "snapshots.update": {"body": {"snapshot": {"display_name": "new"}}},
        "snapshots.delete": nothing,
        "snapshots.manage": {
            "body": {"snapshot": {"share_id": mine.share, "provider_location": "there"}}
        },
        "snapshots.access_list": nothing,
        "snapshots.action.allow_access": {"body": ip},
        "snapshots.action.deny_access": {"body": {"access_id": mine.snapshot_rule}},
        "snapshots.action.force_delete": nothing,
        "snapshots.action.reset_status": {"body": {"status": "error"}},
        "snapshots.action.unmanage": nothing,
        # types
        "share_types.index": nothing,
        "share_types.default": nothing,
        "share_types.show": {"at": {"type_id": default}},
        "share_types.create": {"body": {"share_type": {"name": "new", "extra_specs": specs}}},
        "share_types.update": {"at": of_type, "body": {"share_type": {"name": "renamed"}}},
        "share_types.delete": {"at": of_type},
        "share_types.share_type_access": {"at": access},
        "share_types.os-share-type-access": {"at": access},
        "share_types.action.addProjectAccess": {"at": access, "body": {"project": "1" * 32}},
        "share_types.action.removeProjectAccess": {"at": access, "body": {"project": TENANT}},
        "share_type_extra_specs.index": {"at": of_type},
        "share_type_extra_specs.show": {"at": of_spec},
        "share_type_extra_specs.create": {"at": of_type, "body": {"extra_specs": {"x": "1"}}},
        "share_type_extra_specs.update": {"at": of_spec, "body": {"color": "blue"}},
        "share_type_extra_specs.delete": {"at": of_spec},
        # abaca's own
        "operations.of_share": nothing,
        "operations.of_snapshot": nothing,
        "drift.index": nothing,
        "drift.repair": {"body": {"repair": {}}},
        "drift.adopt": {"at": {"finding_id": "1"}, "body": {"adopt": {}}},
        # what there is
        "availability_zones.index": nothing,
        "extensions.index": nothing,
        "extensions.show": {"at": {"alias": "any"}},
        "extensions.create": nothing,
        "extensions.delete": {"at": {"alias": "any"}},
        "limits.index": nothing,
        "messages.index": nothing,
        "messages.show": nothing,
        "messages.delete": nothing,
        "scheduler_stats.pools_index": nothing,
        "scheduler_stats.pools_detail": nothing,
        "services.index": nothing,
        "services.update": {"at": {"word": "disable"}, "body": service},
        "services.ensure_shares": {"body": {"host": "node@local"}},
        # quotas
        "quota_sets.show": nothing,
        "quota_sets.detail": nothing,
        "quota_sets.defaults": nothing,
        "quota_sets.update": {"body": {"quota_set": {"shares": 40}}},
        "quota_sets.delete": nothing,
        "quota_class_sets.show": {"at": {"name": "default"}},
        "quota_class_sets.update": {
            "at": {"name": "default"},
            "body": {"quota_class_set": {"shares": 40}},
        },
    }
