# SPDX-License-Identifier: Apache-2.0
"""Handlers for probes and monitoring: volt's health and its metrics."""

from __future__ import annotations

from volt.api.call import Answer, Call
from volt.exception import Unavailable
from volt.metrics.census import version


def show_health(call: Call) -> Answer:
    """Show whether volt can serve, that is, whether its registry answers."""
    health = call.services.monitor.health()
    return Answer(
        {
            "status": "ok",
            "version": version(),
            "revision": health.revision,
            "evicting": health.evicting,
        }
    )


def show_metrics(call: Call) -> Answer:
    """Show the metrics, in the text format of Prometheus.

    Without the registry there are fewer; ``volt_registry_up`` is 0 then.
    """
    try:
        census = call.services.monitor.census()
    except Unavailable:
        census = None
    return Answer(call.services.counters(census))
