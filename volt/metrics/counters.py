# SPDX-License-Identifier: Apache-2.0
"""Counts events and requests, in the text format of Prometheus.

Several workers count in files that they share
(``volt/metrics/multiprocess.py``); the worker that is asked adds them up.  To
count costs about a microsecond, to time a request about three.

Labels are routes, methods and classes of status that the API has, and ids
of volumes; no other text of a caller becomes a label.
"""

from __future__ import annotations

import os

from prometheus_client import CollectorRegistry, Counter, Histogram, values
from prometheus_client.exposition import generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from volt.event import Event
from volt.exception import ConfigError
from volt.metrics import multiprocess
from volt.metrics.census import Census
from volt.metrics.gauges import Gauges

METHODS = frozenset({"GET", "HEAD", "PUT", "POST", "DELETE"})
OTHER = "other"
"""The label of a method or route that the API does not have."""
BUCKETS = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
"""Seconds."""


class Counters:
    """The counters of one process."""

    def __init__(self) -> None:
        self._shared = os.environ.get(multiprocess.VARIABLE)
        if self._shared and values.ValueClass is values.MutexValue:
            raise ConfigError(
                f"{multiprocess.VARIABLE} was set too late: prometheus_client "
                "reads it when it is imported, so set it before the start"
            )
        self._requests = Histogram(
            "volt_request_seconds",
            "Time from the request to its answer.",
            ("route", "method", "status"),
            registry=None,
            buckets=BUCKETS,
        )
        self._timers: dict[tuple[str, str, str], Histogram] = {}
        self._counters = _counters()
        self._evictions = _evictions()
        self._counts = self._counters | {
            Event.SILENT: self._evictions.labels("silent"),
            Event.EXPIRED: self._evictions.labels("expired"),
        }

    def happened(self, event: Event, count: int) -> None:
        """Count an event that happened ``count`` times."""
        self._counts[event].inc(count)

    def answered(
        self, route: str | None, method: str, status: str, seconds: float
    ) -> None:
        """Count and time a request; ``status`` begins with its class."""
        key = (
            route or OTHER,
            method if method in METHODS else OTHER,
            f"{status[0]}xx",
        )
        timer = self._timers.get(key)
        if timer is None:
            timer = self._timers[key] = self._requests.labels(*key)
        timer.observe(seconds)

    def text(self, census: Census | None) -> bytes:
        """Return all metrics; ``census`` None: the registry is away."""
        registry = CollectorRegistry()
        registry.register(Gauges(census))
        if self._shared:
            # This class alone of prometheus_client has no types.
            MultiProcessCollector(  # type: ignore[no-untyped-call]
                registry, self._shared
            )
        else:
            for counter in (*self._counters.values(), self._evictions):
                registry.register(counter)
            registry.register(self._requests)
        return generate_latest(registry)


def _counters() -> dict[Event, Counter]:
    texts = {
        Event.JOINED: ("joins", "Places kept for newcomers."),
        Event.NO_PLACE: ("no_places", "Newcomers told to ask again."),
        Event.TAKEN_BACK: ("take_backs", "Peers that came back by serving."),
        Event.LEFT: ("leaves", "Peers taken out by request."),
        Event.FAILED_SOURCE: (
            "failed_source_reports",
            "Sources that nodes said they cannot read from, with each beat.",
        ),
    }
    return {
        event: Counter(
            f"volt_{texts[event][0]}", texts[event][1], registry=None
        )
        for event in texts
    }


def _evictions() -> Counter:
    return Counter(
        "volt_evictions",
        "Peers evicted: their node was silent, or their place expired.",
        ("reason",),
        registry=None,
    )
