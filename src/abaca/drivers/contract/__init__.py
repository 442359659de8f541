"""The driver contract: what a storage backend implements, is given, returns and raises."""

from abaca.drivers.contract.compat import NetworkInfo, accepts, call, call_update_access
from abaca.drivers.contract.configuration import (
    Configuration,
    DictConfiguration,
    DriverConfiguration,
)
from abaca.drivers.contract.context import AnyContext, DriverContext, report
from abaca.drivers.contract.driver import ShareDriver
from abaca.drivers.contract.execute import ExecuteMixin, GaneshaMixin
from abaca.drivers.contract.lifecycle import overrides
from abaca.drivers.contract.private_storage import (
    MemoryPrivateStorage,
    PrivateStorage,
    PrivateStorageBase,
)
from abaca.drivers.contract.record import Record

__all__ = [
    "AnyContext",
    "Configuration",
    "DictConfiguration",
    "DriverConfiguration",
    "DriverContext",
    "ExecuteMixin",
    "GaneshaMixin",
    "MemoryPrivateStorage",
    "NetworkInfo",
    "PrivateStorage",
    "PrivateStorageBase",
    "Record",
    "ShareDriver",
    "accepts",
    "call",
    "call_update_access",
    "overrides",
    "report",
]
