"""Availability zones, services (one for each backend), pools."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec


class Reporting(Protocol):
    """What decides whether a service is up."""

    @property
    def stopped(self) -> bool: ...  # on purpose
    @property
    def problem(self) -> str | None: ...  # why its backend is left alone
    @property
    def silence(self) -> float: ...  # seconds since its last report, by the database's clock


def is_up(service: Reporting, service_down_time: float) -> bool:
    """Whether a service gets work: it runs, reported lately, and its backend answers."""
    answers = not service.stopped and service.problem is None
    return answers and service.silence <= service_down_time


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
    silence: float = 0.0  # seconds since its last report, by the database's clock


class Pool(msgspec.Struct, frozen=True):
    host: str  # host@backend#pool
    stats: dict[str, Any]
    allocated_gb: int
    disabled: bool
    reported_at: float  # epoch seconds of its service
    zone: str
    zone_id: str
    problem: str | None = None  # of its service
    stopped: bool = False  # its service
    silence: float = 0.0  # seconds since the last report of its service
