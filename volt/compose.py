# SPDX-License-Identifier: Apache-2.0
"""Builds the parts of the service from a configuration, in order."""

from __future__ import annotations

import dataclasses
import pathlib
from typing import TYPE_CHECKING

from oslo_config import cfg
from sqlalchemy.engine import Engine

from volt import auth
from volt.api.call import Services
from volt.api.openapi import Document
from volt.api.routes import ROUTE_DECLARATIONS
from volt.auth.caller import Strategy
from volt.deploy import load_app
from volt.executor import load
from volt.liveness.eviction import Eviction
from volt.liveness.evictor import EvictionGate, Evictor
from volt.liveness.lease import Lease
from volt.metrics.census import Monitor
from volt.middleware import App
from volt.pace import Pace
from volt.registry.connect import explained, open_registry
from volt.registry.session import Registry
from volt.rules import Rules
from volt.topology.images import Images
from volt.topology.listing import Listing
from volt.topology.members import Members
from volt.topology.tickets import Terms, Tickets
from volt.topology.tree import Tree

if TYPE_CHECKING:
    from volt.metrics.counters import Counters


@dataclasses.dataclass(frozen=True, slots=True)
class Service:
    """The parts of the service that a program runs."""

    application: App
    evictor: Evictor
    engine: Engine
    counters: Counters

    def close(self) -> None:
        """Stop the evictor and close the registry's connections."""
        self.evictor.stop()
        self.engine.dispose()


def prepare(conf: cfg.ConfigOpts) -> None:
    """Create or upgrade the registry's tables; keep no connection to it.

    For a process that forks before it composes a service.  Raises
    ``ConfigError``, also for an auth_strategy that cannot be used.
    """
    auth.load(conf)
    _open(conf).dispose()


def compose(conf: cfg.ConfigOpts, counters: Counters | None = None) -> Service:
    """Build the parts of the service; start none.  Raises ``ConfigError``.

    ``counters`` are those of a service that this one is to replace.
    """
    # prometheus_client reads its environment when it is imported, and a
    # supervisor must have set the directory of shared metrics before.
    from volt.metrics.counters import Counters

    counters = counters or Counters()
    rules = _rules(conf)
    strategy = auth.load(conf)
    opened = _open(conf)
    registry = Registry(opened, counters.happened)
    services = Services(
        Tree(registry, rules),
        Members(registry, rules),
        Images(registry),
        Listing(registry),
        Tickets(registry, _terms(conf)),
        Monitor(registry),
        counters.text,
        Document(ROUTE_DECLARATIONS).text,
    )
    return Service(
        load_app(services, strategy, conf.metrics_access, counters.answered),
        _evictor(registry, rules, strategy),
        opened,
        counters,
    )


def _rules(conf: cfg.ConfigOpts) -> Rules:
    pace = Pace(
        conf.heartbeat_interval,
        conf.missed_beats,
        conf.beats_per_second,
        conf.old_heartbeat_interval,
    )
    return Rules(
        load(conf.default_executor, conf.parents),
        conf.fanout,
        pace,
        conf.reservation_timeout,
    )


def _terms(conf: cfg.ConfigOpts) -> Terms:
    return Terms(conf.ticket_life, conf.server_ticket_life)


def _evictor(registry: Registry, rules: Rules, strategy: Strategy) -> Evictor:
    eviction = Eviction(registry, rules)
    lease = Lease(registry, eviction, rules.pace)
    lease.measure()
    interval = rules.pace.interval
    gate = EvictionGate(
        lease.sweep,
        lease.take,
        eviction.clock_was_set,
        interval,
        lambda: rules.pace.silence,
        was_deaf=strategy.was_away,
    )
    return Evictor(gate, interval, lease.give_back)


def _open(conf: cfg.ConfigOpts) -> Engine:
    make_state_dir(conf)
    options = dict(conf.database)
    return open_registry(options.pop("connection"), **options)


def make_state_dir(conf: cfg.ConfigOpts) -> None:
    """Make the directory of the SQLite registry, if it is in use."""
    url = conf.database.connection
    if url.startswith(f"sqlite:///{conf.state_dir}/"):
        with explained(url):
            path = pathlib.Path(conf.state_dir)
            path.mkdir(mode=0o750, parents=True, exist_ok=True)
