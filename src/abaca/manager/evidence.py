"""What a backend holds, as evidence: whether an operation was done, though nobody said so.

SHOWN has a row for each kind of operation that changes a backend.  It is read after an answer was
lost twice (manager/look.py), and by the look for drift about operations that ended without anybody
knowing their outcome (manager/late.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from abaca.drivers.contract.inventory import SHARE, SNAPSHOT, Held, Rule
from abaca.model import networks
from abaca.model.operations import Operation
from abaca.store import access as access_store
from abaca.store import shares as share_store
from abaca.store import snapshots as snapshot_store
from abaca.store.engine import Tx

Inventory = Mapping[tuple[str, str], Held]  # by kind and id
BATCH = "batch"  # in the payload: {rule id: the state it was asked for in}, of rules in error
WANTED = ("queued_to_apply", "applying", "queued_to_update", "updating")
DENIED = ("queued_to_deny", "denying")


def inventory(held: Iterable[Held]) -> Inventory:
    return {(each.kind, each.id): each for each in held}


def share_of(op: Operation, held: Inventory) -> Held | None:
    return held.get((SHARE, op.payload["instance_id"]))


def snapshot_of(op: Operation, held: Inventory) -> Held | None:
    return held.get((SNAPSHOT, op.payload["snapshot_instance_id"]))


# --- rules ----------------------------------------------------------------------------------------
def plain(rule: Rule) -> Rule:
    """Addresses as networks, so that 10.0.0.1 and 10.0.0.1/32 are the same."""
    kind, to, level = rule
    return kind, networks.plain(to) if kind == "ip" else to, level


def _in_force(asked: Iterable[tuple[str, Rule]], there: Held | None) -> bool:
    """asked: (state, rule).  What was wanted is there as it was wanted, what was denied is not,
    at whatever level."""
    if there is None or there.rules is None or there.exported is False:
        return False
    found = {plain(rule) for rule in there.rules}
    doors = {rule[:2] for rule in found}
    for state, rule in asked:
        right = plain(rule) in found if state in WANTED else plain(rule)[:2] not in doors
        if not right:
            return False
    return True


def _share_rules(tx: Tx, op: Operation, held: Inventory) -> bool:
    batch = op.payload.get(BATCH, {})
    rules = access_store.on_instance(tx, op.payload["instance_id"])
    asked = [(rule.state, rule.access_id, rule) for rule in rules]
    if any(rule.access_type == "cephx" for rule in rules):  # their keys are in the answer alone
        return False
    return _in_force(
        (
            (batch.get(id, state), (rule.access_type, rule.access_to, rule.access_level))
            for state, id, rule in asked
            if state in (*WANTED, *DENIED) or (state == "error" and id in batch)
        ),
        share_of(op, held),
    )


def _snapshot_rules(tx: Tx, op: Operation, held: Inventory) -> bool:
    batch = op.payload.get(BATCH, {})
    return _in_force(
        (
            (batch.get(rule.id, rule.state), (rule.access_type, rule.access_to, "ro"))
            for rule in snapshot_store.rules(tx, op.resource_id)
            if rule.state in (*WANTED, *DENIED) or (rule.state == "error" and rule.id in batch)
        ),
        snapshot_of(op, held),
    )


# --- shares and snapshots -------------------------------------------------------------------------
def _created(tx: Tx, op: Operation, held: Inventory) -> bool:
    """With all that belongs to it."""
    there, share = share_of(op, held), share_store.get(tx, op.resource_id)
    if there is None or share is None or there.problem or there.exported is False:
        return False
    return there.size in (None, share.size)


def _resized(tx: Tx, op: Operation, held: Inventory) -> bool:
    there = share_of(op, held)
    return there is not None and there.size == op.payload["new_size"]


def _reverted(tx: Tx, op: Operation, held: Inventory) -> bool:
    there = share_of(op, held)
    return there is not None and there.reverted_by == str(op.id)


def _share_there(tx: Tx, op: Operation, held: Inventory) -> bool:
    return share_of(op, held) is not None


def _share_gone(tx: Tx, op: Operation, held: Inventory) -> bool:
    return share_of(op, held) is None


def _snapshot_there(tx: Tx, op: Operation, held: Inventory) -> bool:
    return snapshot_of(op, held) is not None


def _snapshot_gone(tx: Tx, op: Operation, held: Inventory) -> bool:
    return snapshot_of(op, held) is None


# kind of an operation -> whether what is held shows that it was done
SHOWN: dict[str, Callable[[Tx, Operation, Inventory], bool]] = {
    "create_share_instance": _created,
    "delete_share_instance": _share_gone,
    "extend_share": _resized,
    "shrink_share": _resized,
    "revert_to_snapshot": _reverted,
    "manage_share": _share_there,
    "unmanage_share": _share_gone,
    "update_access": _share_rules,
    "create_snapshot": _snapshot_there,
    "delete_snapshot": _snapshot_gone,
    "manage_snapshot": _snapshot_there,
    "unmanage_snapshot": _snapshot_gone,
    "snapshot_update_access": _snapshot_rules,
}
