"""Domains and projects."""

from __future__ import annotations

from typing import Any

from abaca.identity.directory import new_id
from abaca.identity.settings import DEFAULT_DOMAIN
from abaca.model.errors import BadRequest, Forbidden
from abaca.model.identity import Domain, Project

from . import views
from .bodies import DomainRequest, ProjectBody, ProjectRequest, given, name_of
from .http import Body, Call, Who, route


def filters(call: Call, *names: str) -> dict[str, Any]:
    """The query parameters among these, as columns to compare."""
    found: dict[str, Any] = {name: call.query(name) for name in names}
    found["enabled"] = call.flag("enabled")
    return {name: value for name, value in found.items() if value is not None}


# --- domains -------------------------------------------------------------------------------------
@route("GET", "/v3/domains")
def list_domains(call: Call) -> Body:
    found = call.directory.find(Domain, **filters(call, "name"))
    return views.listed(call, "domains", views.domain, found)


@route("POST", "/v3/domains")
def create_domain(call: Call) -> Body:
    values = given(call.body(DomainRequest).domain, "name", "description", "enabled")
    name_of(values)
    return {"domain": views.domain(call, call.directory.add(Domain(id=new_id(), **values)))}


@route("GET", "/v3/domains/{domain_id}", who=Who.USER)
def show_domain(call: Call, domain_id: str) -> Body:
    _only_own(call, call.session.user.domain_id == domain_id)
    return {"domain": views.domain(call, call.directory.get(Domain, domain_id))}


@route("PATCH", "/v3/domains/{domain_id}")
def update_domain(call: Call, domain_id: str) -> Body:
    values = given(call.body(DomainRequest).domain, "name", "description", "enabled")
    if domain_id == DEFAULT_DOMAIN and values.get("enabled") is False:
        raise Forbidden("The default domain has to stay enabled: it holds the administrator.")
    return {"domain": views.domain(call, call.directory.change(Domain, domain_id, **values))}


@route("DELETE", "/v3/domains/{domain_id}")
def delete_domain(call: Call, domain_id: str) -> None:
    call.directory.remove(Domain, domain_id)


# --- projects ------------------------------------------------------------------------------------
def _values(body: ProjectBody, domain_id: str) -> dict[str, Any]:
    if body.parent_id not in (None, domain_id):
        raise BadRequest("Projects cannot be inside projects here; leave parent_id out.")
    return given(body, "name", "description", "enabled")


@route("GET", "/v3/projects")
def list_projects(call: Call) -> Body:
    nested = call.query("parent_id")  # projects are directly below their domain
    equal = filters(call, "name", "domain_id")
    found = call.directory.find(Project, **equal)
    if nested is not None:
        found = [one for one in found if one.domain_id == nested]
    if call.flag("is_domain"):
        found = []
    return views.listed(call, "projects", views.project, found)


@route("POST", "/v3/projects")
def create_project(call: Call) -> Body:
    body = call.body(ProjectRequest).project
    domain_id = body.domain_id or DEFAULT_DOMAIN
    values = _values(body, domain_id)
    name_of(values)
    record = Project(id=new_id(), domain_id=domain_id, **values)
    return {"project": views.project(call, call.directory.add(record))}


@route("GET", "/v3/projects/{project_id}", who=Who.USER)
def show_project(call: Call, project_id: str) -> Body:
    mine = call.session.project is not None and call.session.project.id == project_id
    _only_own(call, mine or _member(call, project_id))
    return {"project": views.project(call, call.directory.get(Project, project_id))}


@route("PATCH", "/v3/projects/{project_id}")
def update_project(call: Call, project_id: str) -> Body:
    body = call.body(ProjectRequest).project
    domain_id = call.directory.get(Project, project_id).domain_id
    if body.domain_id and body.domain_id != domain_id:
        raise BadRequest("A project cannot move to another domain.")
    values = _values(body, domain_id)
    return {"project": views.project(call, call.directory.change(Project, project_id, **values))}


@route("DELETE", "/v3/projects/{project_id}")
def delete_project(call: Call, project_id: str) -> None:
    call.directory.remove(Project, project_id)


@route("GET", "/v3/users/{user_id}/projects", who=Who.SELF)
def projects_of_user(call: Call, user_id: str) -> Body:
    found = call.directory.projects_of(user_id)
    return views.listed(call, "projects", views.project, found)


def _member(call: Call, project_id: str) -> bool:
    user_id = call.session.user.id
    return bool(call.directory.assigned(user_id=user_id, scope="project", target_id=project_id))


def _only_own(call: Call, own: bool) -> None:
    if not (own or call.session.is_admin):
        raise Forbidden("This needs the admin role.")
