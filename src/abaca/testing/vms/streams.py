"""Clones: global snapshot streams, which copy a snapshot into a directory and take their time."""

from __future__ import annotations

import time

from abaca.testing.vms import fields, state
from abaca.testing.vms.call import Call, Reply
from abaca.testing.vms.refusal import Refusal
from abaca.testing.vms.state import Row, Tx

_CLONE = {
    "loanee_root_path": fields.path,
    "name": fields.text,
    "enabled": fields.flag,
    "loanee_tenant_id": fields.whole,
}


def contents(snapshot_id: int) -> str:
    """Where the files of a snapshot are."""
    return f"snapshot:{snapshot_id}"


def shape(tx: Tx, row: Row) -> Row:
    """State and progress, by the clock."""
    now = _state(tx, row)
    length = state.setting(tx, "clone_seconds")
    share = min(1.0, (time.time() - row["started"]) / length) if length else 1.0
    return {"state": now, "status": {"state": now}, "sync_progress": int(100 * share)}


def _state(tx: Tx, row: Row) -> str:
    if row.get("stopped"):
        return "STOPPED"
    done = time.time() - row["started"] >= state.setting(tx, "clone_seconds")
    return str(state.setting(tx, "clone_state")) if done else "RUNNING"


def ended(tx: Tx, row: Row) -> bool:
    return _state(tx, row) != "RUNNING"


def running_from(tx: Tx, snapshot_id: int) -> bool:
    """Whether something is still copied from the snapshot."""
    streams = state.find(tx, "globalsnapstreams", None, uses=snapshot_id)
    return any(not ended(tx, row) for row in streams)


def running_into(tx: Tx, tenant: int, path: str) -> bool:
    """Whether something is still copied to the directory."""
    streams = state.find(tx, "globalsnapstreams", tenant)
    return any(row["loanee_root_path"] == path and not ended(tx, row) for row in streams)


def clone(call: Call, snapshot_id: int) -> Reply:
    """POST /snapshots/{id}/clone/"""
    snapshot = state.get(call.tx, "snapshots", call.tenant, snapshot_id)
    if snapshot is None:
        raise Refusal(404, f"snapshot {snapshot_id} not found")
    given = call.given()
    for name, value in given.items():
        if name not in _CLONE or not _CLONE[name](value):
            raise Refusal(400, f"{name}: {str(value)[:80]!r} is not a valid value of a clone.")
    missing = [name for name in ("loanee_root_path", "name") if name not in given]
    if missing:
        raise Refusal(400, f"{missing[0]}: This field is required.")
    tenant = given.pop("loanee_tenant_id", call.tenant)
    path = "/" + given["loanee_root_path"].strip("/")
    if state.find(call.tx, "globalsnapstreams", tenant, name=given["name"]):
        raise Refusal(400, f"A global snapshot stream with name {given['name']} already exists.")
    if state.has_directory(call.tx, tenant, path):
        raise Refusal(400, f"{path}: the directory already exists")
    state.make_directory(call.tx, tenant, path)
    state.copy_files(call.tx, contents(snapshot_id), state.place(tenant, path))
    values = {
        "enabled": True,
        **given,
        "loanee_root_path": path,
        "snapshot_id": snapshot_id,
        "started": time.time(),
    }
    row = state.insert(call.tx, "globalsnapstreams", tenant, values)
    return Reply(201, {**row, **shape(call.tx, row)})


def stop(call: Call, stream_id: int) -> Reply:
    """PATCH /globalsnapstreams/{id}/stop"""
    row = state.get(call.tx, "globalsnapstreams", call.tenant, stream_id)
    if row is None:
        raise Refusal(404, f"global snapshot stream {stream_id} not found")
    if ended(call.tx, row):
        raise Refusal(400, f"Stream {row['name']} is not running.")
    row = {**row, "stopped": True}
    state.store(call.tx, "globalsnapstreams", row)
    return Reply(200, {**row, **shape(call.tx, row)})
