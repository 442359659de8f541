"""Use cases on users, projects, roles and application credentials.

Shared by the identity API and the `abaca user` and `abaca project` commands.  Each is one
transaction; passwords are hashed before it begins.
"""

from __future__ import annotations

import math
import time
import uuid
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa

from abaca.model.errors import BadRequest, Conflict, Forbidden, NotFound, Unauthorized
from abaca.model.identity import Assignment, Credential, Domain, Project, Role, User
from abaca.store import identity as rows
from abaca.store.engine import Store, Tx
from abaca.store.schema import shares

from . import grants
from .passwords import Passwords
from .settings import DEFAULT_DOMAIN

Found = TypeVar("Found", bound=rows.Noun)
SCOPES: dict[str, type[Project] | type[Domain]] = {"project": Project, "domain": Domain}
LONGEST_NAME = 255
MOST_CREDENTIALS = 100  # application credentials of one user
BOOTSTRAP_ROLES = ("admin", "manager", "member", "reader", "service")


class Directory:
    """Everybody and everything that identity knows."""

    def __init__(self, store: Store, passwords: Passwords) -> None:
        self.store = store
        self.passwords = passwords

    # any noun

    def get(self, kind: type[Found], id: str) -> Found:
        """Raises NotFound."""
        with self.store.read() as tx:
            return must(tx, kind, id)

    def find(self, kind: type[Found], **equal: Any) -> list[Found]:
        with self.store.read() as tx:
            return rows.find(tx, kind, **equal)

    def resolve(self, kind: type[Found], name_or_id: str, **equal: str) -> Found:
        """The one of this id or name.  Raises NotFound."""
        with self.store.read() as tx:
            found = rows.get(tx, kind, name_or_id) or rows.named(tx, kind, name_or_id, **equal)
        if found is None:
            raise NotFound(noun=kind.__name__, id=name_or_id)
        return found

    def add(self, record: Found, **secrets: str | None) -> Found:
        """Raises Conflict if the name is taken, NotFound if what it refers to is not there."""
        with self.store.transaction() as tx:
            _check_references(tx, record)
            _check_name(tx, record)
            rows.insert(tx, record, **secrets)
        return record

    def change(self, kind: type[Found], id: str, **values: Any) -> Found:
        """Raises NotFound, Conflict."""
        with self.store.transaction() as tx:
            old = must(tx, kind, id)
            new = msgspec.structs.replace(old, **values)
            _check_references(tx, new)
            if new.name != old.name:
                _check_renamable(old)
                _check_name(tx, new)
            rows.update(tx, kind, id, **values)
        return new

    def remove(self, kind: type[Found], id: str) -> None:
        """Raises NotFound, and Conflict for what must stay."""
        with self.store.transaction() as tx:
            record = must(tx, kind, id)
            _check_removable(tx, record)
            rows.delete(tx, kind, id)

    # users

    def add_user(self, name: str, password: str | None, **values: Any) -> User:
        user = User(id=new_id(), name=name, **{"domain_id": DEFAULT_DOMAIN, **values})
        kept = None if password is None else self.passwords.hash(password)
        return self.add(user, password_hash=kept)

    def change_user(
        self,
        id: str,
        *,
        password: str | None = None,
        instead_of: str | None = None,
        client: str = "",
        **values: Any,
    ) -> User:
        """A new password, or disabling the user, ends every token of theirs, and those that are
        being made at this moment.

        instead_of: the hash of the old password, which must still be there.  client: for whom the
        new one is hashed.
        """
        secrets = {}
        if password is not None:
            secrets["password_hash"] = self.passwords.hash(password, client)
        with self.store.transaction() as tx:
            old = must(tx, User, id)
            if instead_of is not None and rows.password_hash(tx, id) != instead_of:
                raise Unauthorized("The password was changed meanwhile; log in again.")
            if secrets or values.get("enabled") is False:
                values["valid_after"] = max(time.time(), math.nextafter(old.valid_after, math.inf))
            new = msgspec.structs.replace(old, **values)
            if new.name != old.name:
                _check_name(tx, new)
            _check_references(tx, new)
            rows.update(tx, User, id, **values, **secrets)
        return new

    # roles

    def grant(self, given: Assignment) -> None:
        """Raises NotFound if the user, the role or the target is not there."""
        with self.store.transaction() as tx:
            _check_assignment(tx, given)
            rows.grant(tx, given)

    def withdraw(self, given: Assignment) -> None:
        with self.store.transaction() as tx:
            if not rows.withdraw(tx, given):
                raise NotFound(
                    f"The user {given.user_id} does not have role {given.role_id} there."
                )

    def triple(self, user: str, project: str, role: str) -> tuple[User, Project, Role]:
        """These three by name or id."""
        return self.resolve(User, user), self.resolve(Project, project), self.resolve(Role, role)

    def grant_on(self, user: User, project: Project, role: Role) -> None:
        self.grant(_on(user, project, role))

    def withdraw_on(self, user: User, project: Project, role: Role) -> None:
        self.withdraw(_on(user, project, role))

    def has(self, given: Assignment) -> bool:
        with self.store.read() as tx:
            return bool(rows.assigned(tx, **msgspec.structs.asdict(given)))

    def assigned(self, **equal: str) -> list[Assignment]:
        with self.store.read() as tx:
            return rows.assigned(tx, **equal)

    def projects_of(self, user_id: str) -> list[Project]:
        """The enabled projects on which the user has a role."""
        with self.store.read() as tx:
            ids = {one.target_id for one in rows.assigned(tx, user_id=user_id, scope="project")}
            return rows.find(tx, Project, id=sorted(ids), enabled=True)

    def shares_of(self, project_id: str) -> int:
        """How many shares the project has."""
        count = sa.select(sa.func.count()).where(shares.c.project_id == project_id)
        with self.store.read() as tx:
            return int(tx.scalar(count.select_from(shares)))

    # application credentials

    def add_credential(self, credential: Credential, secret: str | None) -> tuple[str, Credential]:
        """The secret, made here unless given, and the record.

        Raises BadRequest if the user does not have one of the roles on the project, Forbidden if
        the user has MOST_CREDENTIALS.
        """
        if secret is None:
            secret, kept = self.passwords.generate()
        else:
            kept = self.passwords.hash(secret)
        with self.store.transaction() as tx:
            _check_name(tx, credential)
            _check_room(tx, credential)
            have = {
                role.id
                for role in effective_roles(
                    tx, credential.user_id, "project", credential.project_id
                )
            }
            if extra := set(credential.role_ids) - have:
                raise BadRequest(f"You do not have role {min(extra)} on this project yourself.")
            rows.insert(tx, credential, secret_hash=kept)
        return secret, credential

    # start

    def bootstrap(self, password: str) -> User:
        """Domain default, the roles, project admin and user admin with every right; idempotent.

        An admin who is there already keeps their password.
        """
        kept = self.passwords.hash(password)
        with self.store.transaction() as tx:
            if rows.get(tx, Domain, DEFAULT_DOMAIN) is None:
                rows.insert(tx, Domain(id=DEFAULT_DOMAIN, name="Default"))
            for name in BOOTSTRAP_ROLES:
                if rows.named(tx, Role, name) is None:
                    rows.insert(tx, Role(id=new_id(), name=name))
            project = rows.named(tx, Project, "admin", domain_id=DEFAULT_DOMAIN)
            if project is None:
                project = Project(id=new_id(), domain_id=DEFAULT_DOMAIN, name="admin")
                rows.insert(tx, project)
            user = rows.named(tx, User, "admin", domain_id=DEFAULT_DOMAIN)
            if user is None:
                user = User(
                    id=new_id(),
                    domain_id=DEFAULT_DOMAIN,
                    name="admin",
                    default_project_id=project.id,
                )
                rows.insert(tx, user, password_hash=kept)
                _make_admin(tx, user, project)
        return user


def _on(user: User, project: Project, role: Role) -> Assignment:
    return Assignment(user_id=user.id, role_id=role.id, scope="project", target_id=project.id)


def new_id() -> str:
    return uuid.uuid4().hex


def must(tx: Tx, kind: type[Found], id: str) -> Found:
    """Raises NotFound."""
    found = rows.get(tx, kind, id)
    if found is None:
        raise NotFound(noun=kind.__name__, id=id)
    return found


def effective_roles(tx: Tx, user_id: str, scope: str, target_id: str) -> list[Role]:
    """The roles the user has there, with those they imply, by name."""
    given = rows.assigned(tx, user_id=user_id, scope=scope, target_id=target_id)
    if not given:
        return []
    everything = rows.find(tx, Role)
    direct = {one.role_id for one in given}
    names = grants.expand(tuple(role.name for role in everything if role.id in direct))
    return [role for role in everything if role.id in direct or role.name in names]


def _make_admin(tx: Tx, user: User, project: Project) -> None:
    role = rows.named(tx, Role, "admin")
    assert role is not None
    for scope, target in (("project", project.id), ("system", rows.SYSTEM)):
        rows.grant(tx, Assignment(user_id=user.id, role_id=role.id, scope=scope, target_id=target))


def _check_references(tx: Tx, record: rows.Noun) -> None:
    if isinstance(record, Project | User):
        must(tx, Domain, record.domain_id)
    if isinstance(record, User) and record.default_project_id is not None:
        must(tx, Project, record.default_project_id)


def _check_name(tx: Tx, record: rows.Noun) -> None:
    if not (1 <= len(record.name) <= LONGEST_NAME and record.name.isprintable()):
        raise BadRequest("A name has 1 to 255 characters, all of them printable.")
    space = {}
    if isinstance(record, Project | User):
        space = {"domain_id": record.domain_id}
    elif isinstance(record, Credential):
        space = {"user_id": record.user_id}
    if rows.named(tx, type(record), record.name, **space) is not None:
        raise Conflict(f"There is a {type(record).__name__.lower()} named {record.name} already.")


def _check_room(tx: Tx, credential: Credential) -> None:
    if rows.credentials_of(tx, credential.user_id) >= MOST_CREDENTIALS:
        raise Forbidden(
            f"The user has {MOST_CREDENTIALS} application credentials, which is the most; delete "
            "one that is not used."
        )


def _check_renamable(record: rows.Noun) -> None:
    if isinstance(record, Role) and record.name in BOOTSTRAP_ROLES:
        raise Conflict(f"Role {record.name} is used by the policy rules and keeps its name.")


def _check_removable(tx: Tx, record: rows.Noun) -> None:
    if isinstance(record, Role) and record.name in BOOTSTRAP_ROLES:
        raise Conflict(f"Role {record.name} is used by the policy rules and has to stay.")
    if not isinstance(record, Domain):
        return
    if record.id == DEFAULT_DOMAIN:
        raise Conflict("The default domain has to stay.")
    if record.enabled:
        raise Conflict("The domain is enabled; disable it before deleting it.")
    inside = (
        *rows.find(tx, Project, domain_id=record.id),
        *rows.find(tx, User, domain_id=record.id),
    )
    if inside:
        raise Conflict("The domain has projects or users; delete them first.")


def _check_assignment(tx: Tx, given: Assignment) -> None:
    must(tx, User, given.user_id)
    must(tx, Role, given.role_id)
    if given.scope in SCOPES:
        kind = SCOPES[given.scope]
        if rows.get(tx, kind, given.target_id) is None:
            raise NotFound(noun=kind.__name__, id=given.target_id)
