"""A database and an array, and copies of both."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa

from abaca.drivers.fake.backend import FakeBackend
from abaca.model.context import Context
from abaca.model.shares import Share
from abaca.model.snapshots import Snapshot
from abaca.operations import log as oplog
from abaca.service import access, shares_create
from abaca.service.bootstrap import ensure_default_type
from abaca.service.env import Env
from abaca.store import messages, migrate
from abaca.store import shares as share_store
from abaca.store import snapshots as snapshot_store
from abaca.testing import crash
from support import postgres as support_postgres

CTX = Context(project_id="p" * 32, user_id="u" * 32, roles=("member",))
ADMIN = Context(project_id="p" * 32, user_id="u" * 32, roles=("admin",), is_admin=True)
PATIENCE = 30.0  # seconds until a manager gives up: far more than it should need


@dataclass
class World:
    """A database, an array, and what is in them."""

    env: Env
    url: str
    folder: Path
    array: FakeBackend
    share_id: str = ""
    rule_id: str = ""
    snapshot_id: str = ""

    # --- what is asked for
    def share(self, size: int = 2) -> str:
        wanted = shares_create.NewShare(share_proto="NFS", size=size, name="s")
        return shares_create.create(self.env, CTX, wanted).id

    def allow(self, to: str) -> str:
        rule = access.allow(self.env, CTX, self.share_id, access_type="ip", access_to=to)
        return rule.id

    def manage(
        self,
        ask: Callable[[], object] | None = None,
        *,
        crash_at: str | None = None,
        record: Path | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> int:
        """Run a manager until nothing is left to do, or until it is killed; its exit status."""
        return crash.run_manager(
            self.url,
            self.folder,
            crash_at=crash_at,
            record=record,
            seconds=PATIENCE,
            ask=ask,
            make=partial(crash.make_manager, **(options or {})),
        )

    # --- what is there
    def look(self) -> Share | None:
        with self.env.store.read() as tx:
            return share_store.get(tx, self.share_id, locations=True)

    def look_at(self) -> Snapshot | None:
        with self.env.store.read() as tx:
            return snapshot_store.get(tx, self.snapshot_id)

    def snapshots(self) -> list[Snapshot]:
        with self.env.store.read() as tx:
            return list(snapshot_store.of_share(tx, self.share_id))

    def told(self) -> list[str]:
        """What users were told of the share or the snapshot."""
        with self.env.store.read() as tx:
            found = messages.find(tx, limit=100)
        return [m.user_message for m in found if m.resource_id in (self.share_id, self.snapshot_id)]

    def kinds_done(self) -> set[str]:
        """The kinds of the operations that have ended."""
        with self.env.store.read() as tx:
            assert not oplog.live(tx)
            return {row[0] for row in tx.all(sa.select(oplog.operations.c.kind).distinct())}

    def close(self) -> None:
        self.env.store.close()
        self.array.state.close()


class Template:
    """A world as a scenario needs it, made once and copied for each point."""

    def __init__(
        self,
        folder: Path,
        postgres: support_postgres.Postgres | None,
        make: Callable[[str], World],
    ) -> None:
        self._folder, self._postgres, self._make = folder, postgres, make
        self.world = make(self._database())
        migrate.upgrade(self.world.env.store)
        ensure_default_type(self.world.env.store)

    def _database(self) -> str:
        if self._postgres is None:
            return f"sqlite:///{self._folder}/{uuid.uuid4()}.sqlite"
        return str(self._postgres.database())

    def copy(self) -> World:
        """Another world like it, which must be closed."""
        world = self._make(self._copy_of_database())
        old = self.world
        if old.folder.exists():
            shutil.copytree(old.folder, world.folder)
        return replace(
            world, share_id=old.share_id, rule_id=old.rule_id, snapshot_id=old.snapshot_id
        )

    def _copy_of_database(self) -> str:
        old = sa.make_url(self.world.url)
        assert old.database is not None
        if self._postgres is None:
            url = self._database()
            target = sa.make_url(url).database
            for tail in ("", "-wal"):
                if Path(old.database + tail).exists():
                    shutil.copy(old.database + tail, f"{target}{tail}")
            return url
        name = f"t{uuid.uuid4().hex}"
        with psycopg.connect(self._postgres.admin_dsn, autocommit=True) as conn:
            conn.execute(f'CREATE DATABASE "{name}" TEMPLATE "{old.database}"')
        return old.set(database=name).render_as_string(hide_password=False)
