"""VastShareDriver: NFS shares on a VAST cluster, by its management API.

| part | module |
|---|---|
| life cycle, configuration | base.py |
| HTTPS, tokens, retries | session.py, tokens.py |
| the array's objects | array.py |
| policy, quota, view of a share | exports.py |
| shares | shares.py, ensure.py |
| access rules | access.py, policy.py |
| snapshots and clones | snapshots.py, streams.py |
| manage, unmanage | manage.py |
| what the array holds | inventory.py |
| statistics | stats.py |

What an operator needs is in docs/drivers/vast.md.
"""

from __future__ import annotations

from abaca.drivers.vast.access import Access
from abaca.drivers.vast.inventory import Inventory
from abaca.drivers.vast.manage import Manage
from abaca.drivers.vast.stats import Stats


class VastShareDriver(Access, Inventory, Manage, Stats):
    """Runs with driver_handles_share_servers = False."""
