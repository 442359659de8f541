"""Statements that never change, run without what SQLAlchemy does for those that might.

    _GET = Fixed(sa.select(shares.c.size).where(shares.c.id == sa.bindparam("id")))
    tx.scalar(_GET, {"id": share_id})

For each execution SQLAlchemy looks for the compiled statement, builds its parameters and describes
its result: 100 us beside the 40 us of the driver, and a create has seventeen statements.  Here that
is done once for each dialect and set of parameters.  Errors and lost connections are handled as
SQLAlchemy does.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

Process = Callable[[Any], Any]
_named: Callable[..., Any] = namedtuple


class Fixed:
    """A statement whose text depends on the names of its parameters only."""

    __slots__ = ("_plans", "stmt")

    def __init__(self, stmt: sa.Executable) -> None:
        self.stmt: Any = stmt
        self._plans: dict[tuple[str, ...], Plan] = {}

    def run(self, conn: sa.Connection, params: Any) -> Answer:
        """params: a mapping, or a list of them."""
        many = isinstance(params, Sequence)
        if many and len(params) == 1:  # drivers take longer over many, however few they are
            many, params = False, params[0]
        names = tuple(params[0] if many else params or ())
        plan = self._plans.get((conn.dialect.name, *names))
        if plan is None:
            plan = Plan(self.stmt, conn.dialect, names)
            self._plans[conn.dialect.name, *names] = plan
        cursor = conn.connection.cursor()
        try:
            if many:
                cursor.executemany(plan.text, [plan.bind(each) for each in params])
            else:
                cursor.execute(plan.text, plan.bind(params or {}))
        except conn.dialect.dbapi.Error as error:  # type: ignore[union-attr]
            raise _translated(conn, plan.text, error, cursor) from error
        return Answer(cursor, plan)


class Plan:
    """A statement as the driver wants it, its parameters, and its rows."""

    __slots__ = ("_bound", "_given", "_order", "_row", "_shown", "text")

    def __init__(self, stmt: Any, dialect: sa.Dialect, names: tuple[str, ...]) -> None:
        compiled = stmt.compile(dialect=dialect, column_keys=list(names))
        if compiled.post_compile_params:
            raise TypeError("The text of a fixed statement cannot depend on values: use one_of.")
        self.text = compiled.string
        self._order: Sequence[str] | None = compiled.positiontup
        prefetched = [*compiled.insert_prefetch, *compiled.update_prefetch]
        defaults = {column.key: column.default.arg for column in prefetched}
        literals = {name: value for name, value in compiled.params.items() if name not in names}
        self._given = {**literals, **defaults}
        self._bound = [
            (name, process)
            for bind, name in compiled.bind_names.items()
            if name in compiled.params and (process := _to_database(bind.type, dialect))
        ]
        columns = list(getattr(stmt, "exported_columns", ()))
        self._shown = [
            (at, process)
            for at, column in enumerate(columns)
            if (process := _from_database(column.type, dialect))
        ]
        fields = [str(column.key) for column in columns]
        self._row: Callable[[Any], Any] = tuple
        if fields:
            named: Any = namedtuple("Row", fields, rename=True)  # type: ignore[misc]
            self._row = named._make

    def bind(self, params: Mapping[str, Any]) -> Any:
        """The parameters of one execution."""
        values = {**self._given, **params}
        for name, process in self._bound:
            values[name] = process(values[name])
        return values if self._order is None else tuple([values[name] for name in self._order])

    def row(self, found: Sequence[Any]) -> Any:
        """One row as SQLAlchemy would give it: a tuple with names."""
        if self._shown:
            found = list(found)
            for at, process in self._shown:
                found[at] = process(found[at])
        return self._row(found)


class Answer:
    """What a statement brought: the few methods of SQLAlchemy's result that are used."""

    __slots__ = ("_cursor", "_plan")

    def __init__(self, cursor: Any, plan: Plan) -> None:
        self._cursor, self._plan = cursor, plan

    def all(self) -> list[Any]:
        row = self._plan.row
        return [row(found) for found in self._cursor.fetchall()]

    def one_or_none(self) -> Any:
        rows = self.all()
        if len(rows) > 1:
            raise sa.exc.MultipleResultsFound(
                "Multiple rows were found when one or none was required"
            )
        return rows[0] if rows else None

    def scalar(self) -> Any:
        found = self._cursor.fetchone()
        return None if found is None else self._plan.row(found)[0]

    @property
    def rowcount(self) -> int:
        return int(self._cursor.rowcount)


def _to_database(of: Any, dialect: sa.Dialect) -> Process | None:
    found: Process | None = of.dialect_impl(dialect).bind_processor(dialect)
    return found


def _from_database(of: Any, dialect: sa.Dialect) -> Process | None:
    """Of the types that tables have here, SQLite lacks one."""
    return _flag if dialect.name == "sqlite" and isinstance(of, sa.Boolean) else None


def _flag(value: int | None) -> bool | None:
    return None if value is None else bool(value)


def _translated(conn: sa.Connection, text: str, error: Exception, cursor: Any) -> BaseException:
    """The error as SQLAlchemy raises it; a connection that is lost is not used again."""
    dialect = conn.dialect
    lost = dialect.is_disconnect(error, conn.connection, cursor)  # type: ignore[arg-type]
    if lost:
        conn.invalidate(error)
    return sa.exc.DBAPIError.instance(
        text,
        None,
        error,
        dialect.dbapi.Error,  # type: ignore[union-attr]
        hide_parameters=True,
        connection_invalidated=lost,
        dialect=dialect,
    )
