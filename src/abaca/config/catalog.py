"""Every option abaca knows, by section."""

from __future__ import annotations

import fnmatch

from .backend import BACKEND
from .core import CORE
from .data import DATA
from .database import DATABASE
from .identity import AUTH, KEYSTONE, POLICY
from .logs import LOGS, MESSAGING, REPLACED
from .network import NETWORK, PROFILE
from .openstack import (
    BARBICAN,
    CINDER,
    COORDINATION,
    CORS,
    GLANCE,
    HEALTHCHECK,
    MIDDLEWARE,
    NEUTRON,
    NOVA,
    SSL,
)
from .options import Option
from .own import OWN
from .quota import QUOTA
from .scheduler import SCHEDULER

DEFAULT = "DEFAULT"

SECTIONS: dict[str, tuple[Option, ...]] = {
    DEFAULT: CORE + SCHEDULER + DATA + LOGS + MESSAGING + REPLACED + BACKEND + NETWORK,
    "abaca": OWN,
    "quota": QUOTA,
    "database": DATABASE,
    "keystone_authtoken": KEYSTONE,
    "oslo_policy": POLICY,
    "nova": NOVA,
    "cinder": CINDER,
    "neutron": NEUTRON,
    "glance": GLANCE,
    "barbican": BARBICAN,
    "coordination": COORDINATION,
    "oslo_middleware": MIDDLEWARE,
    "ssl": SSL,
    "cors": CORS,
    "healthcheck": HEALTHCHECK,
}

PER_BACKEND: tuple[Option, ...] = BACKEND + NETWORK
NETWORK_SECTION: tuple[Option, ...] = NETWORK + PROFILE + AUTH + NEUTRON

IGNORED_SECTIONS: dict[str, str] = {
    "oslo_messaging_*": "abaca needs no message broker",
    "oslo_concurrency": "abaca's locks live in its database",
    "oslo_reports": "not used",
    "oslo_limit": "not used",
    "oslo_versionedobjects": "not used",
    "profiler": "not used",
    "privsep*": "abaca does not split its rights that way",
    "*_privileged": "abaca does not split its rights that way",
    "vif_plug*": "not used",
    "cache": "not used",
    "audit": "not used",
    "audit_middleware_notifications": "abaca needs no message broker",
    "matchmaker_redis": "abaca needs no message broker",
    "cors.*": "one set of origins, in [cors]",
}

IGNORED_OPTIONS: dict[str, str] = {
    "config_*": "given on the command line",
    "rpc_*": "abaca needs no message broker",
    "rabbit_*": "abaca needs no message broker",
    "notification_*": "abaca needs no message broker",
    "zmq_*": "abaca needs no message broker",
    "aiq_*": "belongs to a vendor's weigher",
    "wsgi_*": "belongs to the web server abaca replaces",
}


def matching(name: str, patterns: dict[str, str]) -> str | None:
    """The reason of the first pattern that matches."""
    for pattern, reason in patterns.items():
        if fnmatch.fnmatchcase(name, pattern):
            return reason
    return None
