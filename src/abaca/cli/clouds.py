"""clouds.yaml, and the administrator it holds the password of."""

from __future__ import annotations

import json
import os
import re
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from abaca.api.versions import MAX, text

from .assembly import public_url

if TYPE_CHECKING:
    from abaca.config import Config
    from abaca.store.engine import Store

API_VERSION = text(MAX)  # openstacksdk asks for this one, and can do what it knows


def path_of(config: Config) -> Path:
    return config.state_path / "clouds.yaml"


def make_identity(config: Config, store: Store) -> None:
    """The project and the user admin, with a password that only clouds.yaml knows.

    The file is written first: a start that is killed in between goes on with its password.
    """
    known = password(config)
    if known is None:
        if _has_admin(store):
            return  # another host made it, or the file was taken away on purpose
        known = secrets.token_urlsafe(18)
    _keep(config, known)
    if not _has_admin(store):
        from abaca.identity.core import bootstrap

        bootstrap(store, known)


def password(config: Config) -> str | None:
    """The administrator's, from clouds.yaml; None without that file."""
    try:
        found = re.search(r'^ +password: (".*")$', path_of(config).read_text(), re.MULTILINE)
    except FileNotFoundError:
        return None
    return str(json.loads(found[1])) if found else None


def _keep(config: Config, password: str) -> None:
    """Write the file; of one that is there only the URL may change: it is its reader's."""
    path = path_of(config)
    if not path.exists():
        _write_private(path, _text(config, password))
        return
    text = path.read_text()
    line = f"{public_url(config)}/identity/v3"
    wanted = re.sub(r"^( +auth_url: ).*$", lambda m: m[1] + line, text, count=1, flags=re.MULTILINE)
    if wanted != text:
        _write_private(path, wanted)


def _has_admin(store: Store) -> bool:
    from abaca.identity.settings import DEFAULT_DOMAIN
    from abaca.model.identity import User
    from abaca.store import identity

    with store.read() as tx:
        return identity.named(tx, User, "admin", domain_id=DEFAULT_DOMAIN) is not None


def _text(config: Config, password: str) -> str:
    trust = config.section("ssl").safe_get("cert_file") if config.osapi_share_use_ssl else None
    return (
        "# Made by abaca.  export OS_CLIENT_CONFIG_FILE=<this file> OS_CLOUD=abaca\n"
        "clouds:\n"
        "  abaca:\n"
        "    auth_type: password\n"
        "    auth:\n"
        f"      auth_url: {public_url(config)}/identity/v3\n"
        "      username: admin\n"
        f"      password: {json.dumps(password)}\n"
        "      project_name: admin\n"
        "      user_domain_id: default\n"
        "      project_domain_id: default\n"
        f"    region_name: {config.abaca.region}\n"
        "    identity_api_version: 3\n"
        f"    shared_file_system_api_version: '{API_VERSION}'\n"
        + (f"    cacert: {json.dumps(str(trust))}\n" if trust else "")
    )


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
