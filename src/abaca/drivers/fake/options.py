"""Options of the fake backend."""

from __future__ import annotations

from typing import Final

from oslo_config import cfg

FAKE_OPTS: Final = [
    cfg.StrOpt(
        "fake_state_path",
        help="Directory of the simulated backend. Backends that name the same one are one array: "
        "they can replicate and move shares to each other. "
        "Default: fake/<section> under state_path.",
    ),
    cfg.ListOpt("fake_pools", default=["fake"], help="Pools, each `name` or `name:GiB`."),
    cfg.FloatOpt("fake_capacity_gb", default=100000.0, min=0, help="GiB of a pool without a size."),
    cfg.ListOpt("fake_protocols", default=["NFS", "CIFS"], help="Share protocols."),
    cfg.StrOpt("fake_export_ip", default="192.0.2.10", help="Address in export locations."),
    cfg.FloatOpt("fake_latency", default=0.0, min=0, help="Seconds every mutating call takes."),
    cfg.FloatOpt(
        "fake_clone_seconds", default=0.0, min=0, help="Above 0: clones are asynchronous."
    ),
    cfg.FloatOpt(
        "fake_revert_seconds", default=0.0, min=0, help="Above 0: reverts are asynchronous."
    ),
    cfg.FloatOpt("fake_copy_seconds", default=0.0, min=0, help="Time of moves and backups."),
    cfg.StrOpt(
        "fake_replication_type",
        choices=["readable", "writable", "dr"],
        help="Set it, and replication_domain, to replicate.",
    ),
]
