"""Users and their passwords."""

from __future__ import annotations

from abaca.identity.login import guarded
from abaca.identity.settings import DEFAULT_DOMAIN
from abaca.model.errors import BadRequest
from abaca.model.identity import User
from abaca.store import identity as rows
from abaca.web.clients import network_of

from . import views
from .bodies import PasswordRequest, UserBody, UserRequest, given, name_of
from .http import Body, Call, Who, route
from .projects import filters

FIELDS = ("name", "description", "enabled", "email", "default_project_id")


def _password(body: UserBody) -> str | None:
    return body.password if isinstance(body.password, str) else None


@route("GET", "/v3/users")
def list_users(call: Call) -> Body:
    found = call.directory.find(User, **filters(call, "name", "domain_id", "default_project_id"))
    return views.listed(call, "users", views.user, found)


@route("POST", "/v3/users")
def create_user(call: Call) -> Body:
    body = call.body(UserRequest).user
    values = {**given(body, *FIELDS), "domain_id": body.domain_id or DEFAULT_DOMAIN}
    name = name_of(values)
    del values["name"]
    return {"user": views.user(call, call.directory.add_user(name, _password(body), **values))}


@route("GET", "/v3/users/{user_id}", who=Who.SELF)
def show_user(call: Call, user_id: str) -> Body:
    return {"user": views.user(call, call.directory.get(User, user_id))}


@route("PATCH", "/v3/users/{user_id}")
def update_user(call: Call, user_id: str) -> Body:
    body = call.body(UserRequest).user
    if body.domain_id and body.domain_id != call.directory.get(User, user_id).domain_id:
        raise BadRequest("A user cannot move to another domain.")
    values = given(body, *FIELDS)
    changed = call.directory.change_user(user_id, password=_password(body), **values)
    return {"user": views.user(call, changed)}


@route("DELETE", "/v3/users/{user_id}")
def delete_user(call: Call, user_id: str) -> None:
    call.directory.remove(User, user_id)


@route("POST", "/v3/users/{user_id}/password", who=Who.SELF)
def change_password(call: Call, user_id: str) -> None:
    """By the user, who has to know the old one."""
    body = call.body(PasswordRequest).user
    with call.identity.store.read() as tx:
        kept = rows.password_hash(tx, user_id)
    guarded(call.identity, call.address, ("user", user_id), kept, body.original_password)
    call.directory.change_user(
        user_id, password=body.password, instead_of=kept, client=network_of(call.address)
    )


@route("GET", "/v3/users/{user_id}/groups", who=Who.SELF)
def groups_of_user(call: Call, user_id: str) -> Body:
    """There are no groups; clients look all the same."""
    return {"groups": [], "links": {}}
