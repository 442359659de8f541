"""[abaca]: options no other service has."""

from __future__ import annotations

from .options import flag, integer, real, seconds, text, words

OWN = (
    integer("operations_threads_per_backend", 8, "operations at once per backend", min=1, max=256),
    real("lease_seconds", 1.5, "a silent worker loses its backend after this", min=0.2, max=600),
    real("heartbeat_seconds", 0.3, "seconds between heartbeats", min=0.05, max=60),
    real("reconcile_interval", 5.0, "seconds between looks after a backend's servers", min=0.1),
    real("drift_interval", 60.0, "seconds between comparisons with the database", min=0.1),
    flag("drift_repair", True, "repair what differs, unless it has no row; else only report it"),
    real("driver_call_timeout", 3600.0, "seconds until a driver's call is given up", min=1),
    seconds("idempotency_retention_time", 86400, "an Idempotency-Key is known so long", min=1),
    seconds(
        "operation_retention_time", 2592000, "operations that ended are kept so long", min=3600
    ),
    # the API
    integer("api_connections", 4096, "connections at a time", min=16),
    integer("api_connections_per_address", 256, "connections at a time from an address", min=4),
    real("api_request_timeout", 30.0, "seconds from first to last byte of a request", min=0.5),
    real("api_idle_timeout", 75.0, "seconds a connection may be without a request", min=0.5),
    integer("rules_per_share", 1000, "access rules of a share, and of a mountable snapshot", min=1),
    flag("plain_http", False, "serve other machines without TLS and without a proxy"),
    words("trusted_proxies", (), "addresses or networks whose X-Forwarded-For is believed"),
    # the embedded identity
    text("region", "RegionOne", "region in the service catalog"),
    seconds("token_lifetime", 3600, "a token is good for so long", min=60),
    integer("login_failures", 5, "wrong passwords per minute, of a user from an address", min=1),
    integer("address_failures", 60, "wrong passwords per minute, from an address", min=1),
    integer("password_min_length", 8, "fewest characters of a new password", min=1, max=128),
)
