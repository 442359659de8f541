"""Requests by route and status, and how long they took, for Prometheus."""

from __future__ import annotations

from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)  # seconds


class Metrics:
    """The metrics of one application; other parts may add theirs to `registry`."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self._requests = Counter(
            "abaca_api_requests", "API requests", ("route", "code"), registry=self.registry
        )
        self._seconds = Histogram(
            "abaca_api_request_seconds",
            "Time from request to answer",
            ("route",),
            buckets=BUCKETS,
            registry=self.registry,
        )
        self._counters: dict[tuple[str, int], Any] = {}
        self._histograms: dict[str, Any] = {}

    def observe(self, route: str, code: int, seconds: float) -> None:
        counter = self._counters.get((route, code))
        if counter is None:
            counter = self._counters[route, code] = self._requests.labels(route, str(code))
        histogram = self._histograms.get(route)
        if histogram is None:
            histogram = self._histograms[route] = self._seconds.labels(route)
        counter.inc()
        histogram.observe(seconds)

    def text(self) -> bytes:
        return generate_latest(self.registry)
