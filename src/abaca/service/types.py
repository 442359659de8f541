"""Use cases of share types, and what a type means for a share."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from abaca.model import type_specs
from abaca.model.context import Context
from abaca.model.errors import BadRequest, Conflict, Forbidden, NotFound
from abaca.model.ids import new_id
from abaca.model.types import ShareType
from abaca.store import services
from abaca.store import types as store
from abaca.store.engine import Tx

from .env import Env, Settings

CAPABILITIES = (
    "snapshot_support",
    "create_share_from_snapshot_support",
    "revert_to_snapshot_support",
    "mount_snapshot_support",
)
_MOUNT_POINT = re.compile(r"[a-zA-Z0-9_-]*")


# --- look -----------------------------------------------------------------------------------------
def visible(ctx: Context, share_type: ShareType) -> bool:
    return ctx.is_admin or share_type.is_public or ctx.project_id in share_type.projects


def load(tx: Tx, ctx: Context, type_id: str, *, lock: bool = False) -> ShareType:
    """By id; a private type of others does not exist for the caller."""
    found = store.get(tx, type_id, lock=lock)
    if found is None or not visible(ctx, found):
        raise NotFound(noun="Share type", id=type_id)
    return found


def resolve(tx: Tx, ctx: Context, name_or_id: str) -> ShareType:
    found = store.named(tx, name_or_id)
    if found is None or not visible(ctx, found):
        raise NotFound(noun="Share type", id=name_or_id)
    return found


def _marked(env: Env, share_type: ShareType) -> ShareType:
    """With is_default set on the configured default."""
    default = env.settings.default_share_type
    if default and default in (share_type.name, share_type.id):
        return msgspec.structs.replace(share_type, is_default=True)
    return share_type


def get(env: Env, ctx: Context, type_id: str) -> ShareType:
    with env.store.read() as tx:
        return _marked(env, load(tx, ctx, type_id))


def default(env: Env, ctx: Context) -> ShareType:
    name = env.settings.default_share_type
    if not name:
        raise NotFound("No default share type is configured; have default_share_type set.")
    with env.store.read() as tx:
        return _marked(env, resolve(tx, ctx, name))


def find(
    env: Env, ctx: Context, *, public: bool | None = True, specs: Mapping[str, str] | None = None
) -> list[ShareType]:
    """The types a caller may use.

    public=True: public ones and those its project was given; False: private ones; None: all.
    Only administrators may ask for other than True.  specs: types with all of these extra specs.
    """
    wanted = public if ctx.is_admin else True
    with env.store.read() as tx:
        found = store.all_types(tx)
    return [
        _marked(env, share_type)
        for share_type in found
        if _listed(ctx, share_type, wanted) and matches(ctx, share_type, specs or {})
    ]


def _listed(ctx: Context, share_type: ShareType, public: bool | None) -> bool:
    if public is None:
        return True
    if public:
        return share_type.is_public or ctx.project_id in share_type.projects
    return not share_type.is_public


def matches(ctx: Context, share_type: ShareType, specs: Mapping[str, str]) -> bool:
    """Whether a type says all of this; what a caller may not see, it cannot search for."""
    return all(
        (ctx.is_admin or name in type_specs.STANDARD) and _says(share_type, name, value)
        for name, value in specs.items()
    )


def _says(share_type: ShareType, name: str, value: str) -> bool:
    said = share_type.extra_specs.get(name)
    spec = type_specs.STANDARD.get(name)
    if spec is not None and spec.rule in (type_specs.BOOLEAN, type_specs.PLAIN_BOOLEAN):
        wanted = type_specs.truth(value)
        return wanted is not None and (type_specs.truth(said or "") or False) is wanted
    return said == value


# --- change ---------------------------------------------------------------------------------------
def create(
    env: Env,
    ctx: Context,
    *,
    name: str,
    extra_specs: Mapping[str, str],
    description: str | None = None,
    is_public: bool = True,
) -> ShareType:
    specs = checked(extra_specs)
    missing = [required for required in type_specs.REQUIRED if required not in specs]
    if missing:
        raise BadRequest(f"A share type needs the extra spec {missing[0]}: give True or False.")
    type_id = new_id()
    values = {
        "id": type_id,
        "name": name,
        "description": description,
        "is_public": is_public,
    }
    try:
        with env.store.transaction() as tx:
            _refuse_unknown(tx, specs)
            store.insert(tx, values, specs)
            return _marked(env, load(tx, ctx.elevated(), type_id))
    except store.NameTaken as taken:
        raise _taken(name) from taken


def _taken(name: str) -> Conflict:
    return Conflict(f"There is a share type {name!a} already; choose another name.")


def update(env: Env, ctx: Context, type_id: str, changes: Mapping[str, Any]) -> ShareType:
    """changes: name, description, is_public, as far as they are to change."""
    try:
        with env.store.transaction() as tx:
            load(tx, ctx, type_id, lock=True)
            store.update(tx, type_id, **changes)
            return _marked(env, load(tx, ctx, type_id))
    except store.NameTaken as taken:
        raise _taken(str(changes.get("name"))) from taken


def delete(env: Env, ctx: Context, type_id: str) -> None:
    with env.store.transaction() as tx:
        share_type = load(tx, ctx, type_id, lock=True)
        count = store.in_use(tx, type_id)
        if count:
            raise BadRequest(
                f"Share type {share_type.name} is in use by {count} share"
                f"{'s' if count > 1 else ''}; delete them or give them another type first."
            )
        store.delete(tx, type_id)


# --- extra specs ----------------------------------------------------------------------------------
def checked(specs: Mapping[str, str]) -> dict[str, str]:
    """The specs as they are kept; raises BadRequest if a standard one has a wrong value."""
    for name, value in specs.items():
        rule = type_specs.wrong(name, value)
        if rule is not None:
            raise BadRequest(f"Extra spec {name} is {value[:60]!a}; it must be {rule}.")
    return {name: type_specs.stored(name, value) for name, value in specs.items()}


def set_specs(env: Env, ctx: Context, type_id: str, specs: Mapping[str, str]) -> None:
    """Add or replace these."""
    with env.store.transaction() as tx:
        load(tx, ctx, type_id, lock=True)
        _refuse_unknown(tx, specs)
        store.set_specs(tx, type_id, checked(specs))


def _refuse_unknown(tx: Tx, specs: Mapping[str, str]) -> None:
    """An extra spec of a driver that runs here, and that none of its backends knows, would keep
    every share of the type from being made."""
    for name in specs:
        owned = [pool.stats.get("extra_specs") for pool in services.pools_all(tx)]
        judged = [each for each in owned if type_specs.is_owned(each, name)]
        if judged and all(type_specs.unknown(each, [name]) for each in judged):
            raise BadRequest(
                f"Extra spec {name[:60]!a}: {type_specs.refusal(judged[0], {name: ''})}."
            )


def spec(env: Env, ctx: Context, type_id: str, name: str) -> str:
    found = get(env, ctx, type_id).extra_specs.get(name)
    if found is None:
        raise _no_spec(type_id, name)
    return found


def delete_spec(
    env: Env, ctx: Context, type_id: str, name: str, *, also_required: tuple[str, ...] = ()
) -> None:
    with env.store.transaction() as tx:
        share_type = load(tx, ctx, type_id, lock=True)
        if name in (*type_specs.REQUIRED, *also_required):
            raise Forbidden(f"Extra spec {name} is required and cannot be deleted; change it.")
        if name not in share_type.extra_specs:
            raise _no_spec(type_id, name)
        store.delete_specs(tx, type_id, [name])


def _no_spec(type_id: str, name: str) -> NotFound:
    return NotFound(f"Share type {type_id} has no extra spec {name[:60]!a}.")


# --- who may use it -------------------------------------------------------------------------------
def projects(env: Env, ctx: Context, type_id: str) -> tuple[str, ...]:
    """The projects that may use a private type."""
    share_type = get(env, ctx, type_id)
    if share_type.is_public:
        raise NotFound(f"Share type {share_type.name} is public: it has no list of projects.")
    return share_type.projects


def _private(tx: Tx, ctx: Context, type_id: str) -> ShareType:
    share_type = load(tx, ctx, type_id, lock=True)
    if share_type.is_public:
        raise Conflict(
            f"Share type {share_type.name} is public: every project may use it. Make it private "
            "to say which."
        )
    return share_type


def allow(env: Env, ctx: Context, type_id: str, project_id: str) -> None:
    with env.store.transaction() as tx:
        share_type = _private(tx, ctx, type_id)
        if not store.allow(tx, type_id, project_id):
            raise Conflict(f"Project {project_id} may use share type {share_type.name} already.")


def deny(env: Env, ctx: Context, type_id: str, project_id: str) -> None:
    with env.store.transaction() as tx:
        share_type = _private(tx, ctx, type_id)
        if not store.deny(tx, type_id, project_id):
            raise NotFound(f"Project {project_id} has no access to share type {share_type.name}.")


# --- what a type means for a share ----------------------------------------------------------------
def flag(share_type: ShareType, spec: str) -> bool:
    """A boolean extra spec, in any of its spellings ('True', '<is> True', ...)."""
    return type_specs.truth(share_type.extra_specs.get(spec, "")) is True


def capabilities(share_type: ShareType) -> dict[str, bool | str | None]:
    """Columns of a new share that its type decides."""
    found: dict[str, bool | str | None] = {name: flag(share_type, name) for name in CAPABILITIES}
    found["replication_type"] = share_type.extra_specs.get("replication_type")
    return found


def zones(share_type: ShareType) -> set[str]:
    """Where shares of the type may be; empty: anywhere."""
    text = share_type.extra_specs.get("availability_zones", "")
    return {name.strip() for name in text.split(",") if name.strip()}


def check_size(share_type: ShareType, size: int, *, extending: bool = False) -> None:
    """provisioning:min_share_size, max_share_size and, for extending, max_share_extend_size."""
    least = _gib(share_type, "provisioning:min_share_size")
    most = _gib(share_type, "provisioning:max_share_size")
    if extending:
        most = _gib(share_type, "provisioning:max_share_extend_size") or most
    if least is not None and size < least:
        raise BadRequest(f"Share type {share_type.name} allows no share below {least} GiB.")
    if most is not None and size > most:
        raise BadRequest(f"Share type {share_type.name} allows no share above {most} GiB.")


def _gib(share_type: ShareType, name: str) -> int | None:
    """A size; None also if it is none, as it may be in a database that abaca did not write."""
    value = share_type.extra_specs.get(name)
    return None if value is None or type_specs.wrong(name, value) else int(value)


# what a mount point prefix may name, in braces
_OF_CALLER = ("user_id", "user_name", "project_name", "user_domain_id", "project_domain_id")


def mount_point(share_type: ShareType, ctx: Context, name: str, settings: Settings) -> str:
    """The mount point name with the prefix that its type (or the configuration) demands."""
    template = share_type.extra_specs.get(
        "provisioning:mount_point_prefix", settings.default_mount_point_prefix
    )
    prefix = template.replace("{project_id}", ctx.project_id.replace("-", ""))
    for attribute in _OF_CALLER:
        prefix = prefix.replace(f"{{{attribute}}}", getattr(ctx, attribute))
    full = prefix + name
    if not _MOUNT_POINT.fullmatch(full) or len(full) > 255:
        raise BadRequest(
            f"mount_point_name {name!r} may have letters, digits, '_' and '-' only, and with its "
            "prefix at most 255 of them."
        )
    return full
