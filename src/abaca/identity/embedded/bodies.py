"""What clients may send, apart from logins (identity/login.py)."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType

from abaca.identity.passwords import LONGEST
from abaca.model.errors import BadRequest

Name = Annotated[str, msgspec.Meta(pattern=r"\A[^\x00-\x1f\x7f]{1,255}\Z")]
Id = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9._-]{1,64}\Z")]
Text = Annotated[str, msgspec.Meta(pattern=r"\A[^\x00]{0,10000}\Z")]
Secret = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST)]
Options = dict[str, Any]


class Ref(msgspec.Struct, frozen=True):
    id: Id | None = None
    name: Name | None = None


class DomainBody(msgspec.Struct, frozen=True, omit_defaults=True):
    name: Name | UnsetType = UNSET
    description: Text | UnsetType | None = UNSET
    enabled: bool | UnsetType = UNSET
    options: Options = {}


class ProjectBody(DomainBody, frozen=True):
    domain_id: Id | UnsetType | None = UNSET
    parent_id: Id | None = None
    is_domain: bool = False
    tags: list[Any] = []


class UserBody(DomainBody, frozen=True):
    domain_id: Id | UnsetType | None = UNSET
    email: Name | UnsetType | None = UNSET
    default_project_id: Id | UnsetType | None = UNSET
    password: Secret | UnsetType | None = UNSET


class RoleBody(msgspec.Struct, frozen=True, omit_defaults=True):
    name: Name | UnsetType = UNSET
    description: Text | UnsetType | None = UNSET
    domain_id: Id | None = None
    options: Options = {}


class NewPassword(msgspec.Struct, frozen=True):
    original_password: Secret
    password: Secret


class CredentialBody(msgspec.Struct, frozen=True):
    name: Name
    description: Text | None = None
    secret: Secret | None = None
    expires_at: str | None = None
    roles: list[Ref] | None = None
    unrestricted: bool = False
    access_rules: list[Any] | None = None


class DomainRequest(msgspec.Struct, frozen=True):
    domain: DomainBody


class ProjectRequest(msgspec.Struct, frozen=True):
    project: ProjectBody


class UserRequest(msgspec.Struct, frozen=True):
    user: UserBody


class RoleRequest(msgspec.Struct, frozen=True):
    role: RoleBody


class PasswordRequest(msgspec.Struct, frozen=True):
    user: NewPassword


class CredentialRequest(msgspec.Struct, frozen=True):
    application_credential: CredentialBody


def given(body: DomainBody | RoleBody, *fields: str) -> dict[str, Any]:
    """Those of the fields that were sent.  A null description is an empty one.

    Raises BadRequest for what would have an effect in Keystone and has none here.
    """
    for name in ("options", "tags", "is_domain"):
        if getattr(body, name, None):
            raise BadRequest(f"{name} is not supported here; leave it out.")
    values = {name: getattr(body, name) for name in fields}
    values = {name: value for name, value in values.items() if value is not UNSET}
    if values.get("description", "") is None:
        values["description"] = ""
    return values


def name_of(values: dict[str, Any]) -> str:
    """The name, which a new one needs."""
    if "name" not in values:
        raise BadRequest("A name is needed.")
    return str(values["name"])
