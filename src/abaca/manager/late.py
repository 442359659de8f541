"""What was done after everybody had given up: found by the look for drift, and brought to its end.

An operation that ended with an unknown outcome (a backend did not answer, all attempts were used
up) says so in its state, and its rows are in error.  Where a later look shows that the thing was
done, the operation gets its rows back and goes on: it finds what is there (look.surely), calls for
nothing twice, and its rows become what the user asked for.  If somebody has changed the rows
meanwhile, it is over.  What a backend has refused is never looked for.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog

from abaca.model.messages import done_late
from abaca.model.operations import Operation
from abaca.model.status import CHANGES
from abaca.operations import log as oplog
from abaca.store import access as access_store
from abaca.store import drift as drift_store
from abaca.store import shares as share_store
from abaca.store import snapshots as snapshot_store
from abaca.store.engine import Store, Tx

from . import messages
from .evidence import BATCH, SHOWN, Inventory
from .look import LATE

log = structlog.get_logger(__name__)
MOST = 3  # times that one operation goes on
WHY = "What the backend holds shows that it was done after all."
ACTIONS = {
    "create_share_instance": messages.CREATE,
    "delete_share_instance": messages.DELETE,
    "extend_share": messages.EXTEND,
    "shrink_share": messages.SHRINK,
    "revert_to_snapshot": messages.REVERT,
    "create_snapshot": messages.CREATE,
    "delete_snapshot": messages.DELETE,
    "update_access": messages.UPDATE_RULES,
    "snapshot_update_access": messages.UPDATE_RULES,
}  # of all others: messages.UPDATE


class _Moved(Exception):
    """Somebody has gone on with the rows."""


def revive(database: Store, host: str, held: Inventory, since: drift_store.Mark) -> None:
    """Go on with what `held`, listed after `since`, shows to be done."""
    with database.read() as tx:
        if not oplog.unknown(tx, host):
            return
    with database.transaction() as tx:
        moving = drift_store.moving(tx, since)
        for op in oplog.unknown(tx, host):
            if op.lock_key not in moving:
                _judge(tx, op, held)


def _judge(tx: Tx, op: Operation, held: Inventory) -> None:
    shown, count = SHOWN.get(op.kind), op.payload.get(LATE, 0)
    if shown is None or count >= MOST or not shown(tx, op, held):
        return
    try:
        with tx.part():
            (_take_rules if op.kind in RULES else _take)(tx, op)
            oplog.revive(tx, op, WHY, {LATE: count + 1})
    except _Moved:
        oplog.forget_unknown(tx, op)
        return
    action = ACTIONS.get(op.kind, messages.UPDATE)
    messages.tell(tx, op, action, messages.UNKNOWN, text=done_late(action))
    log.warning("operation.done_late", operation=op.id, kind=op.kind, resource=op.resource_id)


def _take(tx: Tx, op: Operation) -> None:
    """Its rows are as they were while it was live."""
    of_share = "instance_id" in op.payload
    if of_share:
        change, instance_id = CHANGES[op.kind], op.payload["instance_id"]
        if not share_store.begin(tx, instance_id, change.during, [change.failed]):
            raise _Moved
        share_store.own(tx, instance_id, op.id)
    if "snapshot_instance_id" in op.payload:
        change = CHANGES["restore_snapshot" if of_share else op.kind]
        instance_id = op.payload["snapshot_instance_id"]
        if not snapshot_store.begin(tx, instance_id, change.during, [change.failed]):
            raise _Moved
        snapshot_store.own(tx, instance_id, op.id)


def _share_rule(tx: Tx, op: Operation, rule_id: str, state: str) -> int:
    instance_id = op.payload["instance_id"]
    share_store.begin_rules(tx, instance_id)  # before its rules, as the API does
    return access_store.queue(tx, instance_id, state, op.id, rule_id=rule_id, before=["error"])


def _snapshot_rule(tx: Tx, op: Operation, rule_id: str, state: str) -> int:
    return snapshot_store.set_rules(
        tx, op.resource_id, state, op.id, rule_ids=[rule_id], before=["error"]
    )


RULES: dict[str, Callable[[Tx, Operation, str, str], int]] = {
    "update_access": _share_rule,
    "snapshot_update_access": _snapshot_rule,
}


def _take_rules(tx: Tx, op: Operation) -> None:
    """Those that are still in error are asked for again."""
    batch = op.payload.get(BATCH, {}).items()
    if not sum(RULES[op.kind](tx, op, rule_id, state) for rule_id, state in batch):
        raise _Moved
