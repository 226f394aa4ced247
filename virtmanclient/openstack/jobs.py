# SPDX-License-Identifier: Apache-2.0
"""Read the steps of a nodelist.cfg as orders for servers of Nova."""

from __future__ import annotations

import dataclasses
import ipaddress
import itertools
from collections.abc import Mapping, Sequence

from virtmanclient.batch.steps import CreateInstance, DestroyInstance, Step
from virtmanclient.openstack.cloud import Cloud, Server
from virtmanclient.openstack.server_requests import Boot, Order

ANYWHERE = "*"
"""The node of a server for which the scheduler chooses a host."""

Kind = type[Step]


@dataclasses.dataclass(frozen=True, slots=True)
class Job:
    """Neighbouring steps of one kind, which may run side by side."""

    kind: Kind
    orders: tuple[Order, ...]


def removed(steps: Sequence[Step]) -> list[Step]:
    """Return the steps that undo those that create."""
    return [
        DestroyInstance(step.line, step.node, step.instance)
        for step in steps
        if isinstance(step, CreateInstance)
    ]


def images(steps: Sequence[Step]) -> list[str]:
    """Return each image that a server is to be booted from, once."""
    named = [one.image for one in steps if isinstance(one, CreateInstance)]
    return list(dict.fromkeys(named))


def hosts(cloud: Cloud, steps: Sequence[Step]) -> dict[str, str]:
    """Return Nova's names of hosts by address, if any step has an address."""
    return cloud.hosts() if any(_address(one.node) for one in steps) else {}


def read(
    steps: Sequence[Step], boots: Mapping[str, Boot], known: Mapping[str, str]
) -> list[Job]:
    """Return the jobs, in the order of the file.

    :param boots: how servers are booted, by the image as the file has it
    :param known: Nova's names of hosts, by their addresses
    """
    return [
        Job(kind, tuple(_order(step, boots, known) for step in group))
        for kind, group in itertools.groupby(steps, key=type)
    ]


def listed(order: Order, servers: Sequence[Server]) -> str:
    """Say which servers of ours a host has."""
    here = [
        f"{one.key[0]} {one.status}"
        for one in sorted(servers, key=lambda one: one.key)
        if order.host in (None, one.host)
    ]
    return ", ".join(here) or "(nothing)"


def _order(
    step: Step, boots: Mapping[str, Boot], known: Mapping[str, str]
) -> Order:
    host = None
    if step.node != ANYWHERE:
        host = known.get(step.node, step.node)
    boot = boots[step.image] if isinstance(step, CreateInstance) else None
    if not isinstance(step, CreateInstance | DestroyInstance):
        return Order(str(step), host, line=step.line)
    # Two nodes may have a VM of one name each, as in the tutorial's sample.
    mark = f"{step.instance} {step.node}"
    return Order(step.instance, host, boot, mark, step.line)


def _address(node: str) -> bool:
    try:
        ipaddress.ip_address(node)
    except ValueError:
        return False
    return True
