# SPDX-License-Identifier: Apache-2.0
"""``volt-api``: the coordinator's REST server."""

import sys

from oslo_config import cfg
from oslo_log import log as logging

from volt import compose, conf, listener
from volt.exception import ConfigError

LOG = logging.getLogger('volt.api')

DESCRIPTION = """
Coordinates VMThunder: tells each compute node from which nodes it reads an
image, so that all of them form a tree.  It is never in the path of the data.
"""
EPILOG = """
Without arguments it reads /etc/volt/volt.conf.  SIGTERM and SIGINT end it
when the requests under way are done.  It exits with 0 after that, with 1
when it cannot run as it is configured, with 2 for a wrong command line.
All options of the file: volt.conf.sample, volt-api(8).
"""


def main(args: list[str] | None = None) -> int:
    """Run the service; return the exit code."""
    try:
        options = _configure(sys.argv[1:] if args is None else args)
        _serve(options)
    except ConfigError as error:
        print(f"volt-api: {error}", file=sys.stderr)
        return 1
    return 0


def _configure(args: list[str]) -> cfg.ConfigOpts:
    options = conf.new()
    logging.register_options(options)
    conf.load(options, args, description=DESCRIPTION, epilog=EPILOG)
    logging.setup(options, 'volt')
    return options


def _serve(options: cfg.ConfigOpts) -> None:
    """Listen first: a second volt-api must not touch the registry."""
    socket = listener.listen(
        options.bind_host,
        options.bind_port,
        options.backlog,
        options.tcp_keepidle,
    )
    service = compose.compose(options)
    from volt.cmd import green

    service.evictor.start()
    LOG.info("listening on %s", socket.getsockname())
    green.serve(socket, service.application, LOG, options.max_header_line)
    service.evictor.stop()
    LOG.info("ended")
