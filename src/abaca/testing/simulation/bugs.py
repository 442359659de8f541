"""Planted bugs, of the kinds that services like this one have had for years.

Each replaces a real function by a version with the bug, only inside `with planted(name)`; the code
of abaca knows nothing of it.  tests/simulation shows that the simulation finds every one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from unittest import mock

import msgspec

from abaca.manager import access, shares, snapshots
from abaca.manager import kinds as handlers
from abaca.model.errors import LeaseLost
from abaca.operations import log as oplog
from abaca.operations.job import Job
from abaca.operations.lease import Lease
from abaca.service import shares as share_service
from abaca.store import access as rule_store
from abaca.store import backends, quotas, services
from abaca.store import idempotency as idempotency_store
from abaca.store import shares as share_store
from abaca.store import snapshots as snapshot_store

Plant = Callable[[], contextlib.AbstractContextManager[object]]
BUGS: dict[str, Plant] = {}


def bug(function: Plant) -> Plant:
    BUGS[function.__name__] = function
    return function


@contextlib.contextmanager
def planted(name: str | None) -> Iterator[None]:
    """Inside, abaca has this bug; None: it has none."""
    with BUGS[name]() if name else contextlib.nullcontext():
        yield


def _handler(kind: str, buggy: Callable[[Job[Any], Callable[[Job[Any]], None]], None]) -> Any:
    """buggy(job, right): what runs instead of the right handler of this kind."""
    table = handlers.load()
    right = table[kind].run
    return mock.patch.dict(
        table.__dict__["_kinds"], {kind: replace(table[kind], run=lambda job: buggy(job, right))}
    )


# --- rules ----------------------------------------------------------------------------------------
@bug
def lost_rule_update() -> Any:
    """A changed level reaches the database, and the backend is told that nothing has changed."""
    right = access._drive

    def drive(job: Any, share: Any, rules: Any) -> Any:
        calm = [
            msgspec.structs.replace(rule, state="active") if rule.state == "updating" else rule
            for rule in rules
        ]
        return right(job, share, calm)

    return mock.patch.object(access, "_drive", drive)


@bug
def resurrected_deny() -> Any:
    """The end of a batch overwrites what was asked for while it was under way."""
    right = rule_store.settle
    return mock.patch.object(
        rule_store, "settle", lambda tx, ids, state, *, before=None: right(tx, ids, state)
    )


@bug
def denied_before_it_is() -> Any:
    """A denial that the backend has refused is forgotten, and the door is open."""
    table = handlers.load()
    right = table["update_access"].failed

    def failed(job: Any, tx: Any, error: Exception) -> None:
        rules = rule_store.on_instance(tx, job.op.payload["instance_id"])
        going = [rule for rule in rules if rule.state == "denying"]
        right(job, tx, error)
        rule_store.remove(tx, [rule.id for rule in going], [rule.access_id for rule in going])

    kind = {"update_access": replace(table["update_access"], failed=failed)}
    return mock.patch.dict(table.__dict__["_kinds"], kind)


# --- deleting -------------------------------------------------------------------------------------
@bug
def double_delete() -> Any:
    """Quota is given back before the end, so a deletion that is interrupted gives it back twice."""

    def delete(job: Any, right: Any) -> None:
        share = shares.load(job)
        if share is not None:
            with job.transaction() as tx:
                shares._give_back(tx, share, share.size)
        with mock.patch.object(shares, "remove", _remove_uncounted):
            right(job)

    return _handler("delete_share_instance", delete)


def _remove_uncounted(tx: Any, share: Any) -> None:
    quotas.charge(
        tx,
        {"shares": -1},
        project_id=share.project_id,
        user_id=share.user_id,
        share_type_id=share.share_type_id,
        enforce=False,
    )
    share_store.delete(tx, share.id)


@bug
def quota_leak() -> Any:
    """A share that was never finished is deleted without giving its quota back."""
    right = shares.remove

    def remove(tx: Any, share: Any) -> None:
        if share.launched_at is None:
            share_store.delete(tx, share.id)
        else:
            right(tx, share)

    return mock.patch.object(shares, "remove", remove)


@bug
def orphan_after_failed_create() -> Any:
    """A share that was never finished is believed not to be on the backend."""
    right = shares._delete_on_backend

    def delete(job: Any, share: Any) -> None:
        if share.launched_at is not None:
            right(job, share)

    return mock.patch.object(shares, "_delete_on_backend", delete)


@bug
def delete_forgets_snapshots() -> Any:
    """A share can be deleted while it has snapshots."""
    return mock.patch.object(share_service, "refuse_snapshots", lambda *_: None)


@bug
def deleted_under_a_clone() -> Any:
    """A snapshot can be deleted while a share is being made from it."""
    return mock.patch.object(snapshot_store, "being_cloned", lambda *_: False)


# --- crashes --------------------------------------------------------------------------------------
@bug
def stuck_ensuring() -> Any:
    """Shares that an interrupted round was looking after are never released."""
    return mock.patch.object(backends, "release_ensuring", lambda *_: 0)


@bug
def extend_lost_on_crash() -> Any:
    """An interrupted extension is taken for done when it runs again."""

    def extend(job: Any, right: Any) -> None:
        if job.op.attempt == 1:
            right(job)
            return
        with job.finish() as tx:
            share_store.settle(tx, job.op.payload["instance_id"], job.op.id, "available")

    return _handler("extend_share", extend)


@bug
def snapshot_counted_twice() -> Any:
    """A snapshot whose creation was interrupted is counted again."""

    def create(job: Any, right: Any) -> None:
        found = snapshots.load(job)
        if found and job.op.attempt > 1:
            with job.transaction() as tx:
                snapshots.charge(tx, found[0], 1)
        right(job)

    return _handler("create_snapshot", create)


@bug
def lost_operation() -> Any:
    """What a dead process was doing is done by nobody."""
    return mock.patch.object(oplog, "requeue_orphans", lambda *_: 0)


@bug
def forgotten_key() -> Any:
    """A request that comes again with its Idempotency-Key is carried out again."""
    right = idempotency_store.claim

    def claim(tx: Any, ctx: Any, *given: Any) -> bool:
        right(tx, ctx, *given)
        return True

    return mock.patch.object(idempotency_store, "claim", claim)


# --- counting and fencing -------------------------------------------------------------------------
@bug
def stale_capacity_booking() -> Any:
    """What a failed extension had taken of its pool is never given back."""

    def give_back(tx: Any, share: Any, gigabytes: int) -> None:
        with mock.patch.object(services, "book", lambda *_: None):
            right(tx, share, gigabytes)

    right = shares._give_back
    return mock.patch.object(shares, "_give_back", give_back)


@bug
def no_fence() -> Any:
    """A process that has lost its lease goes on as if it had it."""
    stack = contextlib.ExitStack()
    right = oplog._fenced

    def fenced(tx: Any, stmt: Any, op: Any, values: Any = None) -> None:
        with contextlib.suppress(LeaseLost):
            right(tx, stmt, op, values)

    stack.enter_context(mock.patch.object(oplog, "_fenced", fenced))
    stack.enter_context(mock.patch.object(oplog, "fence", lambda *_: False))
    stack.enter_context(mock.patch.object(Lease, "check", lambda *_: None))
    return stack
