"""Part of a list, in an order: what the API asks for, as SQL."""

from __future__ import annotations

from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.sql.expression import ColumnElement


class Page(Protocol):
    """At most one of marker and offset counts; abaca.api.paging.Page is one."""

    @property
    def limit(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def marker(self) -> str | None: ...
    @property
    def sort_key(self) -> str | None: ...
    @property
    def descending(self) -> bool: ...


def ordered(
    stmt: sa.Select[Any], by: ColumnElement[Any], id: ColumnElement[Any], *, descending: bool
) -> sa.Select[Any]:
    """Order by a value, then by id, so that every order is total.  NULL is no order: coalesce."""
    if by is id:
        return stmt.order_by(id.desc() if descending else id)
    if descending:
        return stmt.order_by(by.desc(), id.desc())
    return stmt.order_by(by, id)


def beyond(
    by: ColumnElement[Any], id: ColumnElement[Any], *, descending: bool
) -> ColumnElement[bool]:
    """What comes after the record with the parameters `marker_value` and `marker`."""
    last = sa.bindparam("marker", type_=sa.String)
    if by is id:
        return id < last if descending else id > last
    here, there = sa.tuple_(by, id), sa.tuple_(sa.bindparam("marker_value", type_=by.type), last)
    return here < there if descending else here > there


def windowed(stmt: sa.Select[Any]) -> sa.Select[Any]:
    """Limited by the parameters `page_limit` and `page_offset`."""
    return stmt.limit(sa.bindparam("page_limit", type_=sa.Integer)).offset(
        sa.bindparam("page_offset", type_=sa.Integer)
    )


def like(text: str) -> str:
    """The pattern of LIKE that finds this text anywhere; escape with a backslash."""
    for special in ("\\", "%", "_"):
        text = text.replace(special, f"\\{special}")
    return f"%{text}%"
