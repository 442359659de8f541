"""Use case of shares: list those that a caller may see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from abaca.model.context import Context
from abaca.model.errors import BadRequest
from abaca.model.shares import Share
from abaca.model.status import SHARE_STATUSES
from abaca.store import services as service_store
from abaca.store import shares_find as store
from abaca.store.paging import Page, like, total

from .env import Env

# filters that are the name of a column and of its parameter
PLAIN = (
    "name", "description", "status", "share_type_id", "snapshot_id", "share_network_id",
    "share_group_id", "project_id", "user_id", "share_server_id", "mount_point_name",
    "encryption_key_ref", "export_location_id", "export_location_path",
)  # fmt: skip
PARTS = {"name~": "name_part", "description~": "description_part"}


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Which shares, out of those that the caller may see."""

    filters: Mapping[str, Any] = {}  # keys of PLAIN and PARTS, host, availability_zone
    metadata: Mapping[str, str] = {}
    extra_specs: Mapping[str, str] = {}
    everybody: bool = False  # of all projects
    public: bool = False  # also public ones of other projects
    soft_deleted: bool = False  # those in the recycle bin, instead of those that are not
    deferred: bool = False  # also those in deferred deletion


def find(
    env: Env,
    ctx: Context,
    asked: Asked,
    page: Page,
    *,
    metadata: bool = True,
    locations: bool = False,
    count: bool = False,
) -> tuple[list[Share], int | None]:
    """One page, and how many there are on all pages if that is asked for."""
    for name in ("metadata", "extra_specs"):
        if len(getattr(asked, name)) > store.MAX_PAIRS:
            raise BadRequest(f"{name} may ask for at most {store.MAX_PAIRS} pairs at once.")
    with env.store.read() as tx:
        wanted = _wanted(ctx, asked)
        if "availability_zone" in asked.filters:
            zone = service_store.zone(tx, asked.filters["availability_zone"])
            if zone is None:
                return [], 0 if count else None
            wanted.values["availability_zone"] = zone.id
        found = store.find(tx, wanted, page, metadata=metadata, locations=locations)
        if found is None:
            raise BadRequest(f"marker {page.marker!a} is not the id of a share; start again.")
        if not count:
            return found, None
        return found, total(page, len(found), lambda: store.count(tx, wanted))


def _wanted(ctx: Context, asked: Asked) -> store.Wanted:
    clauses = ["soft_deleted" if asked.soft_deleted else "kept"]
    values: dict[str, Any] = {}
    if not asked.everybody and "share_server_id" not in asked.filters:
        clauses.append("project_or_public" if asked.public else "project")
        values["project"] = ctx.project_id
    for name, value in asked.filters.items():
        if name in PARTS:
            clauses.append(name)
            values[PARTS[name]] = like(value)
        elif name == "host":
            # a host without its pool means all pools of that backend
            clauses.append("host" if "#" in value else "backend")
            values[clauses[-1]] = value if "#" in value else f"{like(value)[1:-1]}#%"
        elif name == "availability_zone":
            clauses.append(name)
        elif name == "status" and value in SHARE_STATUSES:
            clauses.append(store.status_clause(value))
        elif name in PLAIN:
            clauses.append(name if ctx.is_admin else name.replace("export_", "open_"))
            values[name] = value
    if not asked.deferred:
        clauses.append("not_deferred")
    return store.Wanted(
        clauses=tuple(clauses),
        values=values,
        metadata=asked.metadata,
        extra_specs=asked.extra_specs,
    )
