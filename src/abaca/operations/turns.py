"""Whose turn it is: projects share a queue fairly, however much one of them has asked for.

Operations of a queue are claimed by their turn, those with the same turn as they came.  A project's
next operation gets the turn after its last one that is queued; that of a project that has none
queued gets the turn after the first of the queue (not the same: those who come and go would always
be before who waits).  So of two projects with a backlog each gets every other thread, and a single
request waits for one or two operations of each project, not for ten thousand of one.  A turn is
found by two looks at an index, in the statement that writes the operation.
"""

from __future__ import annotations

import sqlalchemy as sa

from abaca.store.schema import operations

# text, because it must read like the condition of the partial indexes: with a parameter in its
# place SQLite compiles the statement anew each time, to see whether such an index can be used
_QUEUED = "{}.state = 'queued'"
IS_QUEUED = sa.text(_QUEUED.format("operations"))
IS_LIVE = sa.text("operations.state IN ('queued', 'running')")
IS_RUNNING = sa.text("operations.state = 'running'")
IS_UNKNOWN = sa.text("operations.state = 'unknown'")


def turn(host: str, project: str) -> sa.ColumnElement[int]:
    """That of a new operation; host, project: names of parameters."""
    own, head = operations.alias("own"), operations.alias("head")
    last = sa.select(sa.func.max(own.c.turn) + 1).where(
        own.c.host == sa.bindparam(host, type_=own.c.host.type),
        own.c.project_id == sa.bindparam(project, type_=own.c.project_id.type),
        sa.text(_QUEUED.format("own")),
    )
    first = sa.select(sa.func.min(head.c.turn) + 1).where(
        head.c.host == sa.bindparam(host, type_=head.c.host.type),
        sa.text(_QUEUED.format("head")),
    )
    return sa.func.coalesce(last.scalar_subquery(), first.scalar_subquery(), 0)
