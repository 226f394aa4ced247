# SPDX-License-Identifier: Apache-2.0
"""The routes: the whole API is the one table below."""

from __future__ import annotations

from volt.api.handlers import images, members, monitoring, root, trees, volumes
from volt.api.route import Route, Table
from volt.api.schemas import images as image
from volt.api.schemas import members as member
from volt.api.schemas import pages
from volt.api.schemas import root as service
from volt.api.schemas import trees as tree
from volt.api.schemas import volumes as volume
from volt.exception import (
    ImageMismatch,
    ImageNotFound,
    MarkerNotFound,
    NoSlot,
    PeerNotFound,
    VolumeInUse,
    VolumeNotFound,
)

_VERSION = Route(root.show_version, service.VERSION)
_HEALTH = Route(monitoring.show_health, service.HEALTH)
_PEERS = Route(
    volumes.show_volume,
    volume.PEERS,
    query=pages.BY_PEER,
    errors=(VolumeNotFound, MarkerNotFound),
)

ROUTE_DECLARATIONS: Table = {
    "/": {"GET": Route(root.list_versions, service.VERSIONS, status=300)},
    "/healthz": {"GET": _HEALTH, "HEAD": _HEALTH},
    "/metrics": {
        "GET": Route(
            monitoring.show_metrics,
            service.METRICS,
            content_type=service.PROMETHEUS,
        )
    },
    "/openapi.json": {"GET": Route(root.show_document, service.DOCUMENT)},
    "/v1": {"GET": _VERSION},
    "/v1/": {"GET": _VERSION},
    "/v1/volumes": {
        "GET": Route(
            volumes.list_volumes, volume.VOLUMES, query=pages.BY_VOLUME
        ),
    },
    "/v1/volumes/query/{volume_id}": {
        "GET": Route(volumes.query, volume.ASSIGNMENT, body=volume.QUERY),
    },
    "/v1/volumes/{volume_id}": {
        "GET": _PEERS,
        "HEAD": _PEERS,
        "DELETE": Route(
            volumes.delete_volume,
            query=volume.DROP,
            errors=(VolumeNotFound, VolumeInUse),
        ),
    },
    "/v1/volumes/{volume_id}/{peer_id}": {
        "POST": Route(
            volumes.register_peer,
            volume.PEER,
            body=volume.REGISTER,
            errors=(VolumeNotFound, NoSlot),
        ),
        "DELETE": Route(
            volumes.delete_peer, errors=(VolumeNotFound, PeerNotFound)
        ),
    },
    "/v1/trees/{volume_id}": {
        "GET": Route(
            trees.show_tree,
            tree.TREE,
            query=pages.BY_POSITION,
            errors=(VolumeNotFound,),
        ),
    },
    "/v1/members": {
        "GET": Route(
            members.list_members, member.MEMBERS, query=pages.BY_HOST
        ),
    },
    "/v1/members/heartbeat": {
        "PUT": Route(members.heartbeat, member.BEAT, body=member.HEARTBEAT),
    },
    "/v1/images": {"GET": Route(images.list_images, image.ALL_TOLD)},
    "/v1/images/{image_id}": {
        "GET": Route(images.show_image, image.TOLD, errors=(ImageNotFound,)),
        "PUT": Route(
            images.put_image,
            image.PUT,
            body=image.IMAGE,
            errors=(ImageMismatch,),
        ),
        "DELETE": Route(
            images.delete_image,
            status=204,
            query=image.SOURCE,
            errors=(ImageNotFound,),
        ),
    },
}
