# SPDX-License-Identifier: Apache-2.0
"""The host: its address, its folders, root's helper."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from oslo_config import cfg
from oslo_utils import netutils

from virtman.conf.values import folder
from vmthunder import config_files

CLI = [
    cfg.HostAddressOpt(
        "host_ip",
        default=netutils.get_my_ipv4(),
        sample_default="<the address of the default route>",
        help="Address of this node: peers are sent to it.",
    ),
]

# The names of the helpers' sections begin so; oslo.privsep registers them.
HELPER = "privsep_virtman"

OPTIONS = [
    cfg.StrOpt(
        "state_dir",
        default="/var/lib/virtman",
        help="Where the agent keeps what must survive a restart.",
    ),
    cfg.StrOpt(
        "run_dir",
        default="/run/virtman",
        help="Where sockets and pid files live; emptied by a reboot.",
    ),
    cfg.StrOpt(
        "root_helper",
        default="sudo -n",
        help="What starts virtman-privsep-helper as root for an agent that "
        "another user runs; root's agent needs none. For one of the four "
        "helpers alone the whole command can be given as helper_command in a "
        "section [privsep_virtman_devices], [privsep_virtman_iscsi], "
        "[privsep_virtman_storage] or [privsep_virtman_host].",
    ),
]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class HostSettings:
    """The values of the options of the host.

    ``helper_commands`` are whole commands in place of ``root_helper``, by
    section of the file.
    """

    host_ip: str
    state_dir: Path
    run_dir: Path
    root_helper: str = "sudo -n"
    helper_commands: Mapping[str, str] = field(default_factory=dict)


def read(conf: cfg.ConfigOpts) -> HostSettings:
    """Return the values of these options."""
    return HostSettings(
        host_ip=conf.host_ip,
        state_dir=folder(conf.state_dir),
        run_dir=folder(conf.run_dir),
        root_helper=conf.root_helper,
        helper_commands=_helper_commands(conf),
    )


def _helper_commands(conf: cfg.ConfigOpts) -> dict[str, str]:
    """Return each privsep section's ``helper_command``; the last counts."""
    return {
        section: keys["helper_command"][-1]
        for file in config_files.read_files(conf)
        for section, keys in config_files.sections(file).items()
        if section.startswith(HELPER) and "helper_command" in keys
    }
