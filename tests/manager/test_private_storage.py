"""What drivers keep for themselves is in the database, and can be found by its key."""

from __future__ import annotations

import uuid

from abaca.manager.private_storage import StorePrivateStorage
from abaca.store.engine import Store


def test_what_a_driver_wrote_is_found_by_its_key(store: Store) -> None:
    mine, before = StorePrivateStorage(store, "a@b"), StorePrivateStorage(store, "old@b")
    one, two, other = (str(uuid.uuid4()) for _ in range(3))
    mine.update(one, {"directory": "/one", "more": "x"})
    before.update(one, {"directory": "/elsewhere"})
    before.update(two, {"directory": "/two"})
    mine.update(other, {"more": "y"})
    assert mine.find("directory") == {one: "/one", two: "/two"}
    assert mine.find("nothing") == {}
    mine.delete(one, "directory")
    mine.delete(two)
    assert mine.find("directory") == {}
