"""Use cases of services: the processes that serve backends, and whether shares are placed there."""

from __future__ import annotations

import msgspec

from abaca.model.context import Context
from abaca.model.errors import Conflict, NotFound
from abaca.model.operations import lock_key
from abaca.model.services import Service, is_up
from abaca.store import services as store

from .env import Env, Settings, enqueue

SHARE_BINARY = "manila-share"


class Seen(msgspec.Struct, frozen=True):
    """A service and how it is right now."""

    service: Service
    state: str  # up down stopped

    @property
    def status(self) -> str:
        return "disabled" if self.service.disabled else "enabled"

    @property
    def reason(self) -> str | None:
        """Why nothing is placed there: an administrator's words, or those of its backend."""
        return self.service.disabled_reason or self.service.problem


def seen(service: Service, settings: Settings) -> Seen:
    if service.stopped:
        return Seen(service, "stopped")
    return Seen(service, "up" if is_up(service, settings.service_down_time) else "down")


def find(env: Env, ctx: Context) -> list[Seen]:
    with env.store.read() as tx:
        return [seen(service, env.settings) for service in store.services_all(tx)]


def set_disabled(
    env: Env, ctx: Context, host: str, binary: str, disabled: bool, reason: str | None = None
) -> Seen:
    """Disabled: nothing new is placed there.  The reason goes when it is enabled again."""
    with env.store.transaction() as tx:
        found = store.service(tx, host, binary)
        if found is None:
            raise NotFound(f"There is no service {binary[:60]!a} on host {host[:60]!a}.")
        why = reason if disabled else None
        store.update_service(tx, found.id, disabled=disabled, disabled_reason=why)
        changed = msgspec.structs.replace(found, disabled=disabled, disabled_reason=why)
        return seen(changed, env.settings)


def ensure_shares(env: Env, ctx: Context, host: str) -> None:
    """Have the backend look after all its shares again, whether or not its setup has changed."""
    with env.store.transaction() as tx:
        found = store.service(tx, host, SHARE_BINARY)
        if found is None:
            raise NotFound(f"There is no service {SHARE_BINARY} on host {host[:60]!a}.")
        state = seen(found, env.settings).state
        if state != "up":
            why = f": {found.problem}" if found.problem else "; start it first."
            raise Conflict(f"Service {SHARE_BINARY} on {host} is {state}{why}")
        enqueue(
            tx,
            ctx,
            "ensure_driver_resources",
            host=host,
            lock_key=lock_key(f"ensure:{host}"),
            resource=("SERVICE", str(found.id)),
            project_id=ctx.project_id,
            payload={"skip_backend_info_check": True},
        )
