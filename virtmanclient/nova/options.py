# SPDX-License-Identifier: Apache-2.0
"""The options of nova.conf's section ``[virtman]``."""

from __future__ import annotations

from typing import Any

from oslo_config import cfg

from virtmanclient import agent
from virtmanclient.doors import verbs

GROUP = cfg.OptGroup("virtman", title="The VMThunder agent of this host")
OPTIONS = [
    cfg.StrOpt(
        "agent_socket",
        default=agent.SOCKET,
        help="Unix socket of the agent, its option local_socket. The user "
        "that nova-compute runs as has to be in the agent's local_group.",
    ),
    cfg.FloatOpt(
        "agent_timeout",
        default=verbs.TIMEOUT,
        min=1,
        help="Seconds to wait for a disk. Set more than the agent itself "
        "waits (place_timeout and source_timeout), or a launch fails while "
        "the agent is still at work on the disk.",
    ),
]


def list_opts() -> list[tuple[Any, list[Any]]]:
    """Return the options, for oslo-config-generator."""
    return [(GROUP, OPTIONS)]


def agent_of(conf: Any) -> agent.Agent:
    """Return the agent that Nova's configuration names.

    :param conf: Nova's ``CONF``; the options are registered with it here
    """
    conf.register_group(GROUP)
    conf.register_opts(OPTIONS, group=GROUP)
    section = conf[GROUP.name]
    return agent.Agent(section.agent_socket, section.agent_timeout)
