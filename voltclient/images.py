# SPDX-License-Identifier: Apache-2.0
"""Calls about images, which image servers serve."""

from __future__ import annotations

from voltclient.http import HTTPClient
from voltclient.types import Image, parsed

Images = list[Image]


class ImageManager:
    """Calls about images.  An image's id is the volume's."""

    def __init__(self, http_client: HTTPClient) -> None:
        self._http = http_client

    def list(self) -> Images:
        """Return all images."""
        answer = self._http.call("GET", "images")
        return parsed(
            lambda answer: [Image.parse(image) for image in answer], answer
        )

    def get(self, image_id: str) -> Image:
        """Return one image; raises ``HTTPNotFound``."""
        return parsed(Image.parse, self._http.call("GET", "images", image_id))

    def put(
        self,
        image_id: str,
        *,
        size: int,
        generation: str,
        serial: str,
        host: str,
        port: str,
        iqn: str,
        lun: str,
        digest: str | None = None,
        initiator: str | None = None,
    ) -> Image:
        """Register one image server as a source of the image.

        ``size`` is in sectors of 512 bytes.  A source at the same host and
        port is replaced.  Raises ``HTTPConflict`` when others serve an
        image of another size or serial under this id.  With the iSCSI name of
        its ``initiator`` a server gets the key of its readers' tickets.
        """
        body = {
            "size": size,
            "generation": generation,
            "serial": serial,
            "digest": digest,
            "host": host,
            "port": str(port),
            "iqn": iqn,
            "lun": str(lun),
        }
        if initiator is not None:
            body["initiator"] = initiator
        answer = self._http.call("PUT", "images", image_id, body=body)
        return parsed(Image.parse, answer)

    def delete(self, image_id: str, host: str, port: str) -> None:
        """Withdraw one source; the image goes with its last one."""
        source = {"host": host, "port": str(port)}
        self._http.call("DELETE", "images", image_id, query=source)
