"""Roles, and who has which one where."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from abaca.identity import grants
from abaca.identity.directory import new_id
from abaca.model.errors import BadRequest, NotFound
from abaca.model.identity import Assignment, Domain, Project, Role, User
from abaca.store import identity as rows

from . import views
from .bodies import RoleBody, RoleRequest, given, name_of
from .http import Body, Call, Handler, route


def _values(body: RoleBody) -> dict[str, Any]:
    if body.domain_id is not None:
        raise BadRequest("Roles belong to no domain here; leave domain_id out.")
    return given(body, "name", "description")


@route("GET", "/v3/roles")
def list_roles(call: Call) -> Body:
    name = call.query("name")
    found = call.directory.find(Role, **({} if name is None else {"name": name}))
    if call.query("domain_id") not in (None, "", "null"):
        found = []
    return views.listed(call, "roles", views.role, found)


@route("POST", "/v3/roles")
def create_role(call: Call) -> Body:
    values = _values(call.body(RoleRequest).role)
    name_of(values)
    return {"role": views.role(call, call.directory.add(Role(id=new_id(), **values)))}


@route("GET", "/v3/roles/{role_id}")
def show_role(call: Call, role_id: str) -> Body:
    return {"role": views.role(call, call.directory.get(Role, role_id))}


@route("PATCH", "/v3/roles/{role_id}")
def update_role(call: Call, role_id: str) -> Body:
    values = _values(call.body(RoleRequest).role)
    return {"role": views.role(call, call.directory.change(Role, role_id, **values))}


@route("DELETE", "/v3/roles/{role_id}")
def delete_role(call: Call, role_id: str) -> None:
    call.directory.remove(Role, role_id)


@route("GET", "/v3/role_inferences")
def inferences(call: Call) -> Body:
    """Which role includes which."""
    by_name = {role.name: role for role in call.directory.find(Role)}
    return {
        "role_inferences": [
            {
                "prior_role": views.role(call, by_name[prior]),
                "implies": [views.role(call, by_name[name]) for name in names if name in by_name],
            }
            for prior, names in grants.IMPLIED.items()
            if prior in by_name
        ],
        "links": {"self": f"{call.base}/v3/role_inferences"},
    }


# --- /v3/projects/{id}/users/{id}/roles and the same for domains and the system -----------------
def _given(scope: str, path: dict[str, str]) -> Assignment:
    return Assignment(
        user_id=path["user_id"],
        role_id=path.get("role_id", ""),
        scope=scope,
        target_id=path.get(f"{scope}_id", rows.SYSTEM),
    )


def _lister(scope: str) -> Handler:
    def list_given(call: Call, **path: str) -> Body:
        where = _given(scope, path)
        call.directory.get(User, where.user_id)
        found = call.directory.assigned(
            user_id=where.user_id, scope=scope, target_id=where.target_id
        )
        roles = call.directory.find(Role, id=[one.role_id for one in found])
        return views.listed(call, "roles", views.role, roles)

    return list_given


def _granter(scope: str) -> Handler:
    def give(call: Call, **path: str) -> None:
        call.directory.grant(_given(scope, path))

    return give


def _checker(scope: str) -> Handler:
    def check(call: Call, **path: str) -> None:
        if not call.directory.has(_given(scope, path)):
            raise NotFound("The user does not have this role there.")

    return check


def _withdrawer(scope: str) -> Handler:
    def withdraw(call: Call, **path: str) -> None:
        call.directory.withdraw(_given(scope, path))

    return withdraw


ONE_ROLE: dict[str, Callable[[str], Handler]] = {
    "PUT": _granter,
    "GET": _checker,
    "DELETE": _withdrawer,
}
PLACES = {
    "project": "/v3/projects/{project_id}/users/{user_id}/roles",
    "domain": "/v3/domains/{domain_id}/users/{user_id}/roles",
    "system": "/v3/system/users/{user_id}/roles",
}
for _scope, _path in PLACES.items():
    route("GET", _path)(_lister(_scope))
    for _method, _make in ONE_ROLE.items():
        route(_method, _path + "/{role_id}", success=204)(_make(_scope))


# --- all of them ---------------------------------------------------------------------------------
FILTERS = {
    "user.id": ("user_id", None),
    "role.id": ("role_id", None),
    "scope.project.id": ("target_id", "project"),
    "scope.domain.id": ("target_id", "domain"),
}


@route("GET", "/v3/role_assignments")
def list_assignments(call: Call) -> Body:
    equal: dict[str, str] = {}
    for name, (column, scope) in FILTERS.items():
        if (value := call.query(name)) is not None:
            equal[column] = value
            if scope is not None:
                equal["scope"] = scope
    if call.query("scope.system") is not None:
        equal["scope"] = "system"
    found = [] if call.query("group.id") is not None else call.directory.assigned(**equal)
    names = _Names(call) if call.flag("include_names") else None
    return {
        "role_assignments": [_assignment(call, one, names) for one in found],
        "links": {"self": call.base + call.req.path, "previous": None, "next": None},
    }


class _Names:
    """Records by id, read once for a list."""

    def __init__(self, call: Call) -> None:
        find = call.directory.find
        everything: list[rows.Noun] = [*find(User), *find(Project), *find(Domain), *find(Role)]
        self.of = {one.id: one for one in everything}

    def show(self, id: str) -> dict[str, Any]:
        one = self.of.get(id)
        if one is None:
            return {"id": id}
        shown: dict[str, Any] = {"id": id, "name": one.name}
        if isinstance(one, User | Project) and (home := self.of.get(one.domain_id)):
            shown["domain"] = {"id": home.id, "name": home.name}
        return shown


def _assignment(call: Call, one: Assignment, names: _Names | None) -> dict[str, Any]:
    def show(id: str) -> dict[str, Any]:
        return names.show(id) if names else {"id": id}

    system = one.scope == "system"
    return {
        "user": show(one.user_id),
        "role": show(one.role_id),
        "scope": {one.scope: {rows.SYSTEM: True} if system else show(one.target_id)},
        "links": {},
    }
