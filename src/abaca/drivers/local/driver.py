"""LocalShareDriver: shares on this machine, without anything else.

A btrfs pool in a file (or an existing btrfs path), one subvolume per share with a quota, NFS by
Ganesha, SMB by Samba.  Everything is keyed by instance ids, so every call may be repeated.

| part | module |
|---|---|
| life cycle, configuration | base.py |
| shares | shares.py |
| access rules | access.py |
| snapshots, revert | snapshots.py, revert.py |
| manage, unmanage | manage.py |
| statistics | stats.py |
| inventory | inventory.py |
| commands that mount a share | mounting.py |
"""

from __future__ import annotations

from abaca.drivers.local.access import Access
from abaca.drivers.local.inventory import Inventory
from abaca.drivers.local.manage import Manage
from abaca.drivers.local.mounting import Mounting
from abaca.drivers.local.stats import Stats


class LocalShareDriver(Access, Manage, Inventory, Mounting, Stats):
    """Runs with driver_handles_share_servers = False."""
