"""The VAST driver; `abaca.drivers.vast` registers these rows."""

from __future__ import annotations

from ..options import flag, host, port, seconds, secret, text

VAST = (
    host("vast_mgmt_host", None, "management address; must be set"),
    port("vast_mgmt_port", 443, "management port"),
    text("vast_vippool_name", None, "pool of export addresses; must be set"),
    text("vast_root_export", "manila", "directory above all shares"),
    text("vast_mgmt_user", None, "login"),
    secret("vast_mgmt_password", None, "password of that login"),
    secret("vast_api_token", "", "token instead of a login"),
    flag("vast_ssl_verify", True, "check the array's certificate"),
    text("vast_ssl_ca", None, "file with the authority of that certificate"),
    text("vast_tenant_name", None, "tenant on the array"),
    seconds("vast_mgmt_timeout", 30, "seconds to wait for an answer of the array", min=1),
    flag("vast_root_squash", False, "clients' root users become nobody"),
)
