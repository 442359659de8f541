"""Access rules of mountable snapshots: bring them into force on the backend, read-only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from abaca.drivers.contract import records as shapes
from abaca.drivers.contract.results import RuleUpdate
from abaca.model.access import SnapshotAccessRule
from abaca.model.messages import rule_refused
from abaca.model.snapshots import Snapshot
from abaca.operations import log as oplog
from abaca.operations.job import Job
from abaca.store import shares as share_store
from abaca.store import snapshots as store
from abaca.store.engine import Tx

from . import look, messages, records, snapshots
from .access import asked
from .backend import Backend
from .evidence import BATCH
from .kinds import kinds

# asked for -> under way; what a crash interrupted is under way already
UNDER_WAY = {"queued_to_apply": "applying", "queued_to_deny": "denying"}
_IN_FORCE = ("active", "applying")


def _failed(job: Job[Backend], tx: Tx, error: Exception) -> None:
    stuck = [
        rule
        for rule in store.rules(tx, job.op.resource_id)
        if rule.state in UNDER_WAY.values() or rule.operation_id == job.op.id
    ]
    store.set_rules(tx, job.op.resource_id, "error", None, rule_ids=[rule.id for rule in stuck])
    oplog.note(tx, job.op, {BATCH: {rule.id: asked(rule.state) for rule in stuck}})
    messages.tell_failure(tx, job.op, messages.UPDATE_RULES, error)


@kinds.operation("snapshot_update_access", failed=_failed)
def snapshot_update_access(job: Job[Backend]) -> None:
    """Everything that is queued on the snapshot, in one batch."""
    with job.transaction() as tx:
        snapshot = store.get(tx, job.op.resource_id)
        share = share_store.get(tx, snapshot.share_id) if snapshot else None
        if snapshot is None or share is None:
            return
        for before, after in UNDER_WAY.items():
            store.set_rules(tx, snapshot.id, after, job.op.id, before=[before])
        rules = store.rules(tx, snapshot.id)

    def of(*states: str) -> list[shapes.AccessRule]:
        return [records.snapshot_rule(rule, share.id) for rule in rules if rule.state in states]

    updates: dict[str, RuleUpdate] = {}
    if any(rule.state in UNDER_WAY.values() for rule in rules):
        updates = look.surely(
            job,
            lambda: snapshots.update_access(
                job,
                snapshot,
                share,
                wanted=of(*_IN_FORCE),
                add=of("applying"),
                delete=of("denying"),
            ),
            lambda held: {},
        )
    with job.finish() as tx:
        _settle(tx, snapshot.id, rules)
        refuse(job, tx, snapshot, rules, updates)


def _settle(tx: Tx, snapshot_id: str, rules: Sequence[SnapshotAccessRule]) -> None:
    """A rule that was denied while it was being applied is left to the operation that denies."""
    store.delete_rules(tx, [rule.id for rule in rules if rule.state == "denying"])
    applied = [rule.id for rule in rules if rule.state == "applying"]
    store.set_rules(tx, snapshot_id, "active", None, rule_ids=applied, before=["applying"])


def refuse(
    job: Job[Backend],
    tx: Tx,
    snapshot: Snapshot,
    rules: Sequence[SnapshotAccessRule],
    updates: Mapping[str, RuleUpdate],
) -> None:
    """Rules that the driver cannot honour are in error, and their owner is told why."""
    action = messages.UPDATE_RULES
    for rule in rules:
        said = updates.get(rule.id)
        if said is None or said.state != "error":
            continue
        store.set_rules(tx, snapshot.id, "error", None, rule_ids=[rule.id], before=["active"])
        text = said.reason and rule_refused(action, rule.access_to, said.reason)
        messages.tell(tx, job.op, action, messages.NOT_SUPPORTED, text=text)
