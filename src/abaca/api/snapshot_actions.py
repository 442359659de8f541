"""What administrators do to snapshots: force delete, reset status, manage, unmanage."""

from __future__ import annotations

from abaca.api.bodies import snapshots as bodies
from abaca.api.registry import action, route
from abaca.api.request import Body as Answer
from abaca.api.request import Request
from abaca.api.schema import empty
from abaca.api.views.snapshots import SNAPSHOT
from abaca.service import snapshots as service
from abaca.service import snapshots_state

_ACTION = "/snapshots/{snapshot_id}/action"


def authorize(req: Request, snapshot_id: str) -> None:
    """Every rule of the route, for this snapshot."""
    snapshot = service.get(req.env, req.context, snapshot_id)
    for rule in req.route.policy:
        req.authorize(rule, snapshot)


@action(
    _ACTION,
    "os-force_delete",
    id="snapshots.action.os-force_delete",
    max="2.6",
    policy=("share_snapshot:force_delete", "share:delete_snapshot"),
    policy_target="snapshot",
    body=empty("os-force_delete"),
)
@action(
    _ACTION,
    "force_delete",
    id="snapshots.action.force_delete",
    min="2.7",
    policy=("share_snapshot:force_delete", "share:delete_snapshot"),
    policy_target="snapshot",
    body=empty("force_delete"),
)
def force_delete(req: Request, snapshot_id: str) -> None:
    """Delete a snapshot in any status."""
    authorize(req, snapshot_id)
    service.delete(req.env, req.context, snapshot_id, force=True)


@action(
    _ACTION,
    "os-reset_status",
    id="snapshots.action.os-reset_status",
    max="2.6",
    policy="share_snapshot:reset_status",
    policy_target="snapshot",
    body=bodies.reset_status("os-reset_status"),
)
@action(
    _ACTION,
    "reset_status",
    id="snapshots.action.reset_status",
    min="2.7",
    policy="share_snapshot:reset_status",
    policy_target="snapshot",
    body=bodies.reset_status("reset_status"),
)
def reset_status(req: Request, snapshot_id: str) -> None:
    """Set the status of a snapshot."""
    authorize(req, snapshot_id)
    snapshots_state.reset_status(req.env, req.context, snapshot_id, req.body["status"])


@action(
    _ACTION,
    "unmanage",
    id="snapshots.action.unmanage",
    min="2.12",
    policy="share_snapshot:unmanage_snapshot",
    policy_target="snapshot",
    body=empty("unmanage"),
)
def unmanage(req: Request, snapshot_id: str) -> None:
    """Forget a snapshot and leave its data on the backend."""
    authorize(req, snapshot_id)
    on_servers = req.since("2.49")
    snapshots_state.unmanage(req.env, req.context, snapshot_id, on_servers=on_servers)


@route(
    "POST",
    "/snapshots/manage",
    id="snapshots.manage",
    min="2.12",
    policy="share_snapshot:manage_snapshot",
    success=202,
    body=bodies.MANAGE,
    returns={"snapshot": SNAPSHOT},
)
def manage(req: Request) -> Answer:
    """Take over a snapshot that exists on the backend."""
    return req.one("snapshot", SNAPSHOT, snapshots_state.manage(req.env, req.context, **req.body))
