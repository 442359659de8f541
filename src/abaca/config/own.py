"""[abaca]: options no other service has."""

from __future__ import annotations

from .options import integer, real, seconds

OWN = (
    integer("operations_threads_per_backend", 8, "operations at once per backend", min=1, max=256),
    real("lease_seconds", 3.0, "a silent worker loses its backend after this", min=0.2, max=600),
    real("heartbeat_seconds", 0.5, "seconds between heartbeats", min=0.05, max=60),
    seconds("idempotency_retention_time", 86400, "an Idempotency-Key is known so long", min=1),
)
