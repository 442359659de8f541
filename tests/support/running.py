"""A real manager in this process, with a simulated array, on a given store.

with running(store, tmp_path) as world:
    share = world.share()
    snapshot = world.snapshot(share)
    world.settle()                      # no operation is live any more
    assert world.violations() == []
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from abaca.drivers.fake.backend import FakeBackend
from abaca.manager.process import Manager
from abaca.model.context import Context
from abaca.model.messages import Message
from abaca.model.operations import Operation
from abaca.model.shares import Share
from abaca.model.snapshots import Snapshot
from abaca.operations import log as oplog
from abaca.service import shares_create
from abaca.service import snapshots as snapshot_service
from abaca.service.env import Env, Settings
from abaca.store import messages, quotas, types
from abaca.store import shares as share_store
from abaca.store import snapshots as snapshot_store
from abaca.store.engine import Store
from abaca.testing import crash, invariants

PATIENCE = 30.0  # seconds; the machine may be busy
USER = Context(user_id="ann", project_id="p1", roles=("member", "reader"))
ADMIN = Context(user_id="root", project_id="p1", roles=("admin",), is_admin=True)
SPECS = {
    "driver_handles_share_servers": "False",
    "snapshot_support": "True",
    "create_share_from_snapshot_support": "True",
    "revert_to_snapshot_support": "True",
    "mount_snapshot_support": "True",
}


class Running:
    """The database, the array, and the manager between them."""

    def __init__(self, store: Store, array: FakeBackend, manager: Manager) -> None:
        self.store = store
        self.env = Env(store, Settings(default_share_type="default"))
        self.array = array
        self.manager = manager
        self.type("default", SPECS)

    def type(self, name: str, specs: dict[str, str]) -> str:
        type_id = str(uuid.uuid4())
        with self.store.transaction() as tx:
            types.insert(tx, {"id": type_id, "name": name, "is_public": True}, specs)
        return type_id

    # what is asked for

    def share(self, size: int = 1, **given: Any) -> Share:
        """A share whose creation has ended."""
        wanted = shares_create.NewShare(share_proto="NFS", size=size, **given)
        made = shares_create.create(self.env, USER, wanted)
        self.settle()
        return self.look(made.id)

    def snapshot(self, share: Share, **given: Any) -> Snapshot:
        """A snapshot whose creation has ended."""
        made = snapshot_service.create(self.env, USER, share.id, **given)
        self.settle()
        return self.look_at(made.id)

    def settle(self) -> None:
        """Wait until no operation is live."""
        assert crash.settle(self.store, PATIENCE), "operations are still live"

    def answers(self, method: str, value: Any) -> None:
        """From now on the driver does what it is told and says this."""
        driver = self.manager.backends[0].driver
        real = getattr(driver, method)

        def wrong(*args: Any, **keywords: Any) -> Any:
            real(*args, **keywords)
            return value

        setattr(driver, method, wrong)

    # what is there

    def look(self, share_id: str) -> Share:
        with self.store.read() as tx:
            found = share_store.get(tx, share_id, locations=True)
        assert found is not None
        return found

    def look_at(self, snapshot_id: str) -> Snapshot:
        with self.store.read() as tx:
            found = snapshot_store.get(tx, snapshot_id)
        assert found is not None
        return found

    def is_gone(self, id: str) -> bool:
        with self.store.read() as tx:
            return share_store.get(tx, id) is None and snapshot_store.get(tx, id) is None

    def operations(self, id: str) -> list[Operation]:
        """Everything that was ever done to a resource."""
        with self.store.read() as tx:
            return oplog.of_resource(tx, id)

    def told(self, id: str) -> list[tuple[str, str]]:
        """(action, detail) of the messages about a resource."""
        return [(m.action_id, m.detail_id) for m in self.messages(id)]

    def messages(self, id: str) -> list[Message]:
        """The messages about a resource."""
        with self.store.read() as tx:
            rows = tx.all(messages.messages.select())
            found = [messages.get(tx, row.id) for row in rows]
        return [message for message in found if message and message.resource_id == id]

    def used(self, *names: str) -> list[int]:
        with self.store.read() as tx:
            found = quotas.in_use(tx, (USER.project_id, "", ""))
        return [found[name] for name in names]

    def violations(self) -> list[str]:
        """Of the five invariants of docs/architecture.md."""
        return invariants.violations(self.store, self.array)


@contextmanager
def running(
    store: Store, folder: Path, manager_options: Mapping[str, Any] | None = None, **driver: Any
) -> Iterator[Running]:
    """Started and ready; stopped at the end of the block."""
    manager = crash.make_manager(store, folder, **driver)
    manager.options = msgspec.structs.replace(manager.options, **(manager_options or {}))
    manager.start()
    try:
        assert manager.ready(PATIENCE), "the backend did not come up"
        yield Running(store, FakeBackend(folder), manager)
    finally:
        manager.stop(drain_seconds=5.0)
