"""Use cases of the access rules of mountable snapshots: read-only, and so without levels."""

from __future__ import annotations

from abaca.model.access import SnapshotAccessRule
from abaca.model.context import Context
from abaca.model.errors import BadRequest, NotFound
from abaca.model.shares import Share
from abaca.model.snapshots import Snapshot
from abaca.store import shares as share_store
from abaca.store import snapshots as store
from abaca.store.engine import Tx

from .access import refuse_duplicate, refuse_more
from .env import Env, enqueue
from .snapshots import load, share_of

_GOING = ("queued_to_deny", "denying")


def of_snapshot(env: Env, ctx: Context, snapshot_id: str) -> list[SnapshotAccessRule]:
    with env.store.read() as tx:
        snapshot = load(tx, ctx, snapshot_id)
        _mountable(tx, snapshot)
        return store.rules(tx, snapshot.id)


def allow(
    env: Env, ctx: Context, snapshot_id: str, *, access_type: str, access_to: str
) -> SnapshotAccessRule:
    """A new rule, queued.  access_to has been checked for shape."""
    with env.store.transaction() as tx:
        snapshot, share = _hold(tx, ctx, snapshot_id)
        rules = store.rules(tx, snapshot.id)
        refuse_duplicate("Snapshot", rules, access_type, access_to)
        refuse_more("snapshot", snapshot.id, len(rules), env.settings.rules_per_share)
        rule_id = share_store.new_id()
        values = {
            "id": rule_id,
            "snapshot_id": snapshot.id,
            "access_type": access_type,
            "access_to": access_to,
            "state": "queued_to_apply",
            "operation_id": _enqueue(tx, ctx, snapshot, share),
        }
        store.insert_rule(tx, values)
        return _rule(tx, rule_id)


def deny(env: Env, ctx: Context, snapshot_id: str, rule_id: str) -> None:
    """Remove a rule; it is gone when the backend has closed the door."""
    with env.store.transaction() as tx:
        snapshot, share = _hold(tx, ctx, snapshot_id)
        rule = _rule(tx, rule_id)
        if rule.snapshot_id != snapshot.id:
            _refuse_unseen(tx, ctx, rule)
            raise BadRequest(f"Access rule {rule_id} is not of snapshot {snapshot.id}.")
        if rule.state not in _GOING:
            op_id = _enqueue(tx, ctx, snapshot, share)
            store.set_rules(tx, snapshot.id, "queued_to_deny", op_id, rule_ids=[rule_id])


def _rule(tx: Tx, rule_id: str) -> SnapshotAccessRule:
    rule = store.rule(tx, rule_id)
    if rule is None:
        raise NotFound(noun="Access rule", id=rule_id)
    return rule


def _refuse_unseen(tx: Tx, ctx: Context, rule: SnapshotAccessRule) -> None:
    """A rule of another project's snapshot does not exist."""
    snapshot = store.get(tx, rule.snapshot_id)
    if snapshot is None or not (ctx.is_admin or snapshot.project_id == ctx.project_id):
        raise NotFound(noun="Access rule", id=rule.id)


def _mountable(tx: Tx, snapshot: Snapshot) -> Share:
    share = share_of(tx, snapshot)
    if not share.mount_snapshot_support:
        raise BadRequest(
            f"Share {share.id} is of a type without mount_snapshot_support: its snapshots cannot "
            "be mounted, so they have no access rules."
        )
    return share


def _hold(tx: Tx, ctx: Context, snapshot_id: str) -> tuple[Snapshot, Share]:
    """The snapshot, kept idle and available until the transaction ends, so that changes of its
    rules come one after the other."""
    snapshot = load(tx, ctx, snapshot_id)
    share = _mountable(tx, snapshot)
    if not store.hold(tx, snapshot.instance_id) or not share.host:
        raise BadRequest(
            f"Snapshot {snapshot.id} is {snapshot.status}; its access rules can be changed when "
            "it is available."
        )
    return snapshot, share


def _enqueue(tx: Tx, ctx: Context, snapshot: Snapshot, share: Share) -> int:
    return enqueue(
        tx,
        ctx,
        "snapshot_update_access",
        host=share.host,
        lock_key=snapshot.share_instance_id,
        resource=("SHARE_SNAPSHOT", snapshot.id),
        project_id=snapshot.project_id,
        payload={"snapshot_instance_id": snapshot.instance_id},
    )
