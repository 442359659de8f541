"""Access rules: the rule a user wrote, and its state on each instance of the share."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from abaca.model.access import AccessRule, InstanceRule
from abaca.model.status import RULE_STATE_ORDER

from .engine import Row, Tx
from .fixed import Fixed
from .many import one_of
from .schema import access_rule_metadata, access_rule_states, access_rules
from .shares import new_id

_r, _t, _m = access_rules.c, access_rule_states.c, access_rule_metadata.c
COLUMNS = (
    _r.id, _r.share_id, _r.access_type, _r.access_to, _r.access_level, _r.access_key,
    _r.created_at, _r.updated_at,
)  # fmt: skip


_RULE = sa.select(*COLUMNS)
_GET = Fixed(_RULE.where(_r.id == sa.bindparam("id")))
_OF_SHARE = Fixed(_RULE.where(_r.share_id == sa.bindparam("id")).order_by(_r.created_at, _r.id))
_STATES = Fixed(sa.select(_t.access_id, _t.state).where(one_of(_t.access_id, "ids")))
_METADATA = Fixed(sa.select(_m.access_id, _m.key, _m.value).where(one_of(_m.access_id, "ids")))


def _records(tx: Tx, rows: Sequence[Row]) -> list[AccessRule]:
    ids = {"ids": [row[0] for row in rows]}
    states: defaultdict[str, list[str]] = defaultdict(list)
    metadata: defaultdict[str, dict[str, str]] = defaultdict(dict)
    if rows:
        for rule_id, state in tx.all(_STATES, ids):
            states[rule_id].append(state)
        for rule_id, key, text in tx.all(_METADATA, ids):
            metadata[rule_id][key] = text
    return [_record(row, _worst(states[row[0]]), metadata.get(row[0], {})) for row in rows]


def _record(row: Row, state: str, metadata: dict[str, str]) -> AccessRule:
    values: list[Any] = [*row]
    values[6:6] = [state]
    values.append(metadata)
    return AccessRule(*values)


def _worst(states: Iterable[str]) -> str:
    return min(states, key=RULE_STATE_ORDER.index, default="active")


def get(tx: Tx, rule_id: str) -> AccessRule | None:
    found = _records(tx, tx.all(_GET, {"id": rule_id}))
    return found[0] if found else None


_LOCK = Fixed(sa.select(_r.id).where(_r.id == sa.bindparam("id")).with_for_update())


def lock(tx: Tx, rule_id: str) -> None:
    """Nobody else changes or deletes the rule until this transaction ends."""
    tx.one(_LOCK, {"id": rule_id})


def of_share(tx: Tx, share_id: str) -> list[AccessRule]:
    """Oldest first."""
    return _records(tx, tx.all(_OF_SHARE, {"id": share_id}))


_INSERT, _INSERT_STATE = Fixed(sa.insert(access_rules)), Fixed(sa.insert(access_rule_states))
_INSERT_METADATA = Fixed(sa.insert(access_rule_metadata))


def insert(
    tx: Tx,
    rule: Mapping[str, Any],
    instance_ids: Iterable[str],
    metadata: Mapping[str, str],
    op_id: int | None = None,
) -> AccessRule:
    """A rule, queued to be applied on each of these instances, by an operation."""
    tx.run(_INSERT, {"created_at": tx.now, **rule})
    state = {"access_id": rule["id"], "state": "queued_to_apply", "operation_id": op_id}
    rows = [{"id": new_id(), "share_instance_id": each, **state} for each in instance_ids]
    tx.run(_INSERT_STATE, rows)
    set_metadata(tx, rule["id"], metadata)
    blank = {"access_key": None, "created_at": tx.now, "updated_at": None}
    return AccessRule(**{**blank, **rule}, state="queued_to_apply", metadata=dict(metadata))


def update(tx: Tx, rule_id: str, **values: Any) -> None:
    tx.run(sa.update(access_rules).where(_r.id == rule_id).values(updated_at=tx.now, **values))


def delete(tx: Tx, rule_id: str) -> None:
    tx.run(sa.delete(access_rules).where(_r.id == rule_id))


def set_metadata(tx: Tx, rule_id: str, metadata: Mapping[str, str]) -> None:
    """Add or replace these keys."""
    if not metadata:
        return
    delete_metadata(tx, rule_id, metadata)
    rows = [{"access_id": rule_id, "key": key, "value": text} for key, text in metadata.items()]
    tx.run(_INSERT_METADATA, rows)


def delete_metadata(tx: Tx, rule_id: str, keys: Iterable[str]) -> int:
    return tx.run(
        sa.delete(access_rule_metadata).where(_m.access_id == rule_id, _m.key.in_(list(keys)))
    )


# --- as an instance knows them --------------------------------------------------------------------
_ON_INSTANCE = Fixed(
    sa.select(
        _t.id, _t.access_id, _t.share_instance_id, _t.state, _t.operation_id,
        _r.access_type, _r.access_to, _r.access_level, _r.access_key,
    )
    .select_from(access_rule_states.join(access_rules, _r.id == _t.access_id))
    .where(_t.share_instance_id == sa.bindparam("instance"))
    .order_by(_r.created_at, _r.id)
)  # fmt: skip


def on_instance(tx: Tx, instance_id: str) -> list[InstanceRule]:
    return [InstanceRule(*row) for row in tx.all(_ON_INSTANCE, {"instance": instance_id})]


_WHICH = {
    "ids": one_of(_t.id, "ids"),
    "instance": _t.share_instance_id == sa.bindparam("instance"),
    "rule": _t.access_id == sa.bindparam("rule"),
    "before": one_of(_t.state, "before"),
}


@functools.cache
def _changing(which: tuple[str, ...]) -> Fixed:
    stmt = sa.update(access_rule_states).where(*(_WHICH[name] for name in which))
    return Fixed(stmt.values(state=sa.bindparam("new_state"), operation_id=sa.bindparam("op")))


def _change(tx: Tx, state: str, op_id: int | None, **which: Any) -> int:
    """New state and owner of those that are meant by all of _WHICH that is given."""
    given = {name: value for name, value in which.items() if value is not None}
    return tx.run(_changing(tuple(given)), {**given, "new_state": state, "op": op_id})


def queue(
    tx: Tx,
    instance_id: str,
    state: str,
    op_id: int,
    *,
    rule_id: str | None = None,
    before: Sequence[str] | None = None,
) -> int:
    """Put a rule (or all) of an instance into a queued_* state owned by an operation."""
    return _change(tx, state, op_id, instance=instance_id, rule=rule_id, before=before)


@functools.cache
def _moving(changes: tuple[tuple[str, str], ...]) -> Fixed:
    return Fixed(
        sa.update(access_rule_states)
        .where(_t.share_instance_id == sa.bindparam("instance"), one_of(_t.state, "before"))
        .values(state=sa.case(dict(changes), value=_t.state), operation_id=sa.bindparam("op"))
    )


def move(tx: Tx, instance_id: str, changes: Mapping[str, str], op_id: int) -> None:
    """Change states of an instance's rules {from: to}; the operation owns them from now on."""
    values = {"instance": instance_id, "before": list(changes), "op": op_id}
    tx.run(_moving(tuple(changes.items())), values)


def settle(
    tx: Tx, state_ids: Sequence[str], state: str, *, before: Sequence[str] | None = None
) -> None:
    """The end of an operation on these (ids of InstanceRule), as far as they are still in one of
    the states `before`."""
    if state_ids:
        _change(tx, state, None, ids=state_ids, before=before)


_LEAVE = Fixed(sa.delete(access_rule_states).where(one_of(_t.id, "ids")))
_DELETE_UNUSED = Fixed(
    sa.delete(access_rules).where(one_of(_r.id, "ids"), ~sa.exists().where(_t.access_id == _r.id))
)


def remove(tx: Tx, state_ids: Sequence[str], rule_ids: Sequence[str]) -> None:
    """Denied rules leave an instance; the rule itself goes with its last instance."""
    if state_ids:
        tx.run(_LEAVE, {"ids": list(state_ids)})
        tx.run(_DELETE_UNUSED, {"ids": list(rule_ids)})
