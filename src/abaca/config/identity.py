"""Who is asking: sections that belong to Keystone's middleware and to oslo.policy.

Those libraries register their options themselves; the rows here are for recognising a file.
"""

from __future__ import annotations

from typing import Any

from .options import Kind, Mark, Option


def _library(kind: Kind, names: str, help: str, **more: Any) -> tuple[Option, ...]:
    return tuple(Option(n, kind, None, help, library=True, **more) for n in names.split())


AUTH = (
    *_library(
        Kind.TEXT,
        "auth_type auth_section auth_url system_scope domain_id domain_name project_id project_name"
        " project_domain_id project_domain_name trust_id default_domain_id default_domain_name"
        " user_id username user_name user_domain_id user_domain_name tenant_id tenant_name"
        " application_credential_id application_credential_name cafile certfile keyfile"
        " auth_uri admin_user admin_tenant_name identity_provider protocol",
        "how abaca logs in to Keystone",
    ),
    *_library(
        Kind.TEXT,
        "password passcode admin_password admin_token application_credential_secret access_token",
        "a secret of that login",
        secret=True,
    ),
    *_library(Kind.FLAG, "insecure split_loggers collect_timing", "how the session behaves"),
    *_library(Kind.INTEGER, "timeout", "seconds for a request"),
    *_library(
        Kind.TEXT,
        "region_name service_type service_name valid_interfaces endpoint_override min_version"
        " max_version interface connect_retries connect_retry_delay status_code_retries"
        " status_code_retry_delay",
        "which endpoint of the service catalog is used",
    ),
)

KEYSTONE = (
    *AUTH,
    *_library(
        Kind.TEXT,
        "www_authenticate_uri auth_version http_connect_timeout http_request_max_retries cache"
        " memcached_servers memcache_security_strategy service_token_roles"
        " include_service_catalog enforce_token_bind hash_algorithms token_cache_time"
        " memcache_pool_dead_retry memcache_pool_maxsize memcache_pool_socket_timeout"
        " memcache_pool_unused_timeout memcache_pool_conn_get_timeout memcache_username"
        " memcache_sasl_enabled memcache_tls_enabled delay_auth_decision",
        "how tokens are checked",
    ),
    *_library(Kind.TEXT, "memcache_secret_key memcache_password", "of the cache", secret=True),
    *_library(
        Kind.FLAG,
        "service_token_roles_required memcache_use_advanced_pool",
        "how tokens are checked",
    ),
    *_library(
        Kind.TEXT,
        "identity_uri signing_dir check_revocations_for_cached auth_host auth_port auth_protocol"
        " revocation_cache_time",
        "from an older middleware",
        mark=Mark.IGNORED,
    ),
)

POLICY = (
    *_library(Kind.TEXT, "policy_file policy_default_rule", "rules that differ from the defaults"),
    *_library(Kind.FLAG, "enforce_scope enforce_new_defaults", "which defaults hold"),
    *_library(Kind.MANY, "policy_dirs", "directories of further rules"),
    *_library(
        Kind.TEXT,
        "remote_content_type remote_ssl_ca_crt_file remote_ssl_client_crt_file"
        " remote_ssl_client_key_file remote_timeout",
        "rules asked from another server",
    ),
    *_library(Kind.FLAG, "remote_ssl_verify_server_crt", "rules asked from another server"),
)
