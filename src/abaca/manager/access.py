"""Access rules: bring the rules of a share instance into force on its backend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from abaca.drivers.contract.results import RuleUpdate
from abaca.model.access import InstanceRule
from abaca.model.messages import rule_refused
from abaca.model.shares import Share
from abaca.operations import log as oplog
from abaca.operations.job import Job
from abaca.store import access as store
from abaca.store import shares as share_store
from abaca.store.engine import Tx

from . import look, messages, records
from .backend import Backend
from .evidence import BATCH
from .kinds import kinds

log = structlog.get_logger(__name__)
_NOTHING = RuleUpdate()

# asked for -> under way; a batch that a crash interrupted is under way already
UNDER_WAY = {
    "queued_to_apply": "applying",
    "queued_to_update": "updating",
    "queued_to_deny": "denying",
}
ASKED = {under_way: queued for queued, under_way in UNDER_WAY.items()}


def asked(state: str) -> str:
    """The state in which a rule that is under way was asked for."""
    return ASKED.get(state, state)


def _failed(job: Job[Backend], tx: Tx, error: Exception) -> None:
    instance_id = job.op.payload["instance_id"]
    share_store.lock_instance(tx, instance_id)  # before its rules, as the API does
    stuck = [
        rule
        for rule in store.on_instance(tx, instance_id)
        if rule.state in UNDER_WAY.values() or rule.operation_id == job.op.id
    ]
    store.settle(tx, [rule.id for rule in stuck], "error")
    oplog.note(tx, job.op, {BATCH: {rule.access_id: asked(rule.state) for rule in stuck}})
    share_store.update_instance(tx, instance_id, access_rules_status="error")
    messages.tell_failure(tx, job.op, messages.UPDATE_RULES, error)


@kinds.operation("update_access", failed=_failed)
def update_access(job: Job[Backend]) -> None:
    """Everything that is queued on the instance, in one batch."""
    instance_id = job.op.payload["instance_id"]
    with job.transaction(durable=False) as tx:
        share = share_store.get(tx, job.op.resource_id, locations=True)
        store.move(tx, instance_id, UNDER_WAY, job.op.id)
        rules = store.on_instance(tx, instance_id)
    if share is None:
        return
    under_way = any(rule.state in UNDER_WAY.values() for rule in rules)
    updates = _drive(job, share, rules) if under_way else {}
    with job.finish() as tx:
        share_store.lock_instance(tx, instance_id)
        _settle(job, tx, share, rules, updates)
        set_status(tx, instance_id)


def _drive(
    job: Job[Backend], share: Share, rules: Sequence[InstanceRule]
) -> Mapping[str, RuleUpdate]:
    """Call the driver; by rule id, of those that it said something about."""
    known = known_to_driver(job, share, rules)

    def in_state(*states: str) -> list[object]:
        return [records.rule(rule, share.id) for rule in known if rule.state in states]

    def call() -> Any:
        return job.backend.update_access(
            job,
            job.backend.context(job),
            records.share(share),
            in_state("active", "applying", "updating"),
            add_rules=in_state("applying"),
            delete_rules=in_state("denying"),
            update_rules=in_state("updating"),
        )

    updates: Mapping[str, RuleUpdate] = look.surely(job, call, lambda held: {})
    return updates


def known_to_driver(
    job: Job[Backend], share: Share, rules: Sequence[InstanceRule]
) -> list[InstanceRule]:
    """A driver that knows no IPv6 never hears of such rules; they become active for nothing."""
    if share.share_proto != "NFS" or getattr(job.backend.driver, "ipv6_implemented", False):
        return list(rules)
    return [r for r in rules if r.access_type != "ip" or not _is_ipv6(r.access_to)]


def _is_ipv6(text: str) -> bool:
    return ":" in text


def _settle(
    job: Job[Backend],
    tx: Tx,
    share: Share,
    rules: Sequence[InstanceRule],
    updates: Mapping[str, RuleUpdate],
) -> None:
    gone = []
    for rule in rules:
        said = updates.get(rule.access_id, _NOTHING)
        if rule.state == "denying" and said.state != "error":
            gone.append(rule)
        elif rule.state in UNDER_WAY.values() or said.state == "error":
            # one that was denied meanwhile is left to the operation that denies it
            store.settle(tx, [rule.id], said.state or "active", before=[rule.state])
        _note(job, tx, share, rule, said)
    store.remove(tx, [rule.id for rule in gone], [rule.access_id for rule in gone])


def note_applied_again(
    job: Job[Backend],
    share: Share,
    rules: Sequence[InstanceRule],
    updates: Mapping[str, RuleUpdate],
) -> None:
    """What the driver said of rules that were in force and were applied once more."""
    if not updates:
        return
    with job.transaction() as tx:
        for rule in rules:
            said = updates.get(rule.access_id, _NOTHING)
            if said.state == "error":
                store.settle(tx, [rule.id], "error", before=["active"])
            _note(job, tx, share, rule, said)


def _note(job: Job[Backend], tx: Tx, share: Share, rule: InstanceRule, said: RuleUpdate) -> None:
    """The key of a rule, and why it was refused."""
    if said.access_key not in (None, rule.access_key):
        store.update(tx, rule.access_id, access_key=said.access_key)
    if said.state == "error":
        _tell_refused(job, tx, share, rule, said.reason)


def _tell_refused(
    job: Job[Backend], tx: Tx, share: Share, rule: InstanceRule, reason: str | None
) -> None:
    """Its owner, whatever the operation is about."""
    log.warning("rule.refused", share=share.id, rule=rule.access_id, reason=reason)
    text = rule_refused(messages.UPDATE_RULES, rule.access_to, reason) if reason else None
    messages.tell(
        tx,
        job.op,
        messages.UPDATE_RULES,
        messages.NOT_SUPPORTED,
        resource=("SHARE", share.id),
        project_id=share.project_id,
        text=text,
    )


def set_status(tx: Tx, instance_id: str) -> None:
    """What the instance says of its rules: error, syncing or active."""
    states = {rule.state for rule in store.on_instance(tx, instance_id)}
    status = "error" if "error" in states else "syncing" if states - {"active"} else "active"
    share_store.update_instance(tx, instance_id, access_rules_status=status)
