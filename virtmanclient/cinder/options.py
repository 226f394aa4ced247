# SPDX-License-Identifier: Apache-2.0
"""The options of a backend's section in cinder.conf."""

from __future__ import annotations

import dataclasses
import ipaddress
from pathlib import Path
from typing import Any

from oslo_config import cfg

from virtmanclient import agent, vmtapi

OPTIONS = [
    cfg.StrOpt(
        "virtman_image_server",
        default=f"unix://{agent.SOCKET}",
        help="The agent that exports the images: unix:///path of its "
        "local_socket when cinder-volume runs on the image server, whose "
        "local_group has to be a group of its user, or http://host:port.",
    ),
    cfg.StrOpt(
        "virtman_image_dir",
        default="/srv/images/cinder",
        help="Folder for the RAW files of the images, in one of the "
        "image_dirs of that agent; both have to know it by this path.",
    ),
    cfg.IntOpt(
        "virtman_image_idle",
        default=86400,
        min=0,
        help="Seconds after which the RAW file and the target of an image "
        "that no volume or snapshot needs any more are removed; 0: never.",
    ),
    cfg.ListOpt(
        "virtman_agent_networks",
        default=[],
        help="Networks, as 10.0.0.0/24, of the compute hosts' agents; the "
        "token is sent to no other address. "
        "A compute host is asked at the my_block_storage_ip of its nova.conf, "
        "which is its my_ip unless it is set.",
    ),
    cfg.PortOpt(
        "virtman_agent_port",
        default=vmtapi.PORT,
        help="The agents' rpc_port.",
    ),
    cfg.StrOpt(
        "virtman_agent_token_file",
        help="File with the agents' secret, their rpc_token_file. Without it "
        "no secret is sent.",
    ),
    cfg.FloatOpt(
        "virtman_agent_timeout",
        default=30.0,
        min=1,
        help="Seconds to wait for the answer of a compute host; less than "
        "Cinder's rpc_response_timeout.",
    ),
    cfg.StrOpt(
        "virtman_state_dir",
        default="$state_path/virtman",
        help="Folder for the purges that hosts which were away still have "
        "to do.",
    ),
]


@dataclasses.dataclass(frozen=True)
class Settings:
    """The options of a backend's section, checked; times in seconds."""

    image_server: str
    image_dir: Path
    image_idle: int
    networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]
    port: int
    token_file: str | None
    timeout: float
    state_dir: Path


def settings(section: Any) -> Settings:
    """Read a backend's section.

    :param section: Cinder's ``Configuration``, with the options appended
    :raises ValueError: an option cannot be right; the message names it
    """
    return Settings(
        image_server=section.virtman_image_server,
        image_dir=_absolute("virtman_image_dir", section.virtman_image_dir),
        image_idle=section.virtman_image_idle,
        networks=_networks(section.virtman_agent_networks),
        port=section.virtman_agent_port,
        token_file=section.virtman_agent_token_file,
        timeout=section.virtman_agent_timeout,
        state_dir=_absolute("virtman_state_dir", section.virtman_state_dir),
    )


def _networks(texts: list[str]) -> tuple[Any, ...]:
    if not texts:
        raise ValueError(
            "virtman_agent_networks names no network; write the networks of "
            "the compute hosts' my_ip, as 10.0.0.0/24"
        )
    try:
        return tuple(ipaddress.ip_network(text) for text in texts)
    except ValueError as error:
        raise ValueError(f"virtman_agent_networks: {error}") from None


def _absolute(name: str, path: str) -> Path:
    if not Path(path).is_absolute():
        raise ValueError(f"{name} = {path} is not an absolute path")
    return Path(path)


def list_opts() -> list[tuple[str, list[Any]]]:
    """Return the options, for oslo-config-generator."""
    return [("backend_defaults", OPTIONS)]
