"""What all parts of the fake driver share: options, the array, columns and locations."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from abaca.drivers.contract import AnyContext, ShareDriver
from abaca.drivers.contract.errors import InvalidShare
from abaca.drivers.contract.records import Share
from abaca.drivers.fake.backend import FakeBackend
from abaca.drivers.fake.options import FAKE_OPTS
from abaca.model import networks

DEFAULT_STATE_PATH: Final = "/var/lib/abaca"


class FakeBase(ShareDriver):
    """Construction does no I/O: the array is opened when first used."""

    extra_spec_prefix = "fake"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__((True, False), *args, config_opts=[FAKE_OPTS], **kwargs)
        self._backend: FakeBackend | None = None
        self._section = str(self.configuration.config_group or "DEFAULT")
        self._capacities = dict(self._pool(text) for text in self.configuration.fake_pools)
        self._protocols = frozenset(p.upper() for p in self.configuration.fake_protocols)
        self._clone_seconds: float = self.configuration.fake_clone_seconds
        self._revert_seconds: float = self.configuration.fake_revert_seconds
        self._copy_seconds: float = self.configuration.fake_copy_seconds
        self._latency: float = self.configuration.fake_latency
        self._export_ip: str = self.configuration.fake_export_ip

    def _pool(self, text: str) -> tuple[str, float]:
        name, _, size = text.partition(":")
        return name.strip(), float(size or self.configuration.fake_capacity_gb)

    @property
    def backend(self) -> FakeBackend:
        """The array."""
        if self._backend is None:
            root = self.configuration.default_get("state_path") or DEFAULT_STATE_PATH
            path = self.configuration.fake_state_path or Path(root) / "fake" / self._section
            self._backend = FakeBackend(path)
        return self._backend

    def _call(
        self, method: str, resource: str | None, context: AnyContext | None = None, **values: Any
    ) -> Any:
        if self._latency:
            time.sleep(self._latency)
        return self.backend.call(method, resource, context, **values)

    def _columns(self, share: Share, server: Mapping[str, Any] | None) -> dict[str, Any]:
        """The row of a new share; InvalidShare for a protocol this backend does not have."""
        if share["share_proto"].upper() not in self._protocols:
            raise InvalidShare(
                reason=f"protocol {share['share_proto']} is not one of {sorted(self._protocols)}"
            )
        return {
            "id": share["id"],
            "name": share["name"],
            "path": f"/fake/{share['name']}",
            "backend": self._section,
            "pool": self._pool_of(share),
            "size": share["size"],
            "proto": share["share_proto"],
            "server": server["id"] if server else None,
        }

    def _snapshot_row(self, snapshot: Mapping[str, Any], share_id: str) -> dict[str, Any]:
        """The row of a new snapshot."""
        return {
            "id": snapshot["id"],
            "name": snapshot["name"],
            "path": f"/fake/snapshots/{snapshot['name']}",
            "share_id": share_id,
        }

    def _pool_of(self, share: Share) -> str:
        _, _, pool = (share["host"] or "").partition("#")
        return pool if pool in self._capacities else next(iter(self._capacities))

    def _locations(self, path: str) -> list[dict[str, Any]]:
        return [
            {
                "path": f"{self._export_ip}:{path}",
                "is_admin_only": False,
                "metadata": {"preferred": "True"},
            },
            {
                "path": f"[fd00::1]:{path}",
                "is_admin_only": True,
                "metadata": {"preferred": "False"},
            },
        ]


def is_network(text: str) -> bool:
    """Whether it is an address or a network that a client can be in; one with a zone is not."""
    try:
        return networks.why_no_client(networks.parse(text)) is None
    except networks.BadNetwork:
        return False


def is_name(text: str) -> bool:
    """Whether it can be a user's or a certificate's name."""
    return bool(text) and text.isprintable() and len(text) <= 255


def plain_rules(
    rules: Iterable[Mapping[str, Any]], level: str | None = None
) -> list[dict[str, Any]]:
    """Access rules as the array keeps them, all with one level if it is given."""
    return [
        {
            "access_id": rule["access_id"],
            "access_type": rule["access_type"],
            "access_to": rule["access_to"],
            "access_level": level or rule["access_level"],
        }
        for rule in rules
    ]
