# SPDX-License-Identifier: Apache-2.0
"""Read the steps of a nodelist.cfg as orders for servers of Nova."""

from __future__ import annotations

import dataclasses
import ipaddress
import itertools
from collections.abc import Mapping, Sequence

from virtmanclient.batch.steps import CreateInstance, DestroyInstance, Step
from virtmanclient.openstack.cloud import Cloud, Server
from virtmanclient.openstack.server_requests import Boot, ServerRequest

ANYWHERE = "*"
"""The node of a server for which the scheduler chooses a host."""

Kind = type[Step]


@dataclasses.dataclass(frozen=True, slots=True)
class Job:
    """Neighbouring steps of one kind, which can run side by side."""

    kind: Kind
    requests: tuple[ServerRequest, ...]


def removed(steps: Sequence[Step]) -> list[Step]:
    """Return the steps that delete the servers of the steps that create."""
    return [
        DestroyInstance(step.line, step.node, step.instance)
        for step in steps
        if isinstance(step, CreateInstance)
    ]


def images(steps: Sequence[Step]) -> list[str]:
    """Return the images from which servers are to be booted, each once."""
    names = [step.image for step in steps if isinstance(step, CreateInstance)]
    return list(dict.fromkeys(names))


def hosts(cloud: Cloud, steps: Sequence[Step]) -> dict[str, str]:
    """Return Nova's names of hosts by address, if any step has an address.

    The list of hosts is for administrators, so it is not asked without need.
    """
    return cloud.hosts() if any(_address(step.node) for step in steps) else {}


def read(
    steps: Sequence[Step],
    boots: Mapping[str, Boot],
    host_names: Mapping[str, str],
) -> list[Job]:
    """Return the jobs of steps, in the order of the file.

    :param boots: how servers are booted, by the image as the file has it
    :param host_names: Nova's names of hosts, by their addresses
    """
    return [
        Job(kind, tuple(_order(step, boots, host_names) for step in group))
        for kind, group in itertools.groupby(steps, key=type)
    ]


def listed(request: ServerRequest, servers: Sequence[Server]) -> str:
    """Return the names and states of the servers on the host of an order."""
    here = [
        f"{server.key[0]} {server.status}"
        for server in sorted(servers, key=lambda server: server.key)
        if request.host in (None, server.host)
    ]
    return ", ".join(here) or "(nothing)"


def _order(
    step: Step, boots: Mapping[str, Boot], host_names: Mapping[str, str]
) -> ServerRequest:
    host = None
    if step.node != ANYWHERE:
        host = host_names.get(step.node, step.node)
    boot = boots[step.image] if isinstance(step, CreateInstance) else None
    if not isinstance(step, CreateInstance | DestroyInstance):
        return ServerRequest(str(step), host, line=step.line)
    # Two nodes may have a VM of one name each, as in the tutorial's sample.
    mark = f"{step.instance} {step.node}"
    return ServerRequest(step.instance, host, boot, mark, step.line)


def _address(node: str) -> bool:
    """Tell whether the node of a step is an address, not a name."""
    try:
        ipaddress.ip_address(node)
    except ValueError:
        return False
    return True
