"""What a new installation starts with, so that the first `share create` works."""

from __future__ import annotations

from abaca.store import types as type_store
from abaca.store.engine import Store
from abaca.store.shares import new_id

DEFAULT_TYPE = "default"
# everything the embedded backend can do
DEFAULT_SPECS = {
    "driver_handles_share_servers": "False",
    "snapshot_support": "True",
    "create_share_from_snapshot_support": "True",
    "revert_to_snapshot_support": "True",
    "mount_snapshot_support": "True",
}


def ensure_default_type(store: Store) -> bool:
    """Make the share type 'default' unless there is any type; whether it was made."""
    with store.transaction() as tx:
        if type_store.all_types(tx):
            return False
        values = {
            "id": new_id(),
            "name": DEFAULT_TYPE,
            "description": "Made by abaca at its first start: what the local backend can do.",
            "is_public": True,
        }
        type_store.insert(tx, values, DEFAULT_SPECS)
        return True
