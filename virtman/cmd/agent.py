# SPDX-License-Identifier: Apache-2.0
"""The agent's composition root: built from its options, then served.

Exit codes: 0 ended by a signal, 1 the host lacks something, 2 bad options.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FrameType

from oslo_config import cfg

from virtman import conf as configuration
from virtman import privsep
from virtman.admission.client import TicketClient
from virtman.admission.credentials import Credentials
from virtman.admission.server import Admission
from virtman.cache import engine
from virtman.cache.engine import CacheEngine
from virtman.cmd import logs
from virtman.cmd.kill_points import KillPoints, from_environment
from virtman.compute import Virtman
from virtman.conf import Settings
from virtman.coordinator import volt
from virtman.coordinator.beat_schedule import BeatSchedule
from virtman.coordinator.protocol import Alone, Coordinator
from virtman.doctor import prerequisites
from virtman.drivers import orphaned_commands, udev
from virtman.drivers.connector import Connector
from virtman.drivers.uevents import Uevents
from virtman.exception import ConfigError, VirtmanError
from virtman.image.services import Services
from virtman.instance.cow_usage import StoreWatch
from virtman.instance.session_repair import StoreSessions
from virtman.node.heartbeat import Heartbeat
from virtman.node.housekeeping import Housekeeping
from virtman.node.node import Node
from virtman.node.recovery import Recovery
from virtman.paths.monitor import PathMonitor
from virtman.rpc import local, messaging
from virtman.rpc import token as rpc_token
from virtman.rpc.peer_credentials import Callers
from virtman.rpc.ticket_door import AdmissionDoor
from virtman.rpc.verbs import Verbs
from virtman.rpc.xmlrpc import Door
from virtman.state import files
from virtman.state.intents import Intents
from virtman.targets.imageservice import ImageService
from virtman.targets.store_grants import StoreGrants
from virtman.targets.store_targets import StoreTargets

LOG = logging.getLogger("virtman")


def main(argv: Sequence[str]) -> int:
    """Run the agent until SIGTERM or SIGINT."""
    try:
        conf = configuration.parse(argv)
        settings = configuration.settings(conf)
        logs.set_up(conf)
    except (ConfigError, cfg.Error) as error:
        return _fail(error, 2)
    try:
        ended = _serve(settings)
    except ConfigError as error:
        return _fail(error, 2)
    except VirtmanError as error:
        return _fail(error, 1)
    if not ended:
        _vanish()
    return 0


@dataclass(frozen=True)
class _Agent:
    """The parts of a running agent, put together from its options."""

    settings: Settings
    services: Services
    node: Node
    images: ImageService
    stores: StoreTargets
    admission: Admission
    recovery: Recovery
    secrets: rpc_token.Secrets | None
    callers: Callers


def _serve(settings: Settings) -> bool:
    """Put the parts together, serve, take the threads down again.

    Returns whether all have ended: some may wait for a broker for ever.
    Devices, sessions and targets stay when the agent ends: VMs run on them.
    Callers are served while the node is put in order: one that asks for a
    name that is being recovered waits for that name alone.
    """
    agent = _assemble(settings)
    agent.recovery.begin()
    threads = _threads(agent)
    all_ended = _serve_doors(agent, threads)
    for thread in threads:
        thread.stop()
    agent.images.stop()
    agent.node.close()
    LOG.info("ended; devices, sessions and targets are left as they are")
    return all_ended()


def _assemble(settings: Settings) -> _Agent:
    """Check the host and build the agent's parts; nothing is served yet.

    :raises ConfigError: an option asks for what cannot be done.
    :raises VirtmanError: the host lacks something.
    """
    kill_points = from_environment(os.environ)
    privsep.observe(kill_points.done)
    # Before this agent has helpers itself.
    orphaned_commands.wait_for_helpers()
    privsep.begin(settings.root_helper, settings.helper_commands)
    cache = engine.load(settings)
    secrets = rpc_token.load(settings)
    callers = Callers(settings.local_group)
    prerequisites.check(settings, cache)
    udev.install()
    credentials = _credentials(settings)
    services = _services(settings, cache, kill_points, credentials)
    node = Node(services)
    images = ImageService(settings, services.coordinator, services.intents)
    grants = StoreGrants(services.intents)
    stores = StoreTargets(settings, services.intents, grants)
    return _Agent(
        settings,
        services,
        node,
        images,
        stores,
        Admission(credentials, settings.closed_targets, grants),
        Recovery(node, images, stores, services),
        secrets,
        callers,
    )


def _threads(
    agent: _Agent,
) -> Sequence[Heartbeat | PathMonitor | Housekeeping]:
    """Return the agent's threads, not started yet."""
    services = agent.services
    chores = [
        agent.recovery.turn,
        agent.node.collect,
        agent.node.serve_again,
        agent.images.republish,
        agent.admission.tidy,
        StoreWatch(agent.settings).turn,
        StoreSessions().turn,
    ]
    return (
        Heartbeat(agent.node, services.coordinator, services.beat_schedule),
        PathMonitor(Uevents(), agent.node.look),
        Housekeeping(
            chores,
            agent.settings.heartbeat_interval,
            first=[agent.recovery.first, agent.admission.tidy],
        ),
    )


def _serve_doors(
    agent: _Agent, threads: Sequence[threading.Thread]
) -> Callable[[], bool]:
    """Serve at every door until a signal; the threads begin with them.

    :returns: asks whether the door behind the broker is closed by now.
    """
    settings = agent.settings
    verbs = Verbs(agent.node, agent.images, agent.stores)
    calls = Virtman(agent.node, agent.images, agent.stores)
    door = Door(settings.rpc_host, settings.rpc_port, calls, agent.secrets)
    readers = AdmissionDoor(
        settings.host_ip, settings.admission_port, agent.admission
    )
    with (
        door,
        readers.served(),
        local.serving(settings.local_socket, verbs, agent.callers),
        messaging.serving(
            settings.transport_url, settings.host, verbs
        ) as brokered,
    ):
        _end_on_signals(door)
        for thread in threads:
            thread.start()
        LOG.info("serving on %s:%d", settings.rpc_host, settings.rpc_port)
        door.serve_forever(poll_interval=0.5)
    return lambda: brokered is None or brokered.closed


def _credentials(settings: Settings) -> Credentials:
    return Credentials(
        files.admission_file(settings.state_dir),
        (settings.host_ip, settings.iscsi_port),
        privsep.initiator_name,
    )


def _services(
    settings: Settings,
    cache: CacheEngine,
    kill_points: KillPoints,
    credentials: Credentials,
) -> Services:
    sessions = Connector(
        files.locks_folder(settings.run_dir),
        kill_points.done,
        TicketClient(credentials, settings.admission_port),
    )
    sessions.start()
    return Services(
        settings,
        cache,
        sessions,
        _coordinator(settings, credentials),
        BeatSchedule(settings.heartbeat_interval),
        Intents(files.intents_folder(settings.state_dir), kill_points.done),
    )


def _coordinator(
    settings: Settings, credentials: Credentials | None = None
) -> Coordinator:
    if settings.master_ip is None:
        LOG.warning("no master_ip: this node works without a tree")
        return Alone()
    return volt.of(settings, credentials)


def _end_on_signals(door: Door) -> None:
    def end(number: int, frame: FrameType | None) -> None:
        # shutdown() waits for serve_forever, which this very thread runs.
        threading.Thread(target=door.shutdown, name="shutdown").start()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)


def _vanish() -> None:
    """End now, without a wait for any thread.

    futurist, whose threads answer callers behind the broker, waits at exit for
    each of them (_clean_up in futurist/_thread.py), and they for the broker.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _fail(error: Exception, code: int) -> int:
    print(f"virtman-server: {error}", file=sys.stderr)
    return code
