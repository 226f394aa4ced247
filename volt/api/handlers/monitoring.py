# SPDX-License-Identifier: Apache-2.0
"""For probes and monitoring: whether volt is well, and its figures."""

from volt.api.call import Answer, Call
from volt.exception import Unavailable
from volt.metrics.census import version


def show_health(call: Call) -> Answer:
    """Say whether volt can serve: its registry answers."""
    found = call.services.monitor.health()
    return Answer(
        {
            "status": "ok",
            "version": version(),
            "revision": found.revision,
            "evicting": found.evicting,
        }
    )


def show_metrics(call: Call) -> Answer:
    """Tell the figures, in the text format of Prometheus.

    Without the registry there are fewer, and one of them says so.
    """
    try:
        census = call.services.monitor.census()
    except Unavailable:
        census = None
    return Answer(call.services.figures(census))
