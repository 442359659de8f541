"""Many requests at once, while a real manager works: no accident, and in the end all is in order.

The pairs that are decided by one row are in test_shares_race; here everything happens to the same
few shares and snapshots, on PostgreSQL and SQLite, with the manager and a simulated array.
"""

from __future__ import annotations

import functools
import random
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from falcon import testing

from abaca.api.app import create_app
from abaca.api.request import NoAuth
from abaca.identity.policy import Enforcer
from abaca.store.engine import Store
from api.full_world import Answer
from support.running import Running, running

THREADS = 6
REQUESTS = 60  # of each thread
EXPECTED = {200, 202, 204, 400, 403, 404, 409, 413, 422}


@pytest.fixture
def array(store: Store, tmp_path: Path) -> Iterator[Running]:
    with running(store, tmp_path / "array") as found:
        yield found
        found.settle()


class Api:
    """The whole API on the manager's database, as an administrator of project p1."""

    def __init__(self, world: Running) -> None:
        app = create_app(world.env, auth=NoAuth(), policy=Enforcer())
        self._client = testing.TestClient(
            app,
            headers={
                "X-Auth-Token": "ann:p1:admin,member,reader",
                "X-OpenStack-Manila-API-Version": "2.99",
            },
        )

    def __call__(self, method: str, path: str, body: Any = None, **query: Any) -> Answer:
        return Answer(
            self._client.simulate_request(method, f"/v2{path}", json=body, params=query or None)
        )

    def ids(self, noun: str) -> list[str]:
        return [found["id"] for found in self("GET", f"/{noun}").json[noun]]

    def share(self, **given: Any) -> Answer:
        return self("POST", "/shares", {"share": {"size": 1, "share_proto": "NFS", **given}})


class Visitor:
    """Somebody who does one random thing after the other."""

    def __init__(self, api: Api, seed: int) -> None:
        self.api, self.random = api, random.Random(seed)
        self.codes: Counter[tuple[str, int]] = Counter()
        self.wrong: list[str] = []

    def live(self) -> None:
        for _ in range(REQUESTS):
            name = self.random.choice(DEEDS)
            answer: Answer | None = getattr(self, f"do_{name}")()
            if answer is None:
                continue
            self.codes[name, answer.status] += 1
            if answer.status not in EXPECTED:
                self.wrong.append(f"{name}: {answer}")

    def one(self, noun: str) -> str | None:
        found = self.api.ids(noun)
        return self.random.choice(found) if found else None

    def on(self, noun: str, word: str, given: Any = None) -> Answer | None:
        id = self.one(noun)
        return self.api("POST", f"/{noun}/{id}/action", {word: given}) if id else None

    # deeds

    def do_create(self) -> Answer | None:
        return self.api.share(metadata={"k": "v"})

    def do_clone(self) -> Answer | None:
        id = self.one("snapshots")
        return self.api.share(snapshot_id=id) if id else None

    def do_delete(self) -> Answer | None:
        id = self.one("shares")
        return self.api("DELETE", f"/shares/{id}") if id else None

    def do_force_delete(self) -> Answer | None:
        return self.on("shares", "force_delete") if self.random.random() < 0.2 else None

    def do_extend(self) -> Answer | None:
        return self.on("shares", "extend", {"new_size": self.random.randint(2, 4)})

    def do_shrink(self) -> Answer | None:
        return self.on("shares", "shrink", {"new_size": self.random.randint(1, 3)})

    def do_bin(self) -> Answer | None:
        return self.on("shares", "soft_delete") if self.random.random() < 0.3 else None

    def do_restore(self) -> Answer | None:
        found = self.api("GET", "/shares", is_soft_deleted="true").json["shares"]
        id = self.random.choice(found)["id"] if found else None
        return self.api("POST", f"/shares/{id}/action", {"restore": None}) if id else None

    def do_allow(self) -> Answer | None:
        to = f"10.0.0.{self.random.randint(1, 3)}"
        return self.on("shares", "allow_access", {"access_type": "ip", "access_to": to})

    def _rule(self) -> tuple[str, str] | None:
        share = self.one("shares")
        if share is None:
            return None
        listed = self.api("GET", "/share-access-rules", share_id=share)
        rules = listed.json.get("access_list")
        return (share, self.random.choice(rules)["id"]) if rules else None

    def do_deny(self) -> Answer | None:
        found = self._rule()
        if found is None:
            return None
        share, rule = found
        return self.api("POST", f"/shares/{share}/action", {"deny_access": {"access_id": rule}})

    def do_level(self) -> Answer | None:
        found = self._rule()
        level = self.random.choice(["rw", "ro"])
        body = {"update_access": {"access_level": level}}
        return self.api("PUT", f"/share-access-rules/{found[1]}", body) if found else None

    def do_rule_metadata(self) -> Answer | None:
        found = self._rule()
        body = {"metadata": {"k": str(self.random.random())}}
        return self.api("PUT", f"/share-access-rules/{found[1]}/metadata", body) if found else None

    def do_metadata(self) -> Answer | None:
        noun = self.random.choice(["shares", "snapshots"])
        id, method = self.one(noun), self.random.choice(["PUT", "POST"])
        body = {"metadata": {"k": str(self.random.random())}}
        return self.api(method, f"/{noun}/{id}/metadata", body) if id else None

    def do_forget_metadata(self) -> Answer | None:
        noun = self.random.choice(["shares", "snapshots"])
        id = self.one(noun)
        return self.api("DELETE", f"/{noun}/{id}/metadata/k") if id else None

    def do_rename(self) -> Answer | None:
        id = self.one("shares")
        body = {"share": {"display_name": "x"}}
        return self.api("PUT", f"/shares/{id}", body) if id else None

    def do_let_go(self) -> Answer | None:
        return self.on("shares", "unmanage")

    def do_reset(self) -> Answer | None:
        noun = self.random.choice(["shares", "snapshots"])
        return self.on(noun, "reset_status", {"status": "error"})

    def do_snapshot(self) -> Answer | None:
        id = self.one("shares")
        return self.api("POST", "/snapshots", {"snapshot": {"share_id": id}}) if id else None

    def do_delete_snapshot(self) -> Answer | None:
        id = self.one("snapshots")
        return self.api("DELETE", f"/snapshots/{id}") if id else None

    def do_allow_snapshot(self) -> Answer | None:
        to = f"10.0.0.{self.random.randint(1, 2)}"
        return self.on("snapshots", "allow_access", {"access_type": "ip", "access_to": to})

    def do_deny_snapshot(self) -> Answer | None:
        id = self.one("snapshots")
        if id is None:
            return None
        found = self.api("GET", f"/snapshots/{id}/access-list").json.get("snapshot_access_list")
        if not found:
            return None
        body = {"deny_access": {"access_id": self.random.choice(found)["id"]}}
        return self.api("POST", f"/snapshots/{id}/action", body)

    def do_revert(self) -> Answer | None:
        found = self.api("GET", "/snapshots/detail").json["snapshots"]
        if not found:
            return None
        snapshot = self.random.choice(found)
        body = {"revert": {"snapshot_id": snapshot["id"]}}
        return self.api("POST", f"/shares/{snapshot['share_id']}/action", body)

    def do_type(self) -> Answer | None:
        """Types come and go while shares of them are made."""
        name = self.random.choice(["t1", "t2"])
        specs = {"driver_handles_share_servers": "False", "snapshot_support": "True"}
        body = {"share_type": {"name": name, "extra_specs": specs}}
        return self.api("POST", "/types", body)

    def do_share_of_type(self) -> Answer | None:
        return self.api.share(share_type=self.random.choice(["t1", "t2"]))

    def do_delete_type(self) -> Answer | None:
        found = [
            t["id"] for t in self.api("GET", "/types").json["share_types"] if len(t["name"]) < 3
        ]
        return self.api("DELETE", f"/types/{self.random.choice(found)}") if found else None

    def do_spec(self) -> Answer | None:
        found = self.api("GET", "/types").json["share_types"]
        path = f"/types/{self.random.choice(found)['id']}/extra_specs"
        return self.api("POST", path, {"extra_specs": {"vendor:color": str(self.random.random())}})

    def do_quota(self) -> Answer | None:
        body = {"quota_set": {"shares": self.random.choice([10, 50]), "force": True}}
        return self.api("PUT", "/quota-sets/p1", body)

    def do_quota_of_user(self) -> Answer | None:
        if self.random.random() < 0.5:
            return self.api("DELETE", "/quota-sets/p1", user_id="ann")
        body = {"quota_set": {"gigabytes": 900}}
        return self.api("PUT", "/quota-sets/p1", body, user_id="ann")

    def do_quota_class(self) -> Answer | None:
        body = {"quota_class_set": {"backups": self.random.randint(1, 9)}}
        return self.api("PUT", "/quota-class-sets/default", body)

    def do_look(self) -> Answer | None:
        path = self.random.choice(["/shares/detail", "/snapshots/detail", "/limits", "/messages"])
        return self.api("GET", path)


DEEDS = sorted(name.removeprefix("do_") for name in dir(Visitor) if name.startswith("do_"))


def together(acts: list[Callable[[], Any]]) -> list[Any]:
    with ThreadPoolExecutor(len(acts)) as pool:
        return [future.result() for future in [pool.submit(act) for act in acts]]


def test_a_crowd_leaves_everything_in_order(array: Running) -> None:
    api = Api(array)
    for _ in range(3):
        api.share()
    visitors = [Visitor(api, seed) for seed in range(THREADS)]
    together([visitor.live for visitor in visitors])
    assert [wrong for visitor in visitors for wrong in visitor.wrong] == []
    array.settle()
    assert array.violations() == []
    done = {name for visitor in visitors for name, status in visitor.codes if status < 300}
    assert len(done) > len(DEEDS) / 2


# --- two at once, that only a running manager brings together -------------------------------------
def pairs(array: Running, rounds: int, *acts: Callable[[Api, str], Answer]) -> list[list[int]]:
    """The codes of these acts, done at once to one new share after the other."""
    api, found = Api(array), []
    for _ in range(rounds):
        share = array.share().id
        answers = together([functools.partial(act, api, share) for act in acts])
        assert all(answer.status in EXPECTED for answer in answers), answers
        found.append(sorted(answer.status for answer in answers))
        array.settle()
        assert array.violations() == []
    return found


def _act(word: str, given: Any = None) -> Callable[[Api, str], Answer]:
    return lambda api, share: api("POST", f"/shares/{share}/action", {word: given})


def _delete(api: Api, share: str) -> Answer:
    return api("DELETE", f"/shares/{share}")


def _snapshot(api: Api, share: str) -> Answer:
    return api("POST", "/snapshots", {"snapshot": {"share_id": share}})


def test_delete_while_a_snapshot_is_taken(array: Running) -> None:
    for codes in pairs(array, 4, _delete, _snapshot):
        assert codes in ([202, 400], [202, 403], [202, 404])


def test_extend_twice_and_on_and_on(array: Running) -> None:
    """Each size is compared with, and paid for from, what the one before has left."""
    grow = [_act("extend", {"new_size": size}) for size in (2, 3, 4, 2)]
    for codes in pairs(array, 4, *grow):
        assert 202 in codes
        assert set(codes) <= {202, 400}


def test_force_delete_while_it_grows(array: Running) -> None:
    grow, end = _act("extend", {"new_size": 3}), _act("force_delete")
    for codes in pairs(array, 4, grow, end, grow, end):
        assert 202 in codes
        assert set(codes) <= {202, 400, 403, 404}


def test_delete_twice(array: Running) -> None:
    for codes in pairs(array, 3, _delete, _delete, _delete):
        assert codes[0] == 202
        assert set(codes[1:]) <= {403, 404}


def test_the_last_unit_of_quota_goes_to_one(array: Running) -> None:
    api = Api(array)
    body = {"quota_set": {"shares": 1, "gigabytes": 1, "force": True}}
    assert api("PUT", "/quota-sets/p1", body).status == 200
    answers = together([api.share] * 4)
    assert sorted(answer.status for answer in answers) == [200, 413, 413, 413]
    array.settle()
    assert array.used("shares", "gigabytes") == [1, 1]
    assert array.violations() == []


def test_a_type_that_is_deleted_while_it_is_used(array: Running) -> None:
    api = Api(array)
    for n in range(4):
        type_id = array.type(f"t{n}", {"driver_handles_share_servers": "False"})
        create = functools.partial(api.share, share_type=type_id)
        delete = functools.partial(api, "DELETE", f"/types/{type_id}")
        made, gone = together([create, delete])
        assert (made.status, gone.status) in ((200, 400), (404, 202)), (made, gone)
        array.settle()
    assert array.violations() == []
