# SPDX-License-Identifier: Apache-2.0
"""The agent's composition root: builds its services, then serves callers.

Exit codes: 0 ended by a signal, 1 the host lacks something, 2 bad options.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
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
from virtman.state.intents import Intents
from virtman.targets.imageservice import ImageService

LOG = logging.getLogger("virtman")


def main(argv: Sequence[str]) -> int:
    """Run the agent until SIGTERM or SIGINT; return the exit code."""
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


def _serve(settings: Settings) -> bool:
    """Build the services, serve callers, end the threads.

    Devices, sessions and targets stay when the agent ends: VMs run on them.
    Callers are served while the recovery runs: one that asks for a name that
    is being recovered waits for that name alone.

    :returns: whether all threads have ended: some may wait for a broker for
        ever.
    """
    kill_points = from_environment(os.environ)
    privsep.observe(kill_points.done)
    # Before this agent starts helpers: they would be waited for, too.
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
    admission = Admission(credentials, settings.closed_targets, images.stores)
    recovery = Recovery(node, images, services)
    recovery.begin()
    threads = (
        Heartbeat(node, services.coordinator, services.beat_schedule),
        PathMonitor(Uevents(), node.look),
        Housekeeping(
            [
                recovery.turn,
                node.collect,
                node.serve_again,
                images.republish,
                admission.tidy,
                StoreWatch(settings).turn,
                StoreSessions().turn,
            ],
            settings.heartbeat_interval,
            first=[recovery.first, admission.tidy],
        ),
    )
    verbs = Verbs(node, images)
    door = Door(
        settings.rpc_host, settings.rpc_port, Virtman(node, images), secrets
    )
    readers = AdmissionDoor(
        settings.host_ip, settings.admission_port, admission
    )
    with (
        door,
        readers.served(),
        local.serving(settings.local_socket, verbs, callers),
        messaging.serving(
            settings.transport_url, settings.host, verbs
        ) as brokered,
    ):
        _end_on_signals(door)
        for thread in threads:
            thread.start()
        LOG.info("serving on %s:%d", settings.rpc_host, settings.rpc_port)
        door.serve_forever(poll_interval=0.5)
    for thread in threads:
        thread.stop()
    images.stop()
    node.close()
    LOG.info("ended; devices, sessions and targets are left as they are")
    return brokered is None or brokered.closed


def _credentials(settings: Settings) -> Credentials:
    return Credentials(
        settings.state_dir / "admission.json",
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
        settings.run_dir / "locks",
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
        Intents(settings.state_dir / "intents", kill_points.done),
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
        # In another thread: shutdown() waits for serve_forever, which this
        # very thread runs.
        threading.Thread(target=door.shutdown, name="shutdown").start()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)


def _vanish() -> None:
    """End the process now, without waiting for its threads.

    futurist's threads answer the callers behind the broker.  At exit futurist
    waits for each of them (_clean_up in futurist/_thread.py), and they wait
    for the broker.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _fail(error: Exception, code: int) -> int:
    print(f"virtman-server: {error}", file=sys.stderr)
    return code
