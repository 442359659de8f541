"""ShareDriver: the whole contract, composed of its parts.

| part | module | methods |
|---|---|---|
| life cycle | lifecycle.py | __init__, do_setup, check_for_setup_error, properties |
| shares | shares.py | create, delete, resize, ensure, manage, status |
| snapshots | snapshots.py | create, delete, revert, mount, manage |
| access | access.py | update_access |
| statistics | stats.py | get_share_stats, filter and goodness functions, IP versions |
| network, servers | network.py, servers.py | addresses and share servers |
| moves | migration.py, server_migration.py | shares and share servers |
| copies | replicas.py, backups.py | replicas, backups |
| extra specs | extra_specs.py | get_extra_specs: those of share types that belong to the driver |
| inventory | inventory.py | get_inventory: what the backend holds |
| groups | groups.py | share groups and their snapshots |
| data path | mount.py | connection_get_info |
"""

from __future__ import annotations

from abaca.drivers.contract.access import AccessMethods
from abaca.drivers.contract.backups import BackupMethods
from abaca.drivers.contract.groups import GroupMethods
from abaca.drivers.contract.inventory import InventoryMethods
from abaca.drivers.contract.migration import MigrationMethods
from abaca.drivers.contract.mount import MountMethods
from abaca.drivers.contract.replicas import ReplicaMethods
from abaca.drivers.contract.server_migration import ServerMigrationMethods
from abaca.drivers.contract.servers import ServerMethods
from abaca.drivers.contract.shares import ShareMethods
from abaca.drivers.contract.stats import StatsMethods


class ShareDriver(
    AccessMethods,
    GroupMethods,
    ShareMethods,
    ReplicaMethods,
    BackupMethods,
    MigrationMethods,
    ServerMigrationMethods,
    ServerMethods,
    MountMethods,
    InventoryMethods,
    StatsMethods,
):
    """A storage backend.  At least: create_share, delete_share, update_access,
    _update_share_stats, get_network_allocations_number (0 without share servers)."""
