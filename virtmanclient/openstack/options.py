# SPDX-License-Identifier: Apache-2.0
"""The options that ``vmtrun --openstack`` and ``virtman burst`` share."""

from __future__ import annotations

import argparse
import dataclasses

from virtmanclient.openstack.cloud import Cloud
from virtmanclient.openstack.errors import CloudError
from virtmanclient.openstack.request_state import Pace
from virtmanclient.openstack.server_requests import Boot, Volume

CREDENTIALS = """
credentials:
  From clouds.yaml (--os-cloud, or OS_CLOUD), else from the environment
  (OS_AUTH_URL, OS_USERNAME, OS_PASSWORD, OS_PROJECT_NAME, ...), as for the
  command openstack.  No option takes a secret.
"""
EXIT_STATUS = """
exit status:
  0    every server is there, or gone
  1    some are not: see the table
  2    nothing was begun: wrong usage, or the cloud cannot be asked
  130  interrupted by Ctrl-C; Nova goes on with what it was asked
"""


def add_boot(parser: argparse.ArgumentParser) -> None:
    """Add the options of how servers are booted."""
    group = parser.add_argument_group("how servers are booted")
    group.add_argument(
        "--flavor", metavar="FLAVOR", help="flavor, by name or id"
    )
    group.add_argument(
        "--volume-type",
        metavar="TYPE",
        help="the type of the volume that each server boots from, made of the "
        "image (default: the default_volume_type of Cinder)",
    )
    group.add_argument(
        "--volume-size",
        type=_number,
        metavar="GIB",
        help="size of that volume (default: the size that the image needs)",
    )
    group.add_argument(
        "--no-volume",
        action="store_true",
        help="boot from a disk of the flavor's that Nova makes, not from a "
        "volume",
    )
    group.add_argument(
        "--network",
        metavar="NETWORK",
        default="auto",
        help="network, by name or id, or Nova's words auto and none "
        "(default: auto)",
    )
    group.add_argument("--key-name", metavar="KEY", help="an SSH key of Nova")


def add_run(parser: argparse.ArgumentParser) -> None:
    """Add the options of the cloud to ask, and of the pace."""
    default = Pace()
    group = parser.add_argument_group("the cloud, and the pace")
    group.add_argument(
        "--os-cloud", metavar="CLOUD", help="a cloud of clouds.yaml"
    )
    group.add_argument(
        "--parallel",
        type=_number,
        default=default.parallel,
        metavar="N",
        help="requests under way at once (default: %(default)s)",
    )
    group.add_argument(
        "--poll",
        type=seconds,
        default=default.poll,
        metavar="SECONDS",
        help="seconds between two looks at all servers, each by one call "
        "(default: %(default)g)",
    )
    group.add_argument(
        "--timeout",
        type=seconds,
        default=default.timeout,
        metavar="SECONDS",
        help="seconds from its request until a server counts as late "
        "(default: %(default)g)",
    )


def pace(given: argparse.Namespace) -> Pace:
    """Return the pace at which the cloud is asked."""
    return Pace(given.parallel, given.poll, given.timeout)


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """The options of booting; their names are looked up in a cloud.

    :param given: the options of ``add_boot``
    """

    given: argparse.Namespace

    def refuse_nonsense(self) -> None:
        """Raise CloudError for options that do not go together."""
        given = self.given
        if not given.flavor:
            raise CloudError(
                "no flavor is given; add --flavor NAME ('openstack flavor "
                "list')"
            )
        if given.no_volume and (given.volume_type or given.volume_size):
            raise CloudError(
                "--no-volume makes no volume; leave out --volume-type and "
                "--volume-size, or --no-volume"
            )

    def boot(self, cloud: Cloud, name: str) -> Boot:
        """Return how a server is booted from an image, in ids.

        :param name: the image's name or id
        :raises CloudError: the image, flavor or network does not exist
        """
        given, image = self.given, cloud.image(name)
        volume = None
        if not given.no_volume:
            size = given.volume_size or image.gib
            volume = Volume(size, given.volume_type)
        network = given.network
        if network not in ("auto", "none"):
            network = cloud.network(network)
        return Boot(
            image.id,
            cloud.flavor(given.flavor),
            volume,
            network,
            given.key_name,
        )


def _number(text: str) -> int:
    """Read a number from 1 on; argparse turns ValueError into usage."""
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


_number.__name__ = "number"


def seconds(text: str) -> float:
    """Read a number of seconds; argparse turns ValueError into usage."""
    value = float(text)
    if not 0 < value < float("inf"):
        raise ValueError(text)
    return value
