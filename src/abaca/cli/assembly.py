"""Putting the parts together: from a configuration to a store, an API, a manager."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from abaca.config.errors import ConfigError
from abaca.drivers.contract.driver import ShareDriver
from abaca.manager.backend import Backend
from abaca.manager.private_storage import StorePrivateStorage
from abaca.manager.process import Manager, Options
from abaca.model.quotas import DEFAULT_LIMITS
from abaca.service import purge, shares_state
from abaca.service.env import Env, Settings
from abaca.store import migrate
from abaca.store.engine import Store
from abaca.web.clients import TrustedProxies

from .database import make_room
from .health import Health

if TYPE_CHECKING:
    from abaca.config import BackendConfig, Config
    from abaca.identity.authenticators import KeystoneAuth


def open_store(config: Config) -> Store:
    """The configured database, with the tables of this release."""
    make_room(config)
    store = Store(config.database_url)
    migrate.upgrade(store)
    return store


def settings(config: Config) -> Settings:
    """What use cases look at."""
    return Settings(
        default_share_type=config.default_share_type,
        enabled_share_protocols=tuple(p.upper() for p in config.enabled_share_protocols),
        storage_availability_zone=config.storage_availability_zone,
        soft_deleted_share_retention_time=config.soft_deleted_share_retention_time,
        message_ttl=config.message_ttl,
        idempotency_retention_time=config.abaca.idempotency_retention_time,
        rules_per_share=config.abaca.rules_per_share,
        operation_retention_time=config.abaca.operation_retention_time,
        service_down_time=config.service_down_time,
        admin_only_metadata=tuple(config.admin_only_metadata),
        admin_only_el_metadata=tuple(config.admin_only_el_metadata),
        driver_updatable_metadata=tuple(config.driver_updatable_metadata),
        default_mount_point_prefix=config.default_mount_point_prefix,
        is_deferred_deletion_enabled=config.is_deferred_deletion_enabled,
        use_scheduler_creating_share_from_snapshot=(
            config.use_scheduler_creating_share_from_snapshot
        ),
        quota_defaults={name: getattr(config.quota, name) for name in DEFAULT_LIMITS},
    )


def make_env(config: Config, store: Store) -> Env:
    _set_up_scheduling(config)
    return Env(store, settings(config))


def _set_up_scheduling(config: Config) -> None:
    """Requests place shares, and so do managers."""
    from abaca.scheduler.placement import Placer
    from abaca.service.placement import Scheduling

    Scheduling.service_down_time = config.service_down_time
    Scheduling.clones_move = config.use_scheduler_creating_share_from_snapshot
    Scheduling.placer = Placer(
        config.scheduler_default_filters,
        config.scheduler_default_weighers,
        {
            "CapacityWeigher": config.capacity_weight_multiplier,
            "PoolWeigher": config.pool_weight_multiplier,
        },
        config.scheduler_default_extend_filters,
    )


def load_driver(backend: BackendConfig, store: Store) -> ShareDriver:
    """The configured driver class, made with its section and its private storage."""
    module, _, name = backend.driver_class.rpartition(".")
    driver_class = getattr(importlib.import_module(module), name)
    driver: ShareDriver = driver_class(
        configuration=backend, private_storage=StorePrivateStorage(store, backend.host)
    )
    return driver


def make_backends(config: Config, store: Store) -> list[Backend]:
    zone = config.storage_availability_zone
    return [
        Backend(
            each.name,
            each.host,
            load_driver(each, store),
            each.safe_get("backend_availability_zone") or zone,
            config.abaca.driver_call_timeout,
        )
        for each in config.backends
    ]


def make_manager(config: Config, store: Store, env: Env) -> Manager:
    options = Options(
        host=config.host,
        zone=config.storage_availability_zone,
        threads_per_backend=config.abaca.operations_threads_per_backend,
        lease_seconds=config.abaca.lease_seconds,
        heartbeat_seconds=config.abaca.heartbeat_seconds,
        reconcile_interval=config.abaca.reconcile_interval,
        drift_interval=config.abaca.drift_interval,
        drift_repair=config.abaca.drift_repair,
        report_interval=min(config.report_interval, config.periodic_interval),
        cleanup_interval=config.cleanup_interval,
        recycle_interval=config.check_for_expired_shares_in_recycle_bin_interval,
        enable_new_services=config.enable_new_services,
        usage_interval=config.share_usage_size_update_interval,
        gather_usage=config.enable_gathering_share_usage_size,
    )
    return Manager(
        store,
        make_backends(config, store),
        options,
        expire_shares=lambda: shares_state.delete_expired(env),
        clean_up=lambda: purge.run(env),
    )


# --- identity and API -----------------------------------------------------------------------------
def trusted_proxies(config: Config) -> TrustedProxies:
    """[abaca] trusted_proxies; ConfigError if one is no address."""
    try:
        return TrustedProxies(config.abaca.trusted_proxies)
    except ValueError as error:
        raise ConfigError(f"[abaca] trusted_proxies: {error}.") from None


def make_app(config: Config, store: Store, env: Env) -> Any:
    """The WSGI application: the API, and the embedded identity under /identity."""
    from abaca.api.app import Settings as ApiSettings
    from abaca.api.app import create_app
    from abaca.identity.authenticators import EmbeddedAuth, KeystoneAuth, NoAuth, challenge
    from abaca.identity.policy import Enforcer

    enforcer = Enforcer(config.oslo)
    url = public_url(config)
    api = ApiSettings(
        max_limit=config.osapi_max_limit,
        base_url=config.osapi_share_base_URL,
        project_id_regex=config.project_id_regex,
        proxy_headers=config.oslo_middleware.enable_proxy_headers_parsing,
        max_body=config.oslo_middleware.max_request_body_size,
        challenge=challenge(url),
    )
    common: dict[str, Any] = {"policy": enforcer, "settings": api, "health": Health(store.ping)}
    if config.auth == "keystone":
        keystone = KeystoneAuth(config.oslo, enforcer)
        return _behind_keystone(config, keystone, create_app(env, auth=keystone, **common))
    if config.auth == "none":
        return create_app(env, auth=NoAuth(enforcer), **common)
    from abaca.identity.embedded import create_identity_app

    identity = make_identity(config, store)
    mounts = {"/identity": create_identity_app(identity)}
    return create_app(env, auth=EmbeddedAuth(identity, enforcer), mounts=mounts, **common)


def _behind_keystone(config: Config, keystone: KeystoneAuth, app: Any) -> Any:
    """Behind Keystone's middleware.  What it needs only with the first request is looked for now;
    ConfigError if it is missing or wrong."""
    from keystonemiddleware.auth_token import ConfigurationError

    try:
        wrapped = keystone.wrap(app)
        told = config.section("keystone_authtoken")
        if told.memcached_servers:
            uses_binary = told.memcache_sasl_enabled or told.memcache_tls_enabled
            pool = "_bmemcache_pool" if uses_binary else "_memcache_pool"
            importlib.import_module(f"oslo_cache.{pool}")
    except (ConfigurationError, OSError, ValueError) as error:
        raise ConfigError(f"[keystone_authtoken] cannot be used: {error}.") from None
    except ImportError as error:
        raise ConfigError(
            f"[keystone_authtoken] needs the Python package of {error.name}, which is not "
            f"installed here: install it beside abaca, or leave the option out that needs it."
        ) from None
    return wrapped


def make_identity(config: Config, store: Store) -> Any:
    from abaca.identity.core import Identity
    from abaca.identity.settings import IdentitySettings

    key_file = config.state_path / "token.key" if store.dialect == "sqlite" else None
    own = config.abaca
    settings = IdentitySettings(
        public_url=config.osapi_share_base_URL or "",
        region=own.region,
        token_seconds=float(own.token_lifetime),
        key_file=key_file,
        login_failures=own.login_failures,
        address_failures=own.address_failures,
        shortest_password=own.password_min_length,
    )
    return Identity(store, settings)


def public_url(config: Config) -> str:
    """http(s)://host:port by which this machine reaches the API."""
    if config.osapi_share_base_URL:
        return str(config.osapi_share_base_URL).rstrip("/")
    address, port = config.api_address
    host = "127.0.0.1" if address in ("::", "0.0.0.0", "") else address
    scheme = "https" if config.osapi_share_use_ssl else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"
