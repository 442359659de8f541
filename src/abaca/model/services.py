"""Availability zones, services (one for each backend), pools."""

from __future__ import annotations

from typing import Any

import msgspec


class AvailabilityZone(msgspec.Struct, frozen=True):
    id: str
    name: str
    created_at: str
    updated_at: str | None


class Service(msgspec.Struct, frozen=True):
    id: int
    binary: str  # manila-share manila-scheduler manila-data: names clients know
    host: str
    topic: str
    zone: str
    disabled: bool
    disabled_reason: str | None
    ensuring: bool
    reported_at: float  # epoch seconds
    stopped: bool
    created_at: str
    updated_at: str | None
    problem: str | None = None  # why its backend is left alone


class Pool(msgspec.Struct, frozen=True):
    host: str  # host@backend#pool
    stats: dict[str, Any]
    allocated_gb: int
    disabled: bool
    reported_at: float  # epoch seconds of its service
    zone: str
    zone_id: str
    problem: str | None = None  # of its service
