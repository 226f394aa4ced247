# SPDX-License-Identifier: Apache-2.0
"""The cloud: the few calls to Nova, and the names of what they take.

Nova is asked by python-novaclient with microversion 2.74 (Train, 2019), the
first that takes ``host``: a server on one host, which the scheduler checks as
it would any other.  The older way to say it, an availability zone
``zone:host``, goes past the scheduler's filters (nova/policies/servers.py of
Nova 34), so a host that is disabled or has no room would be used all the
same.  Both are for administrators, unless policy says otherwise.
"""

import dataclasses
import urllib.parse
from typing import Any

from virtmanclient.openstack.errors import CloudError, Gone, translated
from virtmanclient.openstack.server_requests import MARK, TAG, Boot, Order

MICROVERSION = "2.74"
GIB = 2**30


@dataclasses.dataclass(frozen=True, slots=True)
class Server:
    """A server of ours, as Nova told of it.

    :param status: Nova's word: ``BUILD``, ``ACTIVE``, ``ERROR``, ...
    :param host: where it runs; empty if Nova does not tell us
    :param fault: why it is in ``ERROR``, in Nova's words
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
        """Return the image of this name or id."""
        found = self._one("image", "images", named)
        size = found.get("virtual_size") or found.get("size") or 0
        least = found.get("min_disk") or 0
        return Image(found["id"], max(1, least, -(-size // GIB)))

    def network(self, named: str) -> str:
        """Return the id of the network of this name or id."""
        found = self._one("network", "networks", named)
        return str(found["id"])

    def flavor(self, named: str) -> str:
        """Return the id of the flavor of this name or id."""
        with translated("flavors"):
            known = self._nova.flavors.list(is_public=None)
        for flavor in known:
            if named in (flavor.id, flavor.name):
                return str(flavor.id)
        names = ", ".join(sorted(flavor.name for flavor in known)) or "none"
        raise Gone(f"there is no flavor {named!r}; there are: {names}")

    def hosts(self) -> dict[str, str]:
        """Return Nova's name of each compute host by its address."""
        with translated("compute hosts"):
            known = self._nova.hypervisors.list()
        return {one.host_ip: one.service["host"] for one in known}

    def servers(self) -> list[Server]:
        """Return all that were made here: one call, or one for a page."""
        found: list[dict[str, Any]] = []
        query = {"tags": TAG}
        while True:
            url = "/servers/detail?" + urllib.parse.urlencode(query)
            with translated("list of servers"):
                _, body = self._nova.client.get(url)
            found += body["servers"]
            if not body.get("servers_links") or not body["servers"]:
                return [_server(one) for one in found]
            query["marker"] = found[-1]["id"]

    def create(self, order: Order) -> str:
        """Ask for a server; return its id as soon as Nova has taken it."""
        boot = order.boot
        if boot is None:
            raise CloudError(f"{order.name}: it is not said how it is booted")
        network = boot.network
        with translated():
            server = self._nova.servers.create(
                order.name,
                image=None if boot.volume else boot.image,
                flavor=boot.flavor,
                nics=(
                    network
                    if network in ("auto", "none")
                    else [{"net-id": network}]
                ),
                block_device_mapping_v2=_root(boot),
                key_name=boot.key_name,
                host=order.host,
                tags=[TAG],
                meta={MARK: order.key[1]},
            )
        return str(server.id)

    def delete(self, server: str) -> None:
        """Ask for the end of a server; of none is no error."""
        try:
            with translated():
                self._nova.servers.delete(server)
        except Gone:
            pass

    def _one(self, service: str, kind: str, named: str) -> dict[str, Any]:
        """Return the one of this name, or else of this id."""
        # Version 2 of either API, wherever the catalog's root has it.
        where = {"service_type": service, "min_version": "2", **self._scope}
        for key in ("name", "id"):
            query = urllib.parse.urlencode({key: named})
            with translated(kind):
                answer = self._session.get(
                    f"/{kind}?{query}", endpoint_filter=where
                )
            match answer.json()[kind]:
                case [found]:
                    return dict(found)
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


def _server(told: dict[str, Any]) -> Server:
    return Server(
        id=told["id"],
        key=(told["name"], told.get("metadata", {}).get(MARK, "")),
        status=told["status"],
        host=told.get("OS-EXT-SRV-ATTR:host") or "",
        fault=" ".join(told.get("fault", {}).get("message", "").split()),
        leaving=told.get("OS-EXT-STS:task_state") == "deleting",
    )
