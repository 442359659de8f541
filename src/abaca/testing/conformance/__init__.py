"""A pytest kit that certifies any driver class against the contract, idempotence included.

    class TestMyDriver(DriverConformance):
        @pytest.fixture
        def driver(self): ...          # set up, ready to use

        def write(self, driver, share, name, data): ...     # optional hooks, see kit.py
        def read(self, driver, thing, name): ...

What a driver does not declare is skipped, and the skip names the capability or the hook.
"""

from abaca.testing.conformance.access import AccessConformance
from abaca.testing.conformance.inventory import InventoryConformance
from abaca.testing.conformance.kit import Kit
from abaca.testing.conformance.manage import ManageConformance
from abaca.testing.conformance.shares import ShareConformance
from abaca.testing.conformance.snapshots import SnapshotConformance
from abaca.testing.conformance.stats import StatsConformance

__all__ = ["DriverConformance", "Kit"]


class DriverConformance(
    StatsConformance,
    ShareConformance,
    AccessConformance,
    SnapshotConformance,
    ManageConformance,
    InventoryConformance,
):
    """All of it."""
