"""Projects share a queue fairly; what is claimed next is found by one look at an index."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest import mock

import pytest
import sqlalchemy as sa

from abaca.model.context import Context
from abaca.operations import log as oplog
from abaca.operations.enqueue import enqueue
from abaca.operations.lease import Lease, new_owner, try_take
from abaca.store.engine import Store
from abaca.store.fixed import Plan
from abaca.store.schema import operations

QUEUE = "host@backend"


class Line:
    """A queue whose lease is ours."""

    def __init__(self, store: Store, name: str = QUEUE) -> None:
        self.store, self.name, self.count = store, name, 0
        with store.transaction() as tx:
            epoch = try_take(tx, Lease(oplog.lease_name(name), 60.0), new_owner())
        assert epoch is not None
        self.epoch = epoch

    def put(self, project: str, number: int = 1, host: str | None = None) -> list[int]:
        ctx = Context(user_id="u", project_id=project)
        found = []
        with self.store.transaction() as tx:
            for _ in range(number):
                self.count += 1
                found.append(
                    enqueue(
                        tx, "kind", host=self.name if host is None else host,
                        lock_key=f"{project} {self.count}", resource_type="SHARE",
                        resource_id=f"{self.count}", ctx=ctx,
                    )
                )  # fmt: skip
        return found

    def claim(self, most: int = 1) -> list[oplog.Operation]:
        with self.store.transaction() as tx:
            return oplog.claim(tx, self.name, self.epoch, time.time(), most)

    def served(self, times: int) -> str:
        """The projects of the next operations, each of which ends before the next is claimed."""
        found = ""
        for _ in range(times):
            (op,) = self.claim()
            found += op.project_id
            with self.store.transaction() as tx:
                oplog.settle(tx, op, "done")
        return found


@pytest.fixture
def line(store: Store) -> Line:
    return Line(store)


def test_a_single_request_does_not_wait_for_a_backlog_of_another_project(line: Line) -> None:
    line.put("a", 100)
    assert line.served(10) == "a" * 10
    line.put("b")
    assert "b" in line.served(3)


def test_projects_with_backlogs_take_turns(line: Line) -> None:
    line.put("a", 20)
    line.put("b", 10)
    line.put("c", 5)
    first = line.served(15)
    assert all(first.count(project) >= 4 for project in "abc"), first
    rest = line.served(20)
    assert rest.endswith("a" * 9) and "ba" in rest, rest


def test_what_one_project_asks_for_is_done_in_that_order(line: Line) -> None:
    wanted = line.put("a", 30)
    line.put("b", 3)
    wanted += line.put("a", 5)
    done = [op.id for op in line.claim(38) if op.project_id == "a"]
    assert done == wanted


def test_many_single_requests_do_not_starve_a_backlog(line: Line) -> None:
    """Of others, one after the other, so that one of them is always queued."""
    line.put("a", 50)
    order = ""
    for number in range(20):
        line.put("bcdef"[number % 5])
        order += line.served(1)
    assert order.count("a") >= 3, order


def test_a_placed_operation_gets_its_turn_in_the_new_queue(store: Store) -> None:
    line, placing = Line(store), Line(store, oplog.UNPLACED)
    line.put("a", 50)
    placing.put("b")
    (op,) = placing.claim()
    with store.transaction() as tx:
        oplog.route(tx, op, QUEUE)
    assert "b" in line.served(3)


def test_requests_at_once_find_their_turns(line: Line) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: line.put("ab"[n % 2] if n < 30 else "b"), range(60)))
    order = line.served(60)
    assert order.count("a") == 15
    assert "a" in order[:30] and "b" in order[:30]


def plan(store: Store, line: Line) -> str:
    """How the database finds what is claimed."""
    bound: list[Any] = []
    right = Plan.bind

    def remember(of: Plan, params: Mapping[str, Any]) -> Any:
        bound.append((of.text, right(of, params)))
        return bound[-1][1]

    with mock.patch.object(Plan, "bind", remember):
        line.claim()
    (statement, params) = next(
        pair for pair in bound if pair[0].lstrip().startswith(("WITH", "UPD"))
    )
    how = "EXPLAIN" if store.dialect == "postgresql" else "EXPLAIN QUERY PLAN"
    with store.engine.connect() as conn:
        rows = conn.exec_driver_sql(f"{how} {statement}", params).all()  # type: ignore[arg-type]
    return "\n".join(str(row[-1]) for row in rows)


def test_a_claim_is_one_look_at_an_index_however_long_the_queue(store: Store, line: Line) -> None:
    line.put("a", 300)
    with store.transaction() as tx:  # a log of what was done, in which there is little to do
        rows = [
            {**row._mapping, "id": None, "lock_key": f"old {n}", "state": "done"}
            for n, row in enumerate(tx.all(sa.select(operations).limit(100)))
        ]
        for row in rows:
            del row["id"]
        for _ in range(50):
            tx.run(sa.insert(operations), rows)
    if store.dialect == "postgresql":
        with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            conn.exec_driver_sql("ANALYZE operations")
    found = plan(store, line)
    assert "ix_operations_queue" in found, found
    assert not re.search(r"Seq Scan on operations|SCAN operations\b|Sort|TEMP B-TREE", found), found


def test_a_claim_reads_few_rows_also_where_the_database_expects_few(
    store: Store, line: Line
) -> None:
    """As PostgreSQL does before its statistics are made, once it has planned a statement for good:
    what is next was looked for again for each operation in the queue."""
    if store.dialect != "postgresql":
        pytest.skip("SQLite does not say how many rows it has read")
    line.put("a", 500)
    with store.transaction() as tx:
        tx.run(sa.text("SET LOCAL plan_cache_mode = force_generic_plan"))
        claimed = oplog.claim(tx, line.name, line.epoch, time.time(), 8)
        read = tx.scalar(
            sa.text(
                "SELECT sum(seq_tup_read + idx_tup_fetch) FROM pg_stat_xact_user_tables"
                " WHERE relname = 'operations'"
            )
        )
    assert len(claimed) == 8
    assert read < 40 * 500, read  # some for each that is queued; it was 500 for each
