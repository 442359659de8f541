"""Part of a list, in an order: what the API asks for, as SQL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

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


def total(page: Page, found: int, count: Callable[[], int]) -> int:
    """How many there are on all pages.  They are counted unless this page, with so many records,
    is the last one."""
    last = page.marker is None and found < page.limit and (found > 0 or page.offset == 0)
    return page.offset + found if last else count()


class Window(NamedTuple):
    """How many rows are read at most, and whether some are skipped."""

    rows: int
    skips: bool


def window(page: Page) -> Window:
    """The part of a list that has the page; its first `page.limit` rows are the page."""
    tens = -(-max(1, page.limit) // 10) * 10
    rows = tens if tens <= 100 else 1 << (page.limit - 1).bit_length()
    return Window(rows, page.offset > 0)


def windowed(stmt: sa.Select[Any], part: Window) -> sa.Select[Any]:
    """Limited to a window; the parameter `page_offset` says how many rows are skipped.

    The number of rows is in the text of the statement, so that the planner knows that few are
    wanted and does not sort all of a project's; tens and powers of two keep the texts few.
    """
    found = stmt.limit(sa.literal_column(str(part.rows), sa.Integer))
    return found.offset(sa.bindparam("page_offset", type_=sa.Integer)) if part.skips else found


def like(text: str) -> str:
    """The pattern of LIKE that finds this text anywhere; escape with a backslash."""
    for special in ("\\", "%", "_"):
        text = text.replace(special, f"\\{special}")
    return f"%{text}%"
