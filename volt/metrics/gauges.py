# SPDX-License-Identifier: Apache-2.0
"""The gauges: metrics that are read from the registry at each request."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily

from volt.metrics.census import Census, version


class Gauges:
    """A collector of Prometheus for one census."""

    def __init__(self, census: Census | None) -> None:
        self._census = census

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the gauges; without a census only version and registry_up."""
        build = GaugeMetricFamily(
            "volt_build_info", "The version that runs.", labels=["version"]
        )
        build.add_metric([version()], 1)
        yield build
        yield GaugeMetricFamily(
            "volt_registry_up",
            "Whether the registry answered.",
            value=float(self._census is not None),
        )
        if self._census is not None:
            yield from _totals(self._census)
            yield from _trees(self._census)


def _totals(census: Census) -> Iterator[GaugeMetricFamily]:
    for name, text, value in (
        ("members", "Nodes.", census.members),
        ("volumes", "Volumes, that is, trees.", census.volumes),
        ("places", "Peers of all volumes together.", census.peers),
    ):
        yield GaugeMetricFamily(f"volt_{name}", text, value=value)


def _trees(census: Census) -> Iterator[GaugeMetricFamily]:
    peers = GaugeMetricFamily(
        "volt_peers", "Peers of a volume.", labels=["volume"]
    )
    depth = GaugeMetricFamily(
        "volt_tree_depth", "Levels of a volume's tree.", labels=["volume"]
    )
    for tree in census.trees:
        peers.add_metric([tree.name], tree.peers)
        depth.add_metric([tree.name], tree.depth)
    yield from (peers, depth)
