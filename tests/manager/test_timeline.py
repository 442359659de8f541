"""GET /v2/shares/{id}/operations: who asked, when, each step, how it ended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from falcon import testing

from abaca.api.app import create_app
from abaca.api.request import NoAuth
from abaca.identity.policy import Enforcer
from abaca.operations import log as oplog
from abaca.operations import steps
from abaca.operations.enqueue import enqueue
from abaca.service import access, shares
from abaca.store.engine import Store
from abaca.store.schema import operations
from support.running import ADMIN, USER, Running, running

OWNER = "ann:p1:member,reader"
NOBODY, STRANGER, ROOT = "ann:p1:nothing", "eve:p2:member,reader", "root:p9:admin"


@pytest.fixture
def world(store: Store, tmp_path: Path) -> Iterator[Running]:
    with running(store, tmp_path / "array") as world:
        yield world
        world.array.clear_faults()
        world.settle()


def ask(world: Running, path: str, token: str = OWNER) -> testing.Result:
    client = testing.TestClient(create_app(world.env, auth=NoAuth(), policy=Enforcer()))
    return client.simulate_get(f"/v2{path}", headers={"X-Auth-Token": token})


def timeline(world: Running, share_id: str, token: str = OWNER) -> list[dict[str, Any]]:
    answer = ask(world, f"/shares/{share_id}/operations", token)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json["operations"]
    return found


def names(operation: dict[str, Any]) -> list[str]:
    return [step["name"] for step in operation["steps"]]


def test_a_create_shows_who_asked_and_each_step_with_its_time(world: Running) -> None:
    share = world.share()
    (made,) = timeline(world, share.id)
    assert (made["kind"], made["state"], made["finished"]) == (
        "create_share_instance",
        "done",
        True,
    )
    assert (made["user_id"], made["project_id"]) == ("ann", "p1")
    assert made["request_id"] == USER.request_id
    assert (made["retries"], made["progress"]) == (0, 100)
    found = names(made)
    assert found[0] == "queued" and found[-1] == "done"
    (call,) = (step for step in made["steps"] if step["name"] == "create_share")
    assert call["seconds"] >= 0 and call["outcome"] == "ok"
    times = [step["started_at"] for step in made["steps"]]
    assert times == sorted(times)
    assert times[0] == made["created_at"] and times[-1] == made["finished_at"]


def test_what_names_the_inside_of_a_backend_is_for_administrators(world: Running) -> None:
    world.array.set_fault("create_share", "error", None, name="RuntimeError")
    share = world.share()
    (seen,) = timeline(world, share.id)
    assert seen["state"] == "failed" and "host" not in seen and "message" not in seen
    assert all("detail" not in step for step in seen["steps"])
    (call,) = (step for step in seen["steps"] if step["name"] == "create_share")
    assert call["outcome"] == "failed"
    (whole,) = timeline(world, share.id, ROOT)
    assert whole["host"] == "host@fake" and "RuntimeError" in whole["message"]
    (call,) = (step for step in whole["steps"] if step["name"] == "create_share")
    assert "RuntimeError" in call["detail"]


def test_retries_are_counted_and_shown(world: Running) -> None:
    world.array.set_fault("create_share", "error", 2, name="StorageCommunicationException")
    (made,) = timeline(world, world.share().id)
    assert made["state"] == "done" and made["retries"] == 2
    assert names(made).count("create_share") == 3 and names(made).count("retry") == 2


def test_a_run_that_was_interrupted_says_so(store: Store) -> None:
    """As after the death of a process: marked as running, and no thread runs it."""
    with store.transaction() as tx:
        op_id = enqueue(
            tx, "kind", host="h@b", lock_key="k", resource_type="SHARE", resource_id="s", ctx=USER
        )
        tx.run(sa.update(operations).values(state="running", attempt=1))
        assert oplog.requeue_orphans(tx, "h@b", 0.0, []) == 1
        from abaca.operations import timeline as history

        (found,) = history.of_resource(tx, ("SHARE", "s"), limit=5)
    assert found.id == op_id and found.retries == 1
    assert [step.name for step in found.steps] == ["queued", "interrupted"]


def test_the_history_of_a_deleted_share_stays_and_is_its_owners(world: Running) -> None:
    share = world.share()
    access.allow(world.env, USER, share.id, access_type="ip", access_to="10.0.0.1")
    world.settle()
    shares.delete(world.env, ADMIN, share.id)
    world.settle()
    assert world.is_gone(share.id)
    kinds = [operation["kind"] for operation in timeline(world, share.id)]
    assert kinds == ["create_share_instance", "update_access", "delete_share_instance"]
    assert timeline(world, share.id)[-1]["user_id"] == "root"
    for token in (STRANGER, NOBODY):
        assert ask(world, f"/shares/{share.id}/operations", token).status_code in (403, 404)
    assert ask(world, f"/shares/{share.id}/operations", STRANGER).status_code == 404


def test_others_see_no_history_of_a_public_share(world: Running) -> None:
    share = world.share()
    shares.update(world.env, ADMIN, share.id, is_public=True)
    assert ask(world, f"/shares/{share.id}", STRANGER).status_code == 200
    assert ask(world, f"/shares/{share.id}/operations", STRANGER).status_code == 403


def test_a_snapshot_has_a_history_too(world: Running) -> None:
    snapshot = world.snapshot(world.share())
    answer = ask(world, f"/snapshots/{snapshot.id}/operations")
    (made,) = answer.json["operations"]
    assert made["kind"] == "create_snapshot" and "create_snapshot" in names(made)
    assert ask(world, f"/snapshots/{snapshot.id}/operations", STRANGER).status_code == 404


def test_long_histories_come_in_pages(world: Running) -> None:
    share = world.share()
    for number in range(4):
        access.allow(world.env, USER, share.id, access_type="ip", access_to=f"10.0.0.{number}")
        world.settle()
    whole = [operation["id"] for operation in timeline(world, share.id)]
    assert len(whole) == 5
    found, path = [], f"/shares/{share.id}/operations?limit=2"
    while path:
        page = ask(world, path).json
        found += [operation["id"] for operation in page["operations"]]
        links = page.get("operations_links")
        path = links[0]["href"].partition("/v2")[2] if links else ""
    assert found == whole
    for marker in ("x", "-1", "9" * 30, "%00"):
        answer = ask(world, f"/shares/{share.id}/operations?marker={marker}")
        assert answer.status_code == 400, marker


def test_an_operation_that_goes_on_for_ever_does_not_grow_for_ever(store: Store) -> None:
    with store.transaction() as tx:
        enqueue(
            tx, "kind", host="h@b", lock_key="k", resource_type="SHARE", resource_id="s", ctx=USER
        )
        for _ in range(400):
            tx.run(sa.update(operations).values(state="running", epoch=1))
            (op,) = oplog.live(tx)
            noted = steps.Steps()
            noted.add("wait", "x" * 10_000)
            oplog.postpone(tx, op, 0.0, "again", noted.text(tx))
        size = tx.scalar(sa.select(sa.func.length(operations.c.steps)))
    assert steps.MOST <= size < steps.MOST + 500


def test_what_a_rolled_back_transaction_noted_is_written_by_the_next(store: Store) -> None:
    noted = steps.Steps()
    noted.add("one")
    with pytest.raises(ZeroDivisionError), store.transaction() as tx:
        assert noted.text(tx).count("one") == 1 and noted.text(tx) == ""
        raise ZeroDivisionError
    with store.transaction() as tx:
        assert noted.text(tx).count("one") == 1
        noted.add("two")
        assert noted.text(tx).count("one") == 0
    with store.transaction() as tx:
        assert noted.text(tx) == ""
