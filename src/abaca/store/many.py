"""`column in these values` as one parameter, so that a statement is compiled once for any number.

stmt = sa.select(...).where(one_of(share_metadata.c.share_id, "ids"))
tx.all(stmt, {"ids": [...]})
"""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import ColumnElement, FunctionElement


class _Values(sa.types.TypeDecorator[list[str]]):
    """A list of text: an array on PostgreSQL, JSON on SQLite."""

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> Any:
        return dialect.type_descriptor(
            sa.Text() if dialect.name == "sqlite" else postgresql.ARRAY(sa.Text())
        )

    def bind_processor(self, dialect: sa.Dialect) -> Any:
        if dialect.name == "sqlite":
            return lambda values: msgspec.json.encode(values).decode()
        return list


class _OneOf(FunctionElement[Any]):
    # Not Boolean: SQLAlchemy would compare it with 1 on SQLite, and no index would be used.
    type = sa.types.NullType()
    inherit_cache = True
    name = "one_of"


@compiles(_OneOf, "postgresql")
def _postgresql(element: Any, compiler: Any, **options: Any) -> str:
    column, values = element.clauses
    return f"{compiler.process(column, **options)} = ANY({compiler.process(values, **options)})"


@compiles(_OneOf, "sqlite")
def _sqlite(element: Any, compiler: Any, **options: Any) -> str:
    column, values = element.clauses
    listed = f"SELECT value FROM json_each({compiler.process(values, **options)})"
    return f"{compiler.process(column, **options)} IN ({listed})"


def one_of(column: ColumnElement[Any], name: str) -> ColumnElement[Any]:
    """The column equals one of the values of the parameter `name`, a list of text."""
    return _OneOf(column, sa.bindparam(name, type_=_Values()))
