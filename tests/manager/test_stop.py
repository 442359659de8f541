"""What the service list says of a manager that was stopped."""

from __future__ import annotations

from pathlib import Path

from abaca.store import services
from abaca.store.engine import Store
from abaca.testing import crash


def test_a_manager_that_was_stopped_is_stopped_not_down_and_up_again_when_it_is_back(
    store: Store, tmp_path: Path
) -> None:
    def stopped() -> bool:
        with store.read() as tx:
            found = services.service(tx, crash.HOST, "manila-share")
        assert found is not None
        return found.stopped

    for _ in range(2):
        manager = crash.make_manager(store, tmp_path)
        manager.start()
        assert manager.ready(30)
        assert not stopped()
        manager.stop()
        assert stopped()
