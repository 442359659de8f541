"""Use cases of drift: the report, repairs, and adopting what no row speaks of."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import groupby

import msgspec

from abaca.model.context import Context
from abaca.model.drift import EXTRA, KINDS, Finding, Look
from abaca.model.errors import BadRequest, Conflict, NotFound
from abaca.operations import enqueue as on_record
from abaca.store import drift as store
from abaca.store import services as service_store
from abaca.store import shares as share_store
from abaca.store.engine import Tx
from abaca.store.paging import Page

from . import manage, snapshots_state
from .env import Env

ID_LENGTH = 36


class Report(msgspec.Struct, frozen=True):
    """A page of what differs, and when each backend was looked at."""

    findings: list[Finding]
    looks: list[Look]


class Step(msgspec.Struct, frozen=True):
    """What is done about a finding, or would be."""

    finding: Finding
    operation_id: int | None = None  # None: nothing, it is a dry run or no repair is known


def find(env: Env, ctx: Context, host: str | None = None, page: Page | None = None) -> Report:
    """As of the last look at each backend.  page: None: all."""
    with env.store.read() as tx:
        looks = [each for each in store.looks(tx) if host in (None, each.host)]
        return Report(store.find(tx, host=host, page=page), looks)


def repair(
    env: Env,
    ctx: Context,
    *,
    ids: Collection[str] | None = None,
    host: str | None = None,
    dry_run: bool = True,
) -> list[Step]:
    """Repair these findings, or all (of a host); what has no row is adopted, not repaired.

    A dry run changes nothing.  NotFound for an id that is none (any more).
    """
    with env.store.transaction() as tx:
        found = store.find(tx, host=host, ids=ids)
        lost = sorted(set(ids or ()) - {finding.id for finding in found})
        if lost:
            raise NotFound(noun="Finding", id=lost[0][:60])
        started = {} if dry_run else enqueue_repairs(tx, ctx, found)
        return [Step(finding, started.get(finding.id)) for finding in found]


def enqueue_repairs(tx: Tx, ctx: Context, found: Iterable[Finding]) -> dict[str, int]:
    """One operation for each resource, on record for its project; by finding."""
    repairable = sorted((f for f in found if f.kind != EXTRA), key=_resource)
    projects = store.projects(tx, [f.resource_id for f in repairable if f.resource_id])
    started: dict[str, int] = {}
    for (lock_key, kind, resource_id), group in groupby(repairable, key=_resource):
        first, *more = group
        ids = [first.id, *(finding.id for finding in more)]
        op_id = on_record.enqueue(
            tx,
            "repair_drift",
            host=first.host,
            lock_key=lock_key,
            resource_type=kind,
            resource_id=resource_id,
            ctx=ctx,
            project_id=projects.get(resource_id),
            payload={"findings": ids, "instance_id": first.backend_id},
        )
        started.update(dict.fromkeys(ids, op_id))
    return started


def _resource(finding: Finding) -> tuple[str, str, str]:
    return finding.lock_key, finding.resource_type, (finding.resource_id or finding.backend_id)[:64]


class Adoption(msgspec.Struct, frozen=True, kw_only=True):
    """What an administrator says of something that no row speaks of."""

    name: str | None = None
    share_type: str | None = None  # id or name; None: the default one
    project_id: str | None = None  # None: the administrator's
    pool: str | None = None  # None: as the driver said, or the only one
    dry_run: bool = True


class Adopted(msgspec.Struct, frozen=True):
    """What became of it; resource_id None: a dry run."""

    finding: Finding
    host: str
    project_id: str
    resource_id: str | None = None


def adopt(env: Env, ctx: Context, finding_id: str, given: Adoption) -> Adopted:
    """Give it a row under the id that it has on the backend: it is managed, without rules."""
    with env.store.read() as tx:
        finding = store.get(tx, finding_id)
        if finding is None:
            raise NotFound(noun="Finding", id=finding_id[:60])
        if finding.kind != EXTRA:
            sentence = KINDS[finding.kind].sentence
            raise BadRequest(f"Only what has no row is adopted; repair this one: {sentence}.")
        if len(finding.backend_id) > ID_LENGTH:
            raise BadRequest(f"{finding.backend_id[:60]!a} is no id that abaca has given.")
        host = f"{finding.host}#{_pool(tx, finding, given)}"
        parent = finding.detail.get("share_id")
        instance = share_store.instance(tx, parent) if parent else None
        if finding.resource_type == "SNAPSHOT" and instance is None:
            raise Conflict(f"The share {parent} of this snapshot has no row; adopt it first.")
    project = given.project_id or ctx.project_id
    plan = Adopted(finding, host, project)
    if given.dry_run:
        return plan
    owner = msgspec.structs.replace(ctx, project_id=project)
    if instance is not None and finding.resource_type == "SNAPSHOT":
        made = _adopt_snapshot(env, owner, finding, given, instance.share_id)
    else:
        made = _adopt_share(env, owner, finding, given, host)
    return msgspec.structs.replace(plan, resource_id=made)


def _pool(tx: Tx, finding: Finding, given: Adoption) -> str:
    told = given.pool or finding.detail.get("pool")
    hosts = (pool.host.partition("#") for pool in service_store.pools_all(tx))
    pools = [name for backend, _, name in hosts if backend == finding.host]
    if told in pools:
        return str(told)
    if told or len(pools) != 1:
        listed = ", ".join(pools) or "none"
        raise BadRequest(f"{finding.host} has the pools {listed}; say which one holds it: pool.")
    return pools[0]


def _adopt_share(env: Env, ctx: Context, finding: Finding, given: Adoption, host: str) -> str:
    wanted = manage.Managed(
        export_path=finding.detail.get("path") or finding.backend_id,
        host=host,
        share_proto=finding.detail.get("proto") or "NFS",
        name=given.name,
        share_type=given.share_type,
        instance_id=finding.backend_id,
    )
    return manage.manage(env, ctx, wanted).id


def _adopt_snapshot(
    env: Env, ctx: Context, finding: Finding, given: Adoption, share_id: str
) -> str:
    location = finding.detail.get("path") or finding.backend_id
    return snapshots_state.manage(
        env, ctx, share_id, location, name=given.name, instance_id=finding.backend_id
    ).id
