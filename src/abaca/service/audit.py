"""The audit log: who did what to what, from where, and how it ended.

    record("identity.users.delete_user", result="success", actor=..., target={"user_id": ...})

Events have `logger=abaca.audit` and the action as their name.  They never contain a secret.  Text
that a client sent is shortened and escaped, so that it cannot forge lines of the log.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec
import structlog

LOGGER = "abaca.audit"
LONGEST = 128  # characters of a value
Result = Literal["success", "failure"]
_log = structlog.get_logger(LOGGER)


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """Who did it; what is not known is empty."""

    user_id: str = ""
    user_name: str = ""
    project_id: str = ""
    address: str = ""  # of the client; "local" for a command on this machine


def record(
    action: str,
    *,
    result: Result,
    actor: Actor,
    target: Mapping[str, str | None],
    request_id: str = "",
) -> None:
    """Write one event.  target: ids and names of what was acted on; None and "" are left out."""
    given = {
        "result": result,
        "request_id": request_id,
        "actor_user_id": actor.user_id,
        "actor_user_name": actor.user_name,
        "actor_project_id": actor.project_id,
        "actor_address": actor.address,
        **target,
    }
    _log.info(action, logger=LOGGER, **{name: _shown(text) for name, text in given.items() if text})


def _shown(text: str) -> str:
    shown = ascii(text[:LONGEST])[1:-1]
    return shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}..."
