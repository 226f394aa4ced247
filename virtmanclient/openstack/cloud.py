# SPDX-License-Identifier: Apache-2.0
"""The cloud: the calls to Nova, and the names of images, flavors, networks.

Nova is asked by python-novaclient with microversion 2.74 (Train, 2019), the
first that takes ``host``: a server on one host, which the scheduler checks as
it would any other.  The older way, an availability zone ``zone:host``, goes
past the scheduler's filters (nova/policies/servers.py of Nova 34), so a host
that is disabled or has no room would be used all the same.  Both are for
administrators, unless policy says otherwise.
"""

from __future__ import annotations

import dataclasses
import urllib.parse
from typing import Any

from virtmanclient.openstack.errors import CloudError, Gone, translated
from virtmanclient.openstack.server_requests import (
    MARK,
    TAG,
    Boot,
    ServerRequest,
)

MICROVERSION = "2.74"
GIB = 2**30


@dataclasses.dataclass(frozen=True, slots=True)
class Server:
    """A server that was made here, as Nova lists it.

    :param key: its name and its mark (``Order.key``)
    :param status: Nova's word: ``BUILD``, ``ACTIVE``, ``ERROR``, ...
    :param host: where it runs; empty if Nova does not show hosts
    :param fault: why it is in ``ERROR``, in Nova's words
    :param leaving: whether Nova is deleting it
    """

    id: str
    key: tuple[str, str]
    status: str
    host: str = ""
    fault: str = ""
    leaving: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Image:
    """An image, and the GiB that a volume of it takes."""

    id: str
    gib: int


class Cloud:
    """Nova and the catalog, of one project.

    :param nova: a client of novaclient's
    :param session: keystoneauth1's, for the names of images and networks
    :param scope: which endpoints: ``region_name``, ``interface``

    Every method raises CloudError.
    """

    def __init__(self, nova: Any, session: Any, scope: dict[str, Any]) -> None:
        self._nova = nova
        self._session = session
        self._scope = scope

    def image(self, named: str) -> Image:
        """Return the image of a name or id."""
        image = self._one("image", "images", named)
        size = image.get("virtual_size") or image.get("size") or 0
        least = image.get("min_disk") or 0
        # Rounded up: a volume takes whole GiB, one at least.
        return Image(image["id"], max(1, least, -(-size // GIB)))

    def network(self, named: str) -> str:
        """Return the id of the network of a name or id."""
        network = self._one("network", "networks", named)
        return str(network["id"])

    def flavor(self, named: str) -> str:
        """Return the id of the flavor of a name or id."""
        with translated("flavors"):
            flavors = self._nova.flavors.list(is_public=None)
        for flavor in flavors:
            if named in (flavor.id, flavor.name):
                return str(flavor.id)
        names = ", ".join(sorted(flavor.name for flavor in flavors)) or "none"
        raise Gone(f"there is no flavor {named!r}; the flavors are: {names}")

    def hosts(self) -> dict[str, str]:
        """Return Nova's name of each compute host by its address."""
        with translated("compute hosts"):
            hypervisors = self._nova.hypervisors.list()
        return {
            hypervisor.host_ip: hypervisor.service["host"]
            for hypervisor in hypervisors
        }

    def servers(self) -> list[Server]:
        """Return all servers with our tag, by one call a page."""
        listed: list[dict[str, Any]] = []
        query = {"tags": TAG}
        while True:
            url = "/servers/detail?" + urllib.parse.urlencode(query)
            with translated("list of servers"):
                _, body = self._nova.client.get(url)
            listed += body["servers"]
            if not body.get("servers_links") or not body["servers"]:
                return [_server(entry) for entry in listed]
            query["marker"] = listed[-1]["id"]

    def create(self, request: ServerRequest) -> str:
        """Request a server; return its id as soon as Nova has accepted it."""
        boot = request.boot
        if boot is None:
            raise CloudError(
                f"{request.name}: the request has no image to boot"
            )
        network = boot.network
        with translated():
            server = self._nova.servers.create(
                request.name,
                image=None if boot.volume else boot.image,
                flavor=boot.flavor,
                nics=(
                    network
                    if network in ("auto", "none")
                    else [{"net-id": network}]
                ),
                block_device_mapping_v2=_root(boot),
                key_name=boot.key_name,
                host=request.host,
                tags=[TAG],
                meta={MARK: request.key[1]},
            )
        return str(server.id)

    def delete(self, server: str) -> None:
        """Request that a server is deleted; a missing one is not an error."""
        try:
            with translated():
                self._nova.servers.delete(server)
        except Gone:
            pass

    def _one(self, service: str, kind: str, named: str) -> dict[str, Any]:
        """Return the entry of a name, else of an id, in another service."""
        # Version 2 of either API, wherever the catalog's root has it.
        where = {"service_type": service, "min_version": "2", **self._scope}
        for key in ("name", "id"):
            query = urllib.parse.urlencode({key: named})
            with translated(kind):
                answer = self._session.get(
                    f"/{kind}?{query}", endpoint_filter=where
                )
            match answer.json()[kind]:
                case [entry]:
                    return dict(entry)
                case [_, *_]:
                    raise CloudError(
                        f"there are several {kind} {named!r}; give an id "
                        f"('openstack {service} list')"
                    )
        raise Gone(
            f"there is no {service} {named!r} that you may use; "
            f"'openstack {service} list' shows them"
        )


def _root(boot: Boot) -> list[dict[str, Any]] | None:
    """Return the root disk as a volume made of the image."""
    if boot.volume is None:
        return None
    disk = {
        "source_type": "image",
        "destination_type": "volume",
        "uuid": boot.image,
        "boot_index": 0,
        "volume_size": boot.volume.size,
        "delete_on_termination": True,
    }
    if boot.volume.kind:
        disk["volume_type"] = boot.volume.kind
    return [disk]


def _server(entry: dict[str, Any]) -> Server:
    """Return the server of an entry in Nova's list."""
    return Server(
        id=entry["id"],
        key=(entry["name"], entry.get("metadata", {}).get(MARK, "")),
        status=entry["status"],
        host=entry.get("OS-EXT-SRV-ATTR:host") or "",
        fault=" ".join(entry.get("fault", {}).get("message", "").split()),
        leaving=entry.get("OS-EXT-STS:task_state") == "deleting",
    )
