"""Actions on shares that are not about access: sizes, statuses, the recycle bin, revert."""

from __future__ import annotations

from abaca.api.bodies import shares as bodies
from abaca.api.registry import action
from abaca.api.request import Request, Response
from abaca.api.schema import empty
from abaca.model.shares import Share
from abaca.service import shares as service
from abaca.service import shares_resize, shares_state

PLACE = "/shares/{share_id}/action"
LAST_OS, FIRST_PLAIN = "2.6", "2.7"  # action words had the prefix os- before 2.7


def load(req: Request, share_id: str, *rules: str) -> Share:
    """The share of an action that all these rules allow."""
    share = service.get(req.env, req.context, share_id)
    for rule in rules:
        req.authorize(rule, share)
    return share


# --- sizes ----------------------------------------------------------------------------------------
@action(
    PLACE,
    "os-extend",
    id="shares.action.os-extend",
    max=LAST_OS,
    policy="share:extend",
    policy_target="share",
    body=bodies.resize("os-extend"),
)
@action(
    PLACE,
    "extend",
    id="shares.action.extend",
    min=FIRST_PLAIN,
    policy="share:extend",
    policy_target="share",
    body=bodies.resize("extend"),
)
def extend(req: Request, share_id: str) -> None:
    """Make a share larger."""
    share = load(req, share_id, "share:extend")
    force = req.body.get("force", False)
    if force:
        req.authorize("share:force_extend", share)
    beyond = req.allowed("share:extend_beyond_max_share_size_spec", share)
    new_size = req.body["new_size"]
    shares_resize.extend(req.env, req.context, share_id, new_size, beyond=beyond, force=force)


@action(
    PLACE,
    "os-shrink",
    id="shares.action.os-shrink",
    max=LAST_OS,
    policy="share:shrink",
    policy_target="share",
    body=bodies.resize("os-shrink"),
)
@action(
    PLACE,
    "shrink",
    id="shares.action.shrink",
    min=FIRST_PLAIN,
    policy="share:shrink",
    policy_target="share",
    body=bodies.resize("shrink"),
)
def shrink(req: Request, share_id: str) -> None:
    """Make a share smaller, if its data fits."""
    load(req, share_id, "share:shrink")
    shares_resize.shrink(req.env, req.context, share_id, req.body["new_size"])


@action(
    PLACE,
    "revert",
    id="shares.action.revert",
    min="2.27",
    policy="share:revert_to_snapshot",
    policy_target="share",
    body=bodies.REVERT,
)
def revert(req: Request, share_id: str) -> None:
    """Put a share back to its newest snapshot."""
    load(req, share_id, "share:revert_to_snapshot")
    shares_resize.revert(req.env, req.context, share_id, req.body["snapshot_id"])


# --- by hand --------------------------------------------------------------------------------------
@action(
    PLACE,
    "os-reset_status",
    id="shares.action.os-reset_status",
    max=LAST_OS,
    policy="share:reset_status",
    policy_target="share",
    body=bodies.reset_status("os-reset_status"),
)
@action(
    PLACE,
    "reset_status",
    id="shares.action.reset_status",
    min=FIRST_PLAIN,
    policy="share:reset_status",
    policy_target="share",
    body=bodies.reset_status("reset_status"),
)
def reset_status(req: Request, share_id: str) -> None:
    """Set the status of a share; what was going on with it is called off."""
    load(req, share_id, "share:reset_status")
    shares_state.reset_status(req.env, req.context, share_id, req.body["status"])


@action(
    PLACE,
    "reset_task_state",
    id="shares.action.reset_task_state",
    min="2.22",
    experimental=("2.22", "2.95"),
    policy=("share:reset_status", "share:reset_task_state"),
    policy_target="share",
    body=bodies.RESET_TASK_STATE,
)
def reset_task_state(req: Request, share_id: str) -> None:
    """Set the task state of a share."""
    load(req, share_id, "share:reset_status", "share:reset_task_state")
    shares_state.reset_task_state(req.env, req.context, share_id, req.body["task_state"])


@action(
    PLACE,
    "os-force_delete",
    id="shares.action.os-force_delete",
    max=LAST_OS,
    policy="share:force_delete",
    policy_target="share",
    body=empty("os-force_delete"),
)
@action(
    PLACE,
    "force_delete",
    id="shares.action.force_delete",
    min=FIRST_PLAIN,
    policy="share:force_delete",
    policy_target="share",
    body=empty("force_delete"),
)
def force_delete(req: Request, share_id: str) -> None:
    """Delete a share in any state."""
    load(req, share_id, "share:force_delete")
    service.delete(req.env, req.context, share_id, force=True)


# --- the recycle bin ------------------------------------------------------------------------------
@action(
    PLACE,
    "soft_delete",
    id="shares.action.soft_delete",
    min="2.69",
    policy="share:soft_delete",
    policy_target="share",
    body=empty("soft_delete"),
)
def soft_delete(req: Request, share_id: str) -> None:
    """Put a share into the recycle bin."""
    load(req, share_id, "share:soft_delete")
    shares_state.soft_delete(req.env, req.context, share_id)


@action(
    PLACE,
    "restore",
    id="shares.action.restore",
    min="2.69",
    also=(200,),
    policy="share:restore",
    policy_target="share",
    body=empty("restore"),
)
def restore(req: Request, share_id: str) -> Response:
    """Take a share out of the recycle bin; 200 when it is not there."""
    load(req, share_id, "share:restore")
    restored = shares_state.restore(req.env, req.context, share_id)
    return Response(status=None if restored else 200)
