"""Keeping secrets out of everything that is shown or logged."""

from __future__ import annotations

import re
from typing import Any

HIDDEN = "****"

_NAMES = re.compile(
    r"passw|passcode|passphrase|secret|credential|transport_url|api_key|access_key|auth_key"
    r"|private_key$|token$|_pwd|keyring",
    re.IGNORECASE,
)
_NOT_SECRET = re.compile(r"path_to_|(_path|_file|_id|_length|_name|_cert_based_auth)$")
_USERINFO = re.compile(r"(://[^:@/\s]*):\S*@")
_PARAMETER = re.compile(r"((?:pass|password|passwd|pwd|sslpassword|token|secret)=)[^&\s,]+", re.I)


def secret_name(name: str) -> bool:
    """Whether an option by its name alone must be taken for a secret."""
    return bool(_NAMES.search(name)) and not _NOT_SECRET.search(name)


def masked(name: str, value: Any, secret: bool = False) -> Any:
    """The value as it may be shown."""
    if value is None or value == "":
        return value
    if name.endswith("connection") and isinstance(value, str):
        return without_password(value)
    if secret or secret_name(name):
        return HIDDEN
    if isinstance(value, str):
        return without_password(value)
    if isinstance(value, list | tuple):
        return [masked(name, item) for item in value]
    if isinstance(value, dict):
        return {key: masked(str(key), item) for key, item in value.items()}
    return value


def without_password(text: str) -> str:
    """A text with the passwords of URLs in it taken out."""
    return _PARAMETER.sub(rf"\1{HIDDEN}", _USERINFO.sub(rf"\1:{HIDDEN}@", text))
