"""Tokens: get, look at, end."""

from __future__ import annotations

import time

from abaca.identity.login import AuthRequest, login
from abaca.identity.sessions import Session
from abaca.model.errors import BadRequest, Forbidden, NotFound, Unauthorized
from abaca.model.identity import Domain
from abaca.store import identity as rows

from . import views
from .discovery import catalog
from .http import Answer, Body, Call, Who, route


@route("POST", "/v3/auth/tokens", who=Who.ANYONE)
def create(call: Call) -> Answer:
    asked = call.body(AuthRequest).auth
    token, session = login(call.identity, asked, call.address)
    call.known = session
    return Answer(_shown(call, session), headers={"X-Subject-Token": token})


@route("GET", "/v3/auth/tokens", who=Who.USER)
def show(call: Call) -> Answer:
    token, session = _subject(call)
    return Answer(_shown(call, session), headers={"X-Subject-Token": token})


@route("DELETE", "/v3/auth/tokens", who=Who.USER)
def revoke(call: Call) -> None:
    _, session = _subject(call)
    claims = session.claims
    with call.identity.store.transaction() as tx:
        rows.revoke(tx, claims.jti, claims.expires, time.time())


def _shown(call: Call, session: Session) -> Body:
    return views.token(session, None if call.flag("nocatalog") else catalog(call))


def _subject(call: Call) -> tuple[str, Session]:
    """The token that is asked about: one's own, or for admins and services anyone's."""
    token = call.req.get_header("X-Subject-Token")
    if not token:
        raise BadRequest("The request needs a token in the header X-Subject-Token.")
    privileged = call.session.is_admin or "service" in call.session.role_names
    try:
        session = call.identity.sessions.open(token)
    except Unauthorized as error:
        raise NotFound(error.message) from None
    if session.user.id != call.session.user.id and not privileged:
        raise Forbidden("This token belongs to somebody else.")
    return token, session


@route("GET", "/v3/auth/projects", who=Who.USER)
def projects(call: Call) -> Body:
    found = call.directory.projects_of(call.session.user.id)
    return views.listed(call, "projects", views.project, found)


@route("GET", "/v3/auth/domains", who=Who.USER)
def domains(call: Call) -> Body:
    given = call.directory.assigned(user_id=call.session.user.id, scope="domain")
    ids = sorted({one.target_id for one in given})
    found = call.directory.find(Domain, id=ids, enabled=True)
    return views.listed(call, "domains", views.domain, found)


@route("GET", "/v3/auth/system", who=Who.USER)
def system(call: Call) -> Body:
    given = call.directory.assigned(user_id=call.session.user.id, scope="system")
    return {"system": [{rows.SYSTEM: True}] if given else [], "links": {}}
