"""Sections of the OpenStack services that drivers use, and of small middleware."""

from __future__ import annotations

from .identity import AUTH
from .options import Mark, Option, flag, ignored, integer, seconds, text, words

_ENDPOINT = text(
    "endpoint_type",
    "publicURL",
    "endpoint used",
    choices=("publicURL", "internalURL", "adminURL", "public", "internal", "admin"),
)


def _old(name: str) -> tuple[tuple[str, str], ...]:
    return (("DEFAULT", name),)


_NAMED = {"region_name"}  # registered here, so not among the library's rows
_LOGIN = tuple(row for row in AUTH if row.name not in _NAMED)
_REGION = text("region_name", None, "region of the service")

NOVA: tuple[Option, ...] = (
    text("api_microversion", "2.10", "compute API version", old=_old("nova_api_microversion")),
    _ENDPOINT,
    _REGION,
    *_LOGIN,
)
CINDER: tuple[Option, ...] = (
    flag("cross_az_attach", True, "attach across zones", old=_old("cinder_cross_az_attach")),
    integer("http_retries", 3, "tries of a call", min=0, old=_old("cinder_http_retries")),
    _ENDPOINT,
    _REGION,
    *_LOGIN,
)
NEUTRON: tuple[Option, ...] = (
    text("url", None, "endpoint, if not from the catalog"),
    seconds("url_timeout", 30, "seconds for a call", old=_old("neutron_url_timeout")),
    text("auth_strategy", "keystone", "how calls log in", old=_old("neutron_auth_strategy")),
    _ENDPOINT,
    _REGION,
    *_LOGIN,
)
GLANCE: tuple[Option, ...] = (
    text("api_microversion", "2", "image API version"),
    _ENDPOINT,
    text("region_name", "RegionOne", "region of the service"),
    *_LOGIN,
)
BARBICAN: tuple[Option, ...] = (
    _ENDPOINT,
    _REGION,
    *ignored("barbican_endpoint barbican_api_version barbican_endpoint_type", "not used yet"),
    *_LOGIN,
)

MIDDLEWARE = (
    flag("enable_proxy_headers_parsing", False, "trust Forwarded headers for links"),
    integer("max_request_body_size", 114688, "largest request body in bytes", min=1),
    text("secure_proxy_ssl_header", None, "header that names the outer scheme"),
    text("http_basic_auth_user_file", None, "no basic authentication", mark=Mark.IGNORED),
)
SSL = (
    text("ca_file", None, "authority of client certificates"),
    text("cert_file", None, "certificate of the API"),
    text("key_file", None, "key of that certificate"),
    *ignored("version ciphers", "left to the TLS library"),
)
CORS = (
    words("allowed_origin", None, "origins browsers may call from"),
    flag("allow_credentials", True, "let them send credentials"),
    words("expose_headers", None, "headers they may read"),
    integer("max_age", 3600, "seconds an answer is remembered"),
    words("allow_methods", None, "methods they may use"),
    words("allow_headers", None, "headers they may send"),
)
HEALTHCHECK = (
    text("path", "/healthcheck", "where to ask"),
    flag("detailed", False, "say more"),
    words("backends", (), "further checks", mark=Mark.IGNORED),
    words("allowed_source_ranges", (), "who may ask"),
    flag("ignore_proxied_requests", False, "not to callers behind a proxy"),
    *ignored(
        "disable_by_file_path disable_by_file_paths disable_by_file_ports enable_by_file_paths",
        "not used",
    ),
)
COORDINATION = ignored(
    "backend_url heartbeat initial_reconnect_backoff max_reconnect_backoff",
    "abaca's locks live in its database",
)
