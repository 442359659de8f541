"""Creating, listing, changing and deleting objects, and what each kind asks beyond its fields."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from abaca.testing.vms import state, streams
from abaca.testing.vms.call import Call, Reply
from abaca.testing.vms.fields import HOST_LISTS, RESOURCES, Resource
from abaca.testing.vms.refusal import Refusal
from abaca.testing.vms.state import Row, Tx

PAGING: Final = ("page", "page_size")
MAX_PAGE: Final = 1000


# --- reading --------------------------------------------------------------------------------------
def listing(call: Call, kind: str) -> Reply:
    """All that match; with `page` or `page_size` in an envelope."""
    filters = {name: call.one(name) for name in call.query if name not in PAGING}
    exact = {name: filters.pop(name) for name in ("name", "path") if name in filters}
    shown = (shape(call.tx, kind, row) for row in state.find(call.tx, kind, call.tenant, **exact))
    rows = [row for row in shown if all(_matches(row, *item) for item in filters.items())]
    if not any(name in call.query for name in PAGING):
        return Reply(200, rows)
    return Reply(200, _page(call, rows))


def _matches(row: Row, word: str, wanted: str | None) -> bool:
    name, _, how = word.partition("__")
    value, wanted = str(row.get(name, "")), wanted or ""
    tests: dict[str, Callable[[], bool]] = {
        "": lambda: value == wanted,
        "contains": lambda: wanted in value,
        "startswith": lambda: value.startswith(wanted),
    }
    if how not in tests:
        raise Refusal(400, f"unknown filter {word}")
    return tests[how]()


def _page(call: Call, rows: list[Row]) -> Row:
    try:
        page, size = int(call.one("page") or 1), int(call.one("page_size") or 50)
    except ValueError:
        raise Refusal(400, "page and page_size are numbers") from None
    if page < 1 or not 1 <= size <= MAX_PAGE:
        raise Refusal(400, f"pages count from 1 and hold 1 to {MAX_PAGE} objects")
    first, last = (page - 1) * size, page * size
    if first >= len(rows) and page > 1:
        raise Refusal(404, "Invalid page.")

    def link(number: int) -> str:
        return f"/api/{call.path}?page={number}&page_size={size}"

    return {
        "count": len(rows),
        "next": link(page + 1) if last < len(rows) else None,
        "previous": link(page - 1) if page > 1 else None,
        "results": rows[first:last],
    }


def existing(call: Call, kind: str, object_id: int) -> Row:
    row = state.get(call.tx, kind, call.tenant, object_id)
    if row is None:
        raise Refusal(404, f"{RESOURCES[kind].noun} {object_id} not found")
    return row


def read(call: Call, kind: str, object_id: int) -> Reply:
    return Reply(200, shape(call.tx, kind, existing(call, kind, object_id)))


def shape(tx: Tx, kind: str, row: Row) -> Row:
    """The object as it is shown: with what the array works out."""
    more = _SHAPES.get(kind)
    return {**row, **more(tx, row)} if more else row


def _quota(tx: Tx, row: Row) -> Row:
    used, limit = state.used(tx, row["tenant_id"], row["path"]), row["hard_limit"]
    return {
        "used_capacity": used,
        "used_effective_capacity": used,
        "used_inodes": 0,
        "percent_capacity": round(100 * used / limit) if limit else 0,
        "state": "HARD_EXCEEDED" if limit is not None and used > limit else "OK",
    }


def _view(tx: Tx, row: Row) -> Row:
    policy = state.get(tx, "viewpolicies", None, row["policy_id"])
    used = state.used(tx, row["tenant_id"], row["path"])
    return {
        "policy": policy["name"] if policy else None,
        "logical_capacity": used,
        "physical_capacity": used,
    }


def _policy(tx: Tx, row: Row) -> Row:
    return {"count_views": len(_views_of(tx, row))}


def _views_of(tx: Tx, policy: Row) -> list[Row]:
    return state.find(tx, "views", None, uses=policy["id"])


_SHAPES: Final[Mapping[str, Callable[[Tx, Row], Row]]] = {
    "quotas": _quota,
    "views": _view,
    "viewpolicies": _policy,
    "globalsnapstreams": streams.shape,
}


# --- writing --------------------------------------------------------------------------------------
def create(call: Call, kind: str) -> Reply:
    resource, given = RESOURCES[kind], call.given()
    _check(resource, given, extra=resource.create)
    missing = [name for name in resource.required if name not in given]
    if missing:
        raise Refusal(400, f"{missing[0]}: This field is required.")
    if "path" in given:
        given["path"] = normal(given["path"])
    tenant = given.get("tenant_id") or call.tenant
    _check_unique(call.tx, kind, tenant, given)
    values = {**resource.defaults, **_CREATE[kind](call.tx, tenant, given)}
    row = state.insert(call.tx, kind, tenant, values)
    return Reply(201, shape(call.tx, kind, row))


def change(call: Call, kind: str, object_id: int) -> Reply:
    resource, row, given = RESOURCES[kind], existing(call, kind, object_id), call.given()
    _check(resource, given)
    if "path" in given or "tenant_id" in given:
        raise Refusal(400, f"a {resource.noun} does not move")
    _check_unique(call.tx, kind, row["tenant_id"], given, but=object_id)
    if "policy_id" in given:
        _policy_of(call.tx, row["tenant_id"], given["policy_id"])
    changed = {**row, **given}
    state.store(call.tx, kind, changed)
    return Reply(200, shape(call.tx, kind, changed))


def delete(call: Call, kind: str, object_id: int) -> Reply:
    row = existing(call, kind, object_id)
    guard = _DELETE.get(kind)
    if guard:
        guard(call, row)
    state.remove(call.tx, kind, object_id)
    return Reply(204)


def _check(resource: Resource, given: Row, extra: tuple[str, ...] = ()) -> None:
    for name, value in given.items():
        if name not in resource.fields and name not in extra:
            raise Refusal(400, f"{name}: Unknown field of a {resource.noun}.")
        if name in resource.fields and not resource.fields[name](value):
            raise Refusal(400, f"{name}: {str(value)[:80]!r} is not a valid value.")


def _check_unique(tx: Tx, kind: str, tenant: int, given: Row, but: int = 0) -> None:
    for name in RESOURCES[kind].unique:
        if name in given:
            taken = state.find(tx, kind, tenant, **{name: given[name]})
            if any(row["id"] != but for row in taken):
                noun = RESOURCES[kind].noun
                raise Refusal(400, f"A {noun} with {name} {given[name]} already exists.")


def normal(path: str) -> str:
    """Without a slash at the end."""
    return "/" + path.strip("/")


def _with_directory(tx: Tx, tenant: int, given: Row) -> Row:
    """`create_dir` makes the directory; without it, it must be there."""
    if given.pop("create_dir", False):
        state.make_directory(tx, tenant, given["path"])
    elif not state.has_directory(tx, tenant, given["path"]):
        raise Refusal(400, f"{given['path']}: no such directory")
    return given


def _new_policy(tx: Tx, tenant: int, given: Row) -> Row:
    """Lists that are not given hold the array's default."""
    usual = state.setting(tx, "default_hosts")
    lists = dict.fromkeys(HOST_LISTS[:4], usual)
    return {**lists, **given}


def _new_view(tx: Tx, tenant: int, given: Row) -> Row:
    _policy_of(tx, tenant, given["policy_id"])
    return _with_directory(tx, tenant, given)


def _policy_of(tx: Tx, tenant: int, policy_id: Any) -> Row:
    policy = state.get(tx, "viewpolicies", tenant, policy_id)
    if policy is None:
        raise Refusal(400, f"policy_id: there is no view policy {policy_id}")
    return policy


def _new_snapshot(tx: Tx, tenant: int, given: Row) -> Row:
    _with_directory(tx, tenant, given)
    (last,) = tx.execute("SELECT max(id) FROM objects WHERE kind = 'snapshots'").fetchone()
    source = state.place(tenant, given["path"])
    state.copy_files(tx, source, streams.contents((last or 0) + 1))
    return {**given, "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}


_CREATE: Final[Mapping[str, Callable[[Tx, int, Row], Row]]] = {
    "viewpolicies": _new_policy,
    "quotas": _with_directory,
    "views": _new_view,
    "snapshots": _new_snapshot,
}


def _unused_policy(call: Call, row: Row) -> None:
    if _views_of(call.tx, row):
        raise Refusal(400, f"View policy {row['name']} is in use by a view.")


def _unused_snapshot(call: Call, row: Row) -> None:
    if streams.running_from(call.tx, row["id"]):
        raise Refusal(400, f"Snapshot {row['name']} is in use by a global snapshot stream.")
    call.tx.execute("DELETE FROM files WHERE place = ?", (streams.contents(row["id"]),))


def _ended_stream(call: Call, row: Row) -> None:
    if call.given().keys() - {"remove_dir"}:
        raise Refusal(400, "only remove_dir is known here")
    if not streams.ended(call.tx, row):
        raise Refusal(400, f"Stream {row['name']} is running; stop it first.")
    if call.given().get("remove_dir", False):
        state.remove_directory(call.tx, row["tenant_id"], row["loanee_root_path"])


_DELETE: Final[Mapping[str, Callable[[Call, Row], None]]] = {
    "viewpolicies": _unused_policy,
    "snapshots": _unused_snapshot,
    "globalsnapstreams": _ended_stream,
}
