"""Who asks for something, on whose behalf, and with which rights."""

from __future__ import annotations

import msgspec

from .ids import new_id


def new_request_id() -> str:
    return f"req-{new_id()}"


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """One caller of one request; crosses every layer unchanged."""

    user_id: str = ""
    project_id: str = ""
    roles: tuple[str, ...] = ()
    is_admin: bool = False  # decided by policy rule context_is_admin, once
    request_id: str = msgspec.field(default_factory=new_request_id)
    user_name: str = ""
    project_name: str = ""
    user_domain_id: str = "default"
    project_domain_id: str = "default"
    system_scope: str = ""  # "all" when the token is system scoped
    service_roles: tuple[str, ...] = ()

    def elevated(self) -> Context:
        """The same caller with admin rights, for work abaca does on its behalf."""
        return msgspec.structs.replace(self, is_admin=True)


def system_context() -> Context:
    """The context of work that no user asked for (periodic tasks, recovery)."""
    return Context(is_admin=True, roles=("admin",))
