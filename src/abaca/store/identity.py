"""Tables and queries of the embedded identity.

Five nouns of one shape (domain, project, user, role, application credential) share `get`, `find`,
`insert`, `update`, `delete`; the record's type says which table.  Every change moves the
generation on: processes that keep checked tokens in memory compare it and forget them.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa
from sqlalchemy import Boolean, Column, Float, ForeignKey, Index, Integer, String, Table, Text

from abaca.model.identity import Assignment, Credential, Domain, Project, Role, User

from .engine import Tx
from .fixed import Fixed
from .schema import metadata

Noun = Domain | Project | User | Role | Credential
Record = TypeVar("Record", bound=Noun)
SYSTEM = "all"  # target of a role on the whole system


def _id(name: str, *args: Any, **options: Any) -> Column[str]:
    return Column(name, String(64), *args, nullable=False, **options)


domains = Table(
    "identity_domains",
    metadata,
    _id("id", primary_key=True),
    Column("name", String(255), nullable=False, unique=True),
    Column("description", Text, nullable=False),
    Column("enabled", Boolean, nullable=False),
)

projects = Table(
    "identity_projects",
    metadata,
    _id("id", primary_key=True),
    _id("domain_id", ForeignKey("identity_domains.id")),
    Column("name", String(255), nullable=False),
    Column("description", Text, nullable=False),
    Column("enabled", Boolean, nullable=False),
)
Index("uq_identity_projects_name", projects.c.domain_id, projects.c.name, unique=True)

users = Table(
    "identity_users",
    metadata,
    _id("id", primary_key=True),
    _id("domain_id", ForeignKey("identity_domains.id")),
    Column("name", String(255), nullable=False),
    Column("description", Text, nullable=False),
    Column("email", String(255)),
    Column("enabled", Boolean, nullable=False),
    Column("default_project_id", String(64)),
    Column("valid_after", Float, nullable=False),
    Column("password_hash", String(255)),  # argon2; NULL: this user cannot log in by password
)
Index("uq_identity_users_name", users.c.domain_id, users.c.name, unique=True)

roles = Table(
    "identity_roles",
    metadata,
    _id("id", primary_key=True),
    Column("name", String(255), nullable=False, unique=True),
    Column("description", Text, nullable=False),
)

assignments = Table(
    "identity_assignments",
    metadata,
    _id("user_id", ForeignKey("identity_users.id", ondelete="CASCADE"), primary_key=True),
    Column("scope", String(8), primary_key=True),
    _id("target_id", primary_key=True),
    _id("role_id", ForeignKey("identity_roles.id", ondelete="CASCADE"), primary_key=True),
)
Index("ix_identity_assignments_target", assignments.c.target_id)

credentials = Table(
    "identity_credentials",
    metadata,
    _id("id", primary_key=True),
    _id("user_id", ForeignKey("identity_users.id", ondelete="CASCADE")),
    _id("project_id", ForeignKey("identity_projects.id", ondelete="CASCADE")),
    Column("name", String(255), nullable=False),
    Column("description", Text, nullable=False),
    Column("unrestricted", Boolean, nullable=False),
    Column("expires_at", Float),
    Column("role_ids", Text, nullable=False),  # JSON list
    Column("secret_hash", String(255), nullable=False),
)
Index("uq_identity_credentials_name", credentials.c.user_id, credentials.c.name, unique=True)

revocations = Table(  # single tokens ended before their time
    "identity_revocations",
    metadata,
    _id("jti", primary_key=True),
    Column("expires_at", Float, nullable=False),  # when the row has done its duty
)

generations = Table(  # one row: how many changes there were
    "identity_generation",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("value", Integer, nullable=False),
)

keys = Table(  # token keys, where no key file is set
    "identity_keys",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("secret", String(64), nullable=False),  # hex
)

_TABLES: dict[type, Table] = {
    Domain: domains,
    Project: projects,
    User: users,
    Role: roles,
    Credential: credentials,
}
_COLUMNS: dict[type, list[Column[Any]]] = {
    kind: [_TABLES[kind].c[field] for field in kind.__struct_fields__]  # type: ignore[attr-defined]
    for kind in _TABLES
}


# --- the five nouns -----------------------------------------------------------------------------
def get(tx: Tx, kind: type[Record], id: str) -> Record | None:
    return _one(tx, kind, _TABLES[kind].c.id == id)


def named(tx: Tx, kind: type[Record], name: str, **equal: str) -> Record | None:
    """The one of this name, in the domain or of the user given."""
    table = _TABLES[kind]
    where = [table.c.name == name, *(table.c[key] == value for key, value in equal.items())]
    return _one(tx, kind, sa.and_(*where))


def find(tx: Tx, kind: type[Record], **equal: Any) -> list[Record]:
    """Those whose columns equal these values (a list: one of them), by name."""
    table = _TABLES[kind]
    stmt = sa.select(*_COLUMNS[kind]).order_by(table.c.name, table.c.id)
    for key, value in equal.items():
        column = table.c[key]
        stmt = stmt.where(column.in_(value) if isinstance(value, list) else column == value)
    return [_record(kind, row) for row in tx.all(stmt)]


def insert(tx: Tx, record: Record, **secrets: str | None) -> None:
    """secrets: password_hash of a user, secret_hash of a credential."""
    values = msgspec.structs.asdict(record)
    if isinstance(record, Credential):
        values["role_ids"] = msgspec.json.encode(record.role_ids).decode()
    tx.run(_TABLES[type(record)].insert(), {**values, **secrets})
    changed(tx)


def update(tx: Tx, kind: type[Record], id: str, **values: Any) -> bool:
    """Whether there was one."""
    if not values:
        return get(tx, kind, id) is not None
    table = _TABLES[kind]
    changed(tx)
    return tx.run(sa.update(table).where(table.c.id == id).values(**values)) == 1


def delete(tx: Tx, kind: type[Record], id: str) -> bool:
    """Whether there was one.  What depends on it goes with it."""
    if kind in (Project, Domain):
        tx.run(sa.delete(assignments).where(assignments.c.target_id == id))
    if kind is Project:
        cleared = sa.update(users).where(users.c.default_project_id == id)
        tx.run(cleared.values(default_project_id=None))
    table = _TABLES[kind]
    changed(tx)
    return tx.run(sa.delete(table).where(table.c.id == id)) == 1


def _one(tx: Tx, kind: type[Record], where: sa.ColumnElement[bool]) -> Record | None:
    row = tx.one(sa.select(*_COLUMNS[kind]).where(where))
    return None if row is None else _record(kind, row)


def _record(kind: type[Record], row: sa.Row[Any]) -> Record:
    values = dict(zip(kind.__struct_fields__, row, strict=True))
    if kind is Credential:
        values["role_ids"] = msgspec.json.decode(values["role_ids"], type=tuple[str, ...])
    return kind(**values)


# --- secrets ------------------------------------------------------------------------------------
def password_hash(tx: Tx, user_id: str) -> str | None:
    found = tx.scalar(sa.select(users.c.password_hash).where(users.c.id == user_id))
    return None if found is None else str(found)


def secret_hash(tx: Tx, credential_id: str) -> str | None:
    found = tx.scalar(sa.select(credentials.c.secret_hash).where(credentials.c.id == credential_id))
    return None if found is None else str(found)


def credentials_of(tx: Tx, user_id: str) -> int:
    """How many application credentials the user has.  On PostgreSQL the user's row is locked, so
    that two at once are counted one after the other."""
    tx.run(sa.update(users).where(users.c.id == user_id).values(id=users.c.id))
    count = sa.select(sa.func.count()).where(credentials.c.user_id == user_id)
    return int(tx.scalar(count.select_from(credentials)))


def key_secrets(tx: Tx) -> list[bytes]:
    """The token keys, newest first: that one signs, all of them verify."""
    rows = tx.all(sa.select(keys.c.secret).order_by(keys.c.id.desc()))
    return [bytes.fromhex(row[0]) for row in rows]


def add_key(tx: Tx, secret: bytes) -> None:
    newest = tx.scalar(sa.select(sa.func.max(keys.c.id))) or 0
    tx.run(keys.insert(), {"id": newest + 1, "secret": secret.hex()})


# --- who has which role where -------------------------------------------------------------------
def assigned(tx: Tx, **equal: str) -> list[Assignment]:
    """Assignments by user_id, role_id, scope, target_id."""
    columns = [assignments.c[field] for field in Assignment.__struct_fields__]
    stmt = sa.select(*columns).order_by(*columns)
    for key, value in equal.items():
        stmt = stmt.where(assignments.c[key] == value)
    names = Assignment.__struct_fields__
    return [Assignment(**dict(zip(names, row, strict=True))) for row in tx.all(stmt)]


def grant(tx: Tx, given: Assignment) -> None:
    """Give a role; again changes nothing."""
    values = msgspec.structs.asdict(given)
    if not assigned(tx, **values):
        tx.run(assignments.insert(), values)
        changed(tx)


def withdraw(tx: Tx, given: Assignment) -> bool:
    """Whether the user had that role there."""
    stmt = sa.delete(assignments)
    for key, value in msgspec.structs.asdict(given).items():
        stmt = stmt.where(assignments.c[key] == value)
    changed(tx)
    return tx.run(stmt) == 1


# --- tokens -------------------------------------------------------------------------------------
def revoke(tx: Tx, jti: str, expires_at: float, now: float) -> None:
    """End one token; rows of tokens that have expired anyway are swept out."""
    tx.run(sa.delete(revocations).where(revocations.c.expires_at < now))
    if not is_revoked(tx, jti):
        tx.run(revocations.insert(), {"jti": jti, "expires_at": expires_at})
    changed(tx)


def is_revoked(tx: Tx, jti: str) -> bool:
    return tx.one(sa.select(revocations.c.jti).where(revocations.c.jti == jti)) is not None


_GENERATION = Fixed(sa.select(generations.c.value))


def generation(tx: Tx) -> int:
    """How many changes there were."""
    return int(tx.scalar(_GENERATION) or 0)


def changed(tx: Tx) -> None:
    """Count a change."""
    moved = sa.update(generations).values(value=generations.c.value + 1)
    if not tx.run(moved):
        tx.run(generations.insert(), {"id": 1, "value": 1})
