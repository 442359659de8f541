"""Options of the VAST driver, in the section of its backend, with the names of manila.conf."""

from __future__ import annotations

from typing import Final

from oslo_config import cfg

VAST_OPTS: Final = [
    cfg.HostAddressOpt("vast_mgmt_host", help="Management address of the cluster; must be set."),
    cfg.PortOpt("vast_mgmt_port", default=443, help="Its port."),
    cfg.StrOpt(
        "vast_vippool_name",
        help="Pool of virtual addresses that clients mount shares from; must be set.",
    ),
    cfg.StrOpt("vast_root_export", default="manila", help="Directory above all shares."),
    cfg.StrOpt("vast_mgmt_user", help="Login of the management API."),
    cfg.StrOpt("vast_mgmt_password", secret=True, help="Password of that login."),
    cfg.StrOpt(
        "vast_api_token", default="", secret=True, help="API token, instead of a login (VAST 5.3)."
    ),
    cfg.BoolOpt(
        "vast_ssl_verify",
        default=True,
        help="Verify the cluster's certificate. Without that anybody can pretend to be it.",
    ),
    cfg.StrOpt(
        "vast_ssl_ca",
        help="File with the authority that signed the certificate. Default: those of the system.",
    ),
    cfg.StrOpt("vast_tenant_name", help="Tenant on the cluster, sent with every request."),
    cfg.IntOpt(
        "vast_mgmt_timeout",
        default=30,
        min=1,
        help="Seconds to wait for a connection or for an answer.",
    ),
    cfg.BoolOpt("vast_root_squash", default=False, help="Make clients' root users nobody."),
]
