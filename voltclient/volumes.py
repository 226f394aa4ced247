# SPDX-License-Identifier: Apache-2.0
"""Calls about volumes: places in their trees."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from voltclient.http import HTTPClient
from voltclient.types import Assignment, Failed, parsed


class Volume:
    """The fields of a volume or a peer in an answer.

    Volumes have ``id`` and ``count``, peers ``host``, ``port``, ``iqn``,
    ``lun``, ``status`` and ``peer_id``.
    """

    def __init__(self, **info: Any) -> None:
        self._info = info

    def __getattr__(self, name: str) -> Any:
        """Return the field of this name."""
        info: dict[str, Any] = self.__dict__.get("_info", {})
        if name in info:
            return info[name]
        raise AttributeError(
            f"volt's answer has no {name!r}, only {sorted(info)}"
        )

    def __eq__(self, other: object) -> bool:
        """Compare the fields."""
        return isinstance(other, Volume) and self._info == other._info

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Return the fields as text."""
        fields = ", ".join(f"{key}={self._info[key]!r}" for key in self._info)
        return f"Volume({fields})"

    def to_dict(self) -> dict[str, Any]:
        """Return a copy of the fields."""
        return dict(self._info)


Volumes = list[Volume]


def volumes_of(answer: Any) -> Volumes:
    """Return the volumes or peers of a list in an answer."""
    return [Volume(**fields) for fields in answer]


class VolumeManager:
    """Calls about volumes.  ``session_name`` is the volume's id."""

    def __init__(self, http_client: HTTPClient) -> None:
        self._http = http_client

    def list(self, volume_id: str | None = None) -> Volumes:
        """Return all volumes, or the peers of one volume.

        Raises ``HTTPNotFound`` for a volume without peers.
        """
        path = ("volumes",) if volume_id is None else ("volumes", volume_id)
        return parsed(volumes_of, self._http.call("GET", *path))

    def get(
        self,
        session_name: str,
        host: str | None = None,
        port: str | None = None,
        iqn: str | None = None,
        lun: str | None = None,
    ) -> tuple[str | None, Volumes]:
        """Ask for a place as old agents do: ``(peer_id, parents)``.

        No parents means: read from the image server.  A ``peer_id`` of
        None means: no place now, ask again.
        """
        answer = self._query(
            session_name, host=host, port=port, iqn=iqn, lun=lun
        )
        return parsed(
            lambda answer: (answer["peer_id"], volumes_of(answer["parents"])),
            answer,
        )

    def assign(
        self,
        session_name: str,
        host: str,
        port: str,
        iqn: str,
        lun: str,
        failed: Iterable[Failed] = (),
        initiator: str | None = None,
    ) -> Assignment:
        """Ask for a place, and say from where this node is going to serve.

        The parent may be one that is still coming up.  ``failed`` are
        sources that this node cannot read from.  Without a token volt
        takes the address the call came from instead of ``host``.  With the
        iSCSI name of its ``initiator`` a node gets tickets for the sources.
        """
        answer = self._query(
            session_name,
            host=host,
            port=str(port),
            iqn=iqn,
            lun=str(lun),
            accept_pending=True,
            failed=[dataclasses.asdict(source) for source in failed] or None,
            initiator=initiator,
        )
        return parsed(Assignment.parse, answer)

    def login(
        self,
        session_name: str,
        peer_id: str,
        host: str,
        port: str,
        iqn: str,
        lun: str,
    ) -> Volume:
        """Register: from now on this peer serves the volume.

        Another time changes nothing, so a lost answer is no failure; so it
        is with the asking for a place: a node has one in each tree.
        """
        body = {"host": host, "port": port, "iqn": iqn, "lun": lun}
        answer = self._http.call(
            "POST",
            "volumes",
            session_name,
            peer_id,
            body={key: str(body[key]) for key in body},
        )
        return parsed(lambda answer: Volume(**answer), answer)

    def logout(
        self,
        session_name: str,
        peer_id: str | None = None,
        force: bool = False,
    ) -> None:
        """Take a peer out; without ``peer_id`` drop the whole volume.

        A volume that peers still serve is dropped by ``force`` only.  It is
        not tried again when the answer is lost: others may have joined.
        """
        if peer_id is None:
            query = {"force": "true" if force else "false"}
            self._http.call(
                "DELETE", "volumes", session_name, query=query, repeat=False
            )
        else:
            self._http.call("DELETE", "volumes", session_name, peer_id)

    def _query(self, session_name: str, **body: Any) -> Any:
        given = {key: body[key] for key in body if body[key] is not None}
        return self._http.call(
            "GET", "volumes", "query", session_name, body=given
        )
