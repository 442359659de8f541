"""Construction and life cycle: __init__ (no I/O) -> do_setup -> check_for_setup_error."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from abaca.drivers.contract import errors
from abaca.drivers.contract.configuration import DriverConfiguration
from abaca.drivers.contract.context import AnyContext
from abaca.drivers.contract.network_plugin import NetworkPlugin, PluginLoader
from abaca.drivers.contract.options import SHARE_OPTS
from abaca.drivers.contract.private_storage import PrivateStorage

CONTRACT_PACKAGE = __name__.rpartition(".")[0]


class LifeCycle:
    """What every driver object has.  Methods are called from several threads at once; calls for
    the same resource are serialised by the caller."""

    # Capabilities; a driver overrides them on its class or on itself.
    security_service_update_support: bool = False
    network_allocation_update_support: bool = False
    share_replicas_migration_support: bool = False
    restore_to_target_support: bool = False
    ipv6_implemented: bool = False
    qos_type_support: bool = False
    encryption_support: list[str] | None = None  # of 'share', 'share_server'
    dhss_mandatory_security_service_association: Mapping[str, list[str]] = {}  # proto -> types
    # [R] A driver that may be called again after a crash with an unknown outcome says so.
    idempotent: ClassVar[bool] = False

    def __init__(
        self,
        driver_handles_share_servers: bool | Iterable[bool],
        *args: Any,
        configuration: DriverConfiguration | None = None,
        private_storage: PrivateStorage | None = None,
        config_opts: Iterable[Iterable[Any]] = (),
        network_plugins: PluginLoader | None = None,
        execute: Callable[..., tuple[str, str]] | None = None,
        **kwargs: Any,
    ) -> None:
        """`driver_handles_share_servers`: the mode or modes this driver can run in."""
        super().__init__()
        self.initialized = False
        self._stats: dict[str, Any] = {}
        self.pools: list[dict[str, Any]] = []
        self.ip_versions: list[int] | None = None
        self.private_storage = private_storage
        self.configuration: Any = configuration
        self._plugin_loader = network_plugins
        self._network_api: NetworkPlugin | None = None
        self._admin_network_api: NetworkPlugin | None = None
        self._execute_given = execute
        if configuration is not None:
            configuration.append_config_values(SHARE_OPTS)
            for opts in config_opts:
                configuration.append_config_values(opts)
        self._verify_share_server_handling(driver_handles_share_servers)
        if hasattr(self, "init_execute_mixin"):
            self.init_execute_mixin(execute=execute)
        if hasattr(self, "init_ganesha_mixin"):
            self.init_ganesha_mixin()

    def _verify_share_server_handling(self, modes: object) -> None:
        """The configured mode must be a real boolean and one the driver can run in."""
        able = (modes,) if isinstance(modes, bool) else modes
        if not isinstance(able, tuple | list | set | frozenset) or not all(
            isinstance(mode, bool) for mode in able
        ):
            raise errors.ManilaException(
                f"The driver class gives {modes!r} as its modes; True, False or both are possible."
            )
        wanted = self.driver_handles_share_servers
        if not isinstance(wanted, bool):
            raise errors.ManilaException(
                f"driver_handles_share_servers is {wanted!r}; set it to True or False."
            )
        if wanted not in able:
            raise errors.ManilaException(
                f"Driver {type(self).__name__} cannot run with "
                f"driver_handles_share_servers = {wanted}."
            )

    @property
    def driver_handles_share_servers(self) -> bool:
        """Whether the driver makes a server per share network (DHSS)."""
        value: bool = self._option("driver_handles_share_servers")
        return value

    @property
    def replication_domain(self) -> str | None:
        """Backends with the same text can replicate to each other."""
        value: str | None = self._option("replication_domain")
        return value

    @property
    def max_shares_per_share_server(self) -> int:
        """-1: no limit."""
        return self._limit("max_shares_per_share_server")

    @property
    def max_share_server_size(self) -> int:
        """GiB; -1: no limit."""
        return self._limit("max_share_server_size")

    def _limit(self, name: str) -> int:
        value = self._option(name)
        return -1 if value is None else int(value)

    def _option(self, name: str) -> Any:
        return None if self.configuration is None else self.configuration.safe_get(name)

    def do_setup(self, context: AnyContext) -> None:
        """Connect and read the configuration.  Repeated after a failure: must be re-runnable."""

    def check_for_setup_error(self) -> None:
        """Raise, saying what to do, when something the driver needs is missing."""


def overrides(driver: object, *methods: str) -> bool:
    """Whether a driver brings its own implementation of all these methods."""
    return all(_own(driver, name) for name in methods)


def _own(driver: object, name: str) -> bool:
    if name in getattr(driver, "__dict__", {}):
        return True
    for cls in type(driver).__mro__:
        if name in cls.__dict__:
            module = cls.__module__
            return module != CONTRACT_PACKAGE and not module.startswith(CONTRACT_PACKAGE + ".")
    return False
