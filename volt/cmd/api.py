# SPDX-License-Identifier: Apache-2.0
"""``volt-api``: the coordinator's REST server."""

from __future__ import annotations

import functools
import socket
import sys

from oslo_log import log as logging

from volt import compose
from volt.cmd import listener
from volt.cmd import settings as configured
from volt.cmd.settings import Reread, Settings
from volt.cmd.signals import Inbox
from volt.cmd.single_process import SingleProcess
from volt.cmd.supervisor import Supervisor
from volt.cmd.systemd import Systemd
from volt.cmd.workers import Workers
from volt.exception import ConfigError
from volt.metrics import multiprocess

LOG = logging.getLogger("volt.api")

DESCRIPTION = """
Coordinates VMThunder: tells each compute node from which nodes it reads an
image, so that all of them form a tree.  It is never in the path of the data.
"""
EPILOG = """
Without arguments it reads /etc/volt/volt.conf.  SIGTERM and SIGINT end it
when the requests under way are done, SIGHUP has it read its files again.
It exits with 0 when it was asked to end, with 1 when it cannot run as it is
configured, with 2 for a wrong command line.  All options of the file:
volt.conf.sample, volt-api(8).
"""


def main(args: list[str] | None = None) -> int:
    """Run volt-api; return its exit code."""
    reread = functools.partial(
        configured.read,
        sys.argv[1:] if args is None else args,
        description=DESCRIPTION,
        epilog=EPILOG,
    )
    try:
        with Inbox() as inbox:
            _run(reread, inbox)
    except ConfigError as error:
        print(f"volt-api: {error}", file=sys.stderr)
        return 1
    return 0


def _run(reread: Reread, inbox: Inbox) -> None:
    settings = reread()
    configured.set_up_logging(settings.options)
    options = settings.options
    # Before all else: a second volt-api must not touch the registry.
    opened = listener.listen(
        options.bind_host,
        options.bind_port,
        options.backlog,
        options.tcp_keepidle,
    )
    LOG.info("listening on %s", opened.getsockname())
    if settings.workers > 1:
        _supervise(opened, settings, reread, inbox)
    else:
        SingleProcess(opened, settings, reread).run(inbox)
    LOG.info("ended")


def _supervise(
    opened: socket.socket, settings: Settings, reread: Reread, inbox: Inbox
) -> None:
    """Serve with workers; the registry is closed again before they fork."""
    compose.prepare(settings.options)
    systemd = Systemd()
    with multiprocess.shared():
        workers = Workers(opened, inbox, systemd.watchdog)
        Supervisor(workers, settings, reread, systemd).run()
