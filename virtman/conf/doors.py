# SPDX-License-Identifier: Apache-2.0
"""The doors: where callers reach the agent, and who is let in."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from pathlib import Path

from oslo_config import cfg

from virtman.conf.values import file, folder

CLI = [
    cfg.PortOpt(
        "rpc_port",
        default=7774,
        help="TCP port of the XML-RPC door.",
    ),
]

OPTIONS = [
    cfg.HostAddressOpt(
        "rpc_host",
        help="Address that the XML-RPC door is bound to. One that other hosts "
        "reach needs rpc_token_file. Default: $host_ip.",
    ),
    cfg.StrOpt(
        "rpc_token_file",
        help="File with the secret that callers of the XML-RPC door show; of "
        "several lines each is valid. It is read with each call. For example: "
        "(umask 077; openssl rand -hex 32 > /etc/virtman/rpc-token)",
    ),
    cfg.BoolOpt(
        "rpc_noauth_anywhere",
        default=False,
        help="Let the XML-RPC door serve other hosts without rpc_token_file. "
        "Whoever reaches the port may then make and destroy disks as root: "
        "for closed networks only.",
    ),
    cfg.StrOpt(
        "local_socket",
        sample_default="$run_dir/agent.sock",
        help="Unix socket of the door for programs of this host, Nova's "
        "among them.",
    ),
    cfg.StrOpt(
        "local_group",
        help="Group whose members may use local_socket; root and the agent's "
        "own user always may. For Nova: nova.",
    ),
    cfg.StrOpt(
        "transport_url",
        secret=True,
        help="Broker through which programs of other hosts call this agent, "
        "Cinder's among them: rabbit://USER:PASSWORD@HOST:5672/VHOST, several "
        "hosts by commas; what is neither letter nor digit in the password as "
        "%XX; oslo.messaging's options for RabbitMQ as ?ssl=true&ssl_ca_file="
        "/PATH. Whoever the broker lets in may do everything. Needs pip "
        "install vmthunder[messaging]. Without it no broker is used.",
    ),
    cfg.HostDomainOpt(
        "host",
        sample_default="<the name of this host>",
        help="Name by which callers behind the broker address this agent; no "
        "two agents may have one name. Where Nova runs: that of nova.conf.",
    ),
]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class DoorSettings:
    """The values of the options of the doors.

    ``transport_url`` is not shown, since it has a password in it.
    """

    rpc_host: str
    rpc_port: int
    rpc_token_file: Path | None
    rpc_noauth_anywhere: bool
    local_socket: Path
    local_group: str | None
    host: str
    transport_url: str | None = field(default=None, repr=False)


def read(conf: cfg.ConfigOpts) -> DoorSettings:
    """Return the values of these options."""
    socket_file = file(conf.local_socket)
    return DoorSettings(
        rpc_host=conf.rpc_host or conf.host_ip,
        rpc_port=conf.rpc_port,
        rpc_token_file=file(conf.rpc_token_file),
        rpc_noauth_anywhere=conf.rpc_noauth_anywhere,
        local_socket=socket_file or folder(conf.run_dir) / "agent.sock",
        local_group=conf.local_group or None,
        host=conf.host or socket.gethostname(),
        transport_url=conf.transport_url or None,
    )
