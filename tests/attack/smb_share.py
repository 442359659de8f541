"""SMB shares to attack: a backend with Samba, and its shares as a raw client reaches them."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator

import pytest

from abaca.drivers.contract.records import AccessRule, Share
from abaca.drivers.local.cifs import CifsExporter
from attack.smb_client import Login, SmbClient
from storage.kit import Backend, rule, running, why_not

NO_SERVER = -1
EVERYBODY = rule("0.0.0.0/0")


@contextlib.contextmanager
def samba(**options: object) -> Iterator[Backend]:
    """A backend whose rules make users."""
    if reason := why_not("CIFS"):
        pytest.skip(reason)
    wanted = {"local_protocols": ["CIFS"], "local_pool_size_gb": 2, "local_smb_create_users": True}
    with running(**{**wanted, **options}) as backend:
        yield backend


def exporter(backend: Backend) -> CifsExporter:
    found = backend.driver.exporter("CIFS")
    assert isinstance(found, CifsExporter)
    return found


def new_project() -> str:
    return uuid.uuid4().hex


def open_share(backend: Backend, *rules: AccessRule, project: str = "") -> Share:
    """A share of a project, with these rules."""
    share = backend.share(protocol="CIFS", project_id=project or new_project())
    backend.allow(share, *rules)
    return share


def user_of(backend: Backend, share: Share, name: str, level: str = "rw") -> Login:
    """How the user of a rule logs in; the rule is the only one of the share."""
    wanted = rule(name, level, kind="user")
    told = backend.allow(share, wanted)[wanted["access_id"]]
    return Login(f"{name}.{str(share['project_id'])[:8]}", told["access_key"])


def connect(backend: Backend) -> SmbClient:
    return SmbClient("127.0.0.1", int(backend.options["local_smb_port"]))


def reach(backend: Backend, who: Login, tree: str) -> int:
    """The status with which this user is let in to a share, or not; NO_SERVER if the connection is
    refused: no share has a rule then."""
    try:
        with connect(backend) as client:
            return client.login(who) or client.tree(tree)
    except ConnectionRefusedError:
        return NO_SERVER


def name_of(share: Share) -> str:
    return f"share-{share['id']}"
