"""Who there is: the nouns of the embedded identity.

Secrets (password and credential hashes) are in no record, so that none is ever shown or logged.
Times are epoch seconds.
"""

from __future__ import annotations

import msgspec


class Domain(msgspec.Struct, frozen=True, kw_only=True):
    """A space of user and project names; there is one, `default`, unless somebody adds another."""

    id: str
    name: str
    description: str = ""
    enabled: bool = True


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """What owns shares and quotas."""

    id: str
    domain_id: str
    name: str
    description: str = ""
    enabled: bool = True


class User(msgspec.Struct, frozen=True, kw_only=True):
    """Who logs in."""

    id: str
    domain_id: str
    name: str
    description: str = ""
    email: str | None = None
    enabled: bool = True
    default_project_id: str | None = None  # where a login without scope goes
    valid_after: float = 0.0  # tokens issued earlier are void


class Role(msgspec.Struct, frozen=True, kw_only=True):
    """What policy rules ask for."""

    id: str
    name: str
    description: str = ""


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """This user has this role there."""

    user_id: str
    role_id: str
    scope: str  # project, domain, system
    target_id: str  # of the project or domain; "all" for the system


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """An application credential: logs in for its user on one project with some of their roles."""

    id: str
    user_id: str
    project_id: str
    name: str
    description: str = ""
    unrestricted: bool = False  # may make and delete application credentials itself
    expires_at: float | None = None
    role_ids: tuple[str, ...] = ()
