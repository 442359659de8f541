"""Records as Keystone v3 shows them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, TypeVar

from abaca.identity.sessions import Session
from abaca.model.identity import Credential, Domain, Project, Role, User
from abaca.store.identity import SYSTEM

from .http import Call

View = dict[str, Any]
T = TypeVar("T")


def time_text(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def domain(call: Call, one: Domain) -> View:
    return {
        "id": one.id,
        "name": one.name,
        "description": one.description,
        "enabled": one.enabled,
        "tags": [],
        "options": {},
        "links": {"self": f"{call.base}/v3/domains/{one.id}"},
    }


def project(call: Call, one: Project) -> View:
    return {
        "id": one.id,
        "name": one.name,
        "domain_id": one.domain_id,
        "description": one.description,
        "enabled": one.enabled,
        "parent_id": one.domain_id,
        "is_domain": False,
        "tags": [],
        "options": {},
        "links": {"self": f"{call.base}/v3/projects/{one.id}"},
    }


def user(call: Call, one: User) -> View:
    shown: View = {
        "id": one.id,
        "name": one.name,
        "domain_id": one.domain_id,
        "description": one.description,
        "enabled": one.enabled,
        "password_expires_at": None,
        "options": {},
        "links": {"self": f"{call.base}/v3/users/{one.id}"},
    }
    if one.email is not None:
        shown["email"] = one.email
    if one.default_project_id is not None:
        shown["default_project_id"] = one.default_project_id
    return shown


def role(call: Call, one: Role) -> View:
    return {
        "id": one.id,
        "name": one.name,
        "domain_id": None,
        "description": one.description,
        "options": {},
        "links": {"self": f"{call.base}/v3/roles/{one.id}"},
    }


def credential(call: Call, one: Credential, roles: Iterable[Role]) -> View:
    path = f"/v3/users/{one.user_id}/application_credentials/{one.id}"
    return {
        "id": one.id,
        "name": one.name,
        "description": one.description,
        "project_id": one.project_id,
        "user_id": one.user_id,
        "system": None,
        "unrestricted": one.unrestricted,
        "expires_at": time_text(one.expires_at),
        "roles": [{"id": each.id, "name": each.name, "domain_id": None} for each in roles],
        "access_rules": [],
        "links": {"self": call.base + path},
    }


def listed(
    call: Call, key: str, show: Callable[[Call, T], View], records: Iterable[T]
) -> dict[str, Any]:
    """`{key: [...], links: {...}}`; everything is on the one page."""
    return {
        key: [show(call, one) for one in records],
        "links": {"self": call.base + call.req.path, "previous": None, "next": None},
    }


def token(session: Session, catalog: list[View] | None) -> View:
    """The body of a token, without the token itself."""
    claims = session.claims
    shown: View = {
        "methods": list(claims.methods),
        "user": {
            "id": session.user.id,
            "name": session.user.name,
            "domain": _short(session.user_domain),
            "password_expires_at": None,
        },
        "audit_ids": [jti for jti in (claims.jti, claims.parent) if jti],
        "issued_at": time_text(claims.issued),
        "expires_at": time_text(claims.expires),
    }
    if session.roles:
        shown["roles"] = [{"id": each.id, "name": each.name} for each in session.roles]
    if session.project and session.project_domain:
        shown["project"] = {
            "id": session.project.id,
            "name": session.project.name,
            "domain": _short(session.project_domain),
        }
        shown["is_domain"] = False
    if session.domain:
        shown["domain"] = _short(session.domain)
    if claims.scope == "system":
        shown["system"] = {SYSTEM: True}
    if session.credential:
        shown["application_credential"] = {
            "id": session.credential.id,
            "name": session.credential.name,
            "restricted": not session.credential.unrestricted,
        }
    if claims.scope and catalog is not None:
        shown["catalog"] = catalog
    return {"token": shown}


def _short(one: Domain) -> View:
    return {"id": one.id, "name": one.name}
