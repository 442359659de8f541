"""Share servers in the fake array, and moving them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from abaca.drivers.contract import AnyContext
from abaca.drivers.contract.errors import ManageShareServerError
from abaca.drivers.contract.records import Share, ShareServer, Snapshot
from abaca.drivers.fake.base import FakeBase
from abaca.drivers.fake.effects import (
    Row,
    Tx,
    drop_task,
    effect,
    find_task,
    start_task,
    task_progress,
)

Rows = Sequence[Row]


@effect
def setup_server(tx: Tx, server_id: str, details: Row) -> None:
    start_task(tx, "server", server_id, None, 0, details)


@effect
def teardown_server(tx: Tx, server_id: str) -> None:
    drop_task(tx, "server", server_id)


@effect
def manage_server(tx: Tx, server_id: str, identifier: str, details: Row) -> None:
    if find_task(tx, "server", identifier) is None and find_task(tx, "server", server_id) is None:
        raise ManageShareServerError(reason=f"there is no server {identifier!r}")
    drop_task(tx, "server", identifier)
    start_task(tx, "server", server_id, None, 0, details)


@effect
def unmanage_server(tx: Tx, server_id: str) -> None:
    """Nothing: the server stays."""


@effect
def share_server_migration_start(tx: Tx, source: str, destination: str, seconds: float) -> None:
    if find_task(tx, "server_migration", destination) is None:
        start_task(tx, "server_migration", destination, source, seconds)


@effect
def share_server_migration_continue(tx: Tx, destination: str) -> bool:
    return task_progress(tx, "server_migration", destination) == 100


@effect
def share_server_migration_get_progress(tx: Tx, destination: str) -> int:
    return task_progress(tx, "server_migration", destination)


@effect
def share_server_migration_complete(
    tx: Tx, destination: str, shares: Rows, backend: str
) -> dict[str, str]:
    """Returns {share id: path}."""
    paths = {}
    for share in shares:
        row = tx.execute(
            "UPDATE shares SET server = ? WHERE id = ? RETURNING path",
            (destination, share["id"]),
        ).fetchone()
        paths[share["id"]] = row["path"] if row else f"/fake/{share['name']}"
    drop_task(tx, "server_migration", destination)
    return paths


@effect
def share_server_migration_cancel(tx: Tx, destination: str) -> None:
    drop_task(tx, "server_migration", destination)


class FakeServers(FakeBase):
    """A server is one row with its details."""

    def get_network_allocations_number(self) -> int:
        return 1 if self.driver_handles_share_servers else 0

    def _setup_server(
        self, network_info: Sequence[Row], metadata: Row | None = None
    ) -> dict[str, str]:
        server_id = network_info[0]["server_id"]
        addresses = [
            allocation["ip_address"]
            for subnet in network_info
            for allocation in subnet.get("network_allocations") or ()
        ]
        details = {"server_id": server_id, "identifier": server_id, "ips": ",".join(addresses)}
        self._call("setup_server", server_id, server_id=server_id, details=details)
        return details

    def _teardown_server(
        self, server_details: Mapping[str, str], security_services: Rows | None = None
    ) -> None:
        server_id = server_details.get("server_id")
        if server_id:
            self._call("teardown_server", server_id, server_id=server_id)

    def get_share_server_pools(self, share_server: ShareServer) -> list[str]:
        return list(self._capacities)

    def get_share_server_network_info(
        self, context: AnyContext, share_server: ShareServer, identifier: str, driver_options: Row
    ) -> list[str]:
        addresses = str(driver_options.get("ips") or self._export_ip)
        return addresses.split(",")

    def manage_server(
        self, context: AnyContext, share_server: ShareServer, identifier: str, driver_options: Row
    ) -> tuple[str, Mapping[str, str]]:
        server_id = share_server["id"]
        details = {"server_id": server_id, "identifier": identifier}
        self._call(
            "manage_server",
            server_id,
            context,
            server_id=server_id,
            identifier=identifier,
            details=details,
        )
        return identifier, details

    def unmanage_server(
        self, server_details: Mapping[str, str], security_services: Rows | None = None
    ) -> None:
        server_id = server_details.get("server_id", "")
        self._call("unmanage_server", server_id, server_id=server_id)

    def check_update_share_server_security_service(self, *args: Any, **kwargs: Any) -> bool:
        return True

    def update_share_server_security_service(self, *args: Any, **kwargs: Any) -> None:
        return None

    def check_update_share_server_network_allocations(self, *args: Any, **kwargs: Any) -> bool:
        return True

    def update_share_server_network_allocations(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        return {"share_updates": {}, "snapshot_updates": {}, "server_details": {}}

    def share_server_migration_check_compatibility(
        self,
        context: AnyContext,
        share_server: ShareServer,
        dest_host: str,
        old_share_network: Row,
        new_share_network: Row,
        shares_request_spec: Row,
    ) -> dict[str, bool]:
        return {
            "compatible": True,
            "writable": True,
            "nondisruptive": False,
            "preserve_snapshots": True,
            "migration_cancel": True,
            "migration_get_progress": True,
        }

    def share_server_migration_start(
        self,
        context: AnyContext,
        src_share_server: ShareServer,
        dest_share_server: ShareServer,
        shares: Sequence[Share],
        snapshots: Sequence[Snapshot],
    ) -> None:
        self._call(
            "share_server_migration_start",
            dest_share_server["id"],
            context,
            source=src_share_server["id"],
            destination=dest_share_server["id"],
            seconds=self._copy_seconds,
        )

    def share_server_migration_continue(
        self,
        context: AnyContext,
        src_share_server: ShareServer,
        dest_share_server: ShareServer,
        shares: Sequence[Share],
        snapshots: Sequence[Snapshot],
    ) -> bool:
        server = dest_share_server["id"]
        return bool(
            self._call("share_server_migration_continue", server, context, destination=server)
        )

    def share_server_migration_complete(
        self,
        context: AnyContext,
        src_share_server: ShareServer,
        dest_share_server: ShareServer,
        shares: Sequence[Share],
        snapshots: Sequence[Snapshot],
        new_network_info: Sequence[Row],
    ) -> dict[str, Any]:
        server = dest_share_server["id"]
        paths = self._call(
            "share_server_migration_complete",
            server,
            context,
            destination=server,
            shares=[{"id": share["id"], "name": share["name"]} for share in shares],
            backend=self._section,
        )
        pool = next(iter(self._capacities))
        updates = {
            share_id: {"export_locations": self._locations(path), "pool_name": pool}
            for share_id, path in paths.items()
        }
        return {"share_updates": updates, "snapshot_updates": {}}

    def share_server_migration_cancel(
        self,
        context: AnyContext,
        src_share_server: ShareServer,
        dest_share_server: ShareServer,
        shares: Sequence[Share],
        snapshots: Sequence[Snapshot],
    ) -> None:
        server = dest_share_server["id"]
        self._call("share_server_migration_cancel", server, context, destination=server)

    def share_server_migration_get_progress(
        self,
        context: AnyContext,
        src_share_server: ShareServer,
        dest_share_server: ShareServer,
        shares: Sequence[Share],
        snapshots: Sequence[Snapshot],
    ) -> dict[str, Any]:
        server = dest_share_server["id"]
        percent = self._call(
            "share_server_migration_get_progress", server, context, destination=server
        )
        return {"total_progress": percent}
