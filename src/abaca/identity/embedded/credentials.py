"""Application credentials: how programs log in without anybody's password."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from abaca.identity.directory import new_id
from abaca.model.errors import BadRequest, Forbidden, NotFound
from abaca.model.identity import Credential, Role

from . import views
from .bodies import CredentialBody, CredentialRequest
from .http import Body, Call, Who, route

LATEST = 253_370_764_800.0  # the start of the year 9999
PATH = "/v3/users/{user_id}/application_credentials"


@route("GET", PATH, who=Who.SELF)
def list_credentials(call: Call, user_id: str) -> Body:
    name = call.query("name")
    equal = {"user_id": user_id, **({} if name is None else {"name": name})}
    return views.listed(
        call, "application_credentials", _show, call.directory.find(Credential, **equal)
    )


@route("GET", PATH + "/{credential_id}", who=Who.SELF)
def show_credential(call: Call, user_id: str, credential_id: str) -> Body:
    return {"application_credential": _show(call, _own(call, user_id, credential_id))}


@route("POST", PATH, who=Who.SELF)
def create_credential(call: Call, user_id: str) -> Body:
    """For oneself, on the project of the token, with roles of the token."""
    _unrestricted(call)
    session = call.session
    if user_id != session.user.id:
        raise Forbidden("Application credentials are made by their own user.")
    if session.project is None:
        raise BadRequest("An application credential needs a token with a project.")
    body = call.body(CredentialRequest).application_credential
    if body.access_rules:
        raise BadRequest("access_rules are not supported here; leave them out.")
    record = Credential(
        id=new_id(),
        user_id=user_id,
        project_id=session.project.id,
        name=body.name,
        description=body.description or "",
        unrestricted=body.unrestricted,
        expires_at=_expiry(body.expires_at),
        role_ids=_roles(call, body),
    )
    secret, record = call.directory.add_credential(record, body.secret)
    return {"application_credential": {**_show(call, record), "secret": secret}}


@route("DELETE", PATH + "/{credential_id}", who=Who.SELF)
def delete_credential(call: Call, user_id: str, credential_id: str) -> None:
    _unrestricted(call)
    _own(call, user_id, credential_id)
    call.directory.remove(Credential, credential_id)


@route("GET", "/v3/users/{user_id}/access_rules", who=Who.SELF)
def list_access_rules(call: Call, user_id: str) -> Body:
    """There are none; clients look all the same."""
    return {"access_rules": [], "links": {}}


def _show(call: Call, one: Credential) -> views.View:
    return views.credential(call, one, call.directory.find(Role, id=list(one.role_ids)))


def _own(call: Call, user_id: str, credential_id: str) -> Credential:
    found = call.directory.get(Credential, credential_id)
    if found.user_id != user_id:
        raise NotFound(noun="Credential", id=credential_id)
    return found


def _unrestricted(call: Call) -> None:
    """A leaked credential must not make others that outlive it."""
    credential = call.session.credential
    if credential is not None and not credential.unrestricted:
        raise Forbidden("This application credential may not manage application credentials.")


def _roles(call: Call, body: CredentialBody) -> tuple[str, ...]:
    """The ids of the roles asked for; all of the token's by default."""
    have = {role.id: role for role in call.session.roles}
    if body.roles is None:
        return tuple(have)
    by_name = {role.name: role.id for role in have.values()}
    ids = [ref.id or by_name.get(ref.name or "", "") for ref in body.roles]
    if not ids or not set(ids) <= set(have):
        raise BadRequest("roles must be some of the roles of your token, by id or name.")
    return tuple(dict.fromkeys(ids))


def _expiry(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        seconds = moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError, OSError):
        raise BadRequest("expires_at must look like 2031-12-31T23:59:59.") from None
    if not time.time() < seconds < LATEST:
        raise BadRequest("expires_at must be in the future, before the year 9999.")
    return seconds
