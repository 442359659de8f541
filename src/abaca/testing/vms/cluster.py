"""What is not an object: versions, capacity, folders."""

from __future__ import annotations

import time
from typing import Final

from abaca.testing.vms import fields, state, streams
from abaca.testing.vms.call import Call, Reply
from abaca.testing.vms.objects import normal
from abaca.testing.vms.refusal import Refusal
from abaca.testing.vms.state import Row, Tx

SAMPLES: Final = 3  # in the answer to a capacity query, the newest first
SAMPLE_SECONDS: Final = 10


def versions(call: Call) -> Reply:
    """GET /versions/?status=success"""
    status = call.one("status")
    newest = {"id": 2, "sys_version": state.setting(call.tx, "version"), "status": "success"}
    older = {"id": 1, "sys_version": "4.7.0-1", "status": "failed"}
    return Reply(200, [v for v in (newest, older) if status in (None, v["status"])])


def ad_hoc_query(call: Call) -> Reply:
    """GET /monitors/ad_hoc_query/: one column for each property asked for, oldest facts last."""
    asked = call.query.get("prop_list", [])
    if call.one("object_type") != "cluster" or not asked:
        raise Refusal(400, "object_type cluster and prop_list are needed")
    facts = _facts(call.tx)
    unknown = [name for name in asked if name not in facts]
    if unknown:
        raise Refusal(400, f"unknown property {unknown[0]}")
    columns = sorted(set(asked))
    now = time.time()
    data = [
        [
            time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now - SAMPLE_SECONDS * back)),
            1,
            *((facts[name] if back == 0 else 0) for name in columns),
        ]
        for back in range(SAMPLES)
    ]
    return Reply(
        200,
        {
            "prop_list": ["timestamp", "object_id", *columns],
            "data": data,
            "object_ids": [1],
            "granularity": "seconds",
        },
    )


def _facts(tx: Tx) -> dict[str, float]:
    rows = tx.execute("SELECT tenant, path FROM directories").fetchall()
    in_use = sum(state.used(tx, tenant, path) for tenant, path in rows)
    drr = state.setting(tx, "drr")
    return {
        "Capacity,drr": drr,
        "Capacity,logical_space": state.setting(tx, "logical_space"),
        "Capacity,logical_space_in_use": in_use,
        "Capacity,physical_space": state.setting(tx, "physical_space"),
        "Capacity,physical_space_in_use": int(in_use / drr),
    }


def _folder(call: Call) -> tuple[int, str]:
    given = call.given()
    if given.keys() - {"path", "tenant_id"} or not fields.path(given.get("path")):
        raise Refusal(400, "path (absolute) and tenant_id are known here")
    return int(given.get("tenant_id") or call.tenant), normal(given["path"])


def delete_folder(call: Call) -> Reply:
    """DELETE /folders/delete_folder/: the directory goes to the trash."""
    tenant, path = _folder(call)
    if not state.setting(call.tx, "trash"):
        raise Refusal(400, "cannot delete folder: trash folder disabled")
    if path == "/" or not state.has_directory(call.tx, tenant, path):
        raise Refusal(400, f"{path}: no such directory")
    if streams.running_into(call.tx, tenant, path):
        raise Refusal(400, f"{path}: in use by a global snapshot stream")
    state.remove_directory(call.tx, tenant, path)
    return Reply(200, {})


def stat_path(call: Call) -> Reply:
    """POST /folders/stat_path/"""
    tenant, path = _folder(call)
    if not state.has_directory(call.tx, tenant, path):
        raise Refusal(400, f"{path}: no such directory")
    return Reply(200, _stat(call.tx, tenant, path))


def _stat(tx: Tx, tenant: int, path: str) -> Row:
    below = tx.execute(
        "SELECT count(*) FROM directories WHERE tenant = ? AND substr(path, 1, ?) = ?",
        (tenant, len(path) + 1, f"{path}/"),
    ).fetchone()
    files = tx.execute(
        "SELECT count(*) FROM files WHERE place = ?", (state.place(tenant, path),)
    ).fetchone()
    return {
        "path": path,
        "is_directory": True,
        "children": below[0] + files[0],
        "owning_user": "root",
        "owning_group": "root",
    }
