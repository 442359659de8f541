"""The VAST driver."""

from __future__ import annotations

from ..options import flag, host, port, secret, text

VAST = (
    host("vast_mgmt_host", None, "management address; must be set"),
    port("vast_mgmt_port", 443, "management port"),
    text("vast_vippool_name", None, "pool of export addresses; must be set"),
    text("vast_root_export", "manila", "directory above all shares"),
    text("vast_mgmt_user", None, "login"),
    secret("vast_mgmt_password", None, "password of that login"),
    secret("vast_api_token", "", "token instead of a login"),
    flag("vast_ssl_verify", False, "check the certificate"),
    text("vast_ssl_ca", None, "authority of that certificate"),
    text("vast_tenant_name", None, "tenant on the array"),
)
