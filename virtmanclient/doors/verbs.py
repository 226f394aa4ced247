# SPDX-License-Identifier: Apache-2.0
"""The typed verbs of an agent, the same at the local door and the broker.

A door is one method, ``_call``, in ``agent`` and ``remote``.  Both get the
same answer from the agent, ``{'result': ...}`` or ``{'error': {'code',
'message'}}``, and ``result`` turns it into a value or an exception.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from typing import Any

from virtmanclient.exceptions import (
    AlreadyExists,
    ClientError,
    InUse,
    InvalidRequest,
    NotAdmitted,
    NotFound,
    OperationFailed,
)

TIMEOUT = 600.0
"""Seconds; a create may wait for an image server that is just starting."""

Connection = Mapping[str, object]
JSON = dict[str, Any]

_ERRORS: Mapping[str, type[ClientError]] = {
    "already_exists": AlreadyExists,
    "in_use": InUse,
    "invalid_request": InvalidRequest,
    "not_admitted": NotAdmitted,
    "not_found": NotFound,
}


class Verbs(abc.ABC):
    """The verbs for the disks, image targets and server stores of one agent.

    Every call raises a ``ClientError``: ``CommunicationError`` when no agent
    answers, ``AnswerTimeout`` when the agent may be at work still,
    ``NotAdmitted`` when this user may not ask, ``InvalidRequest`` for
    arguments that cannot be right, and ``OperationFailed`` with the agent's
    reason when it could not do the call.
    """

    def create(
        self,
        instance: str,
        image: str,
        connections: Sequence[Connection] = (),
        store: str | Connection | None = None,
        keep: bool | None = None,
    ) -> str:
        """Make an instance's disk, or bring it back; return its path.

        The same request again changes nothing and returns the same path.

        :param connections: where the image is exported, each with
            ``target_portal``, ``target_iqn`` and ``target_lun``; without any,
            the agent asks volt
        :param store: the COW store: a block device of the agent's host; or a
            volume to log in to, as a connection, with ``auth_method``,
            ``auth_username`` and ``auth_password`` if it asks for CHAP
        :param keep: for an instance that this host does not know, whether
            another host has written on the store: true keeps these writes,
            false begins anew, None begins anew on an unwritten store
        :raises NotFound: ``keep`` is true, and the store is unwritten
        :raises InUse: ``keep`` is None, and the store is written
        :raises AlreadyExists: the name is another image's instance
        """
        made = self._call(
            "create",
            instance=instance,
            image=image,
            connections=[dict(connection) for connection in connections],
            store=store if isinstance(store, str | None) else dict(store),
            **({} if keep is None else {"keep": keep}),
        )
        return str(made["path"])

    def deactivate(self, instance: str) -> bool:
        """Remove an instance's disk, keep its data; tell if it had a disk.

        :raises InUse: the disk is open: the VM runs
        """
        return bool(self._call("deactivate", instance=instance)["changed"])

    def destroy(self, instance: str) -> bool:
        """Remove an instance's disk and data; tell if it had any.

        :raises InUse: the disk is open: the VM runs
        """
        return bool(self._call("destroy", instance=instance)["changed"])

    def instances(self) -> list[JSON]:
        """Return each instance: ``name``, ``image``, ``path``, ``store``.

        ``path`` is None for a deactivated instance; ``store`` is ``fine``,
        ``full`` or ``invalid``.
        """
        return list(self._call("instances"))

    def images(self) -> list[JSON]:
        """Return each deployed image, with its sources."""
        return list(self._call("images"))

    def create_target(
        self, image: str, file: str, loop: str | None = None
    ) -> JSON:
        """Export a RAW file; return ``image``, ``tid``, ``device``, ``iqn``.

        :raises AlreadyExists: an image of that name is exported
        """
        return dict(
            self._call("create_target", image=image, file=file, loop=loop)
        )

    def delete_target(self, image: str) -> None:
        """Stop exporting an image; the file stays.

        :raises NotFound: no image of that name is exported
        """
        self._call("delete_target", image=image)

    def targets(self) -> list[JSON]:
        """Return the image targets, as ``create_target`` returns each."""
        return list(self._call("targets"))

    def open_store(
        self, store: str, sectors: int, initiator: str, new: bool
    ) -> JSON:
        """Open a server store of the agent to one initiator.

        Return ``store``, ``iqn``, ``portal``, ``lun``, ``initiator`` and
        ``written``: whether a disk has ever stood on it; agents of this
        version also ``allocated``, the bytes that it takes up on the disk.

        :param sectors: of the disk, of 512 bytes
        :param new: whether a missing store is made
        :raises NotFound: the store is missing, and ``new`` is false
        :raises InUse: another initiator has a session with the store
        """
        return dict(
            self._call(
                "open_store",
                store=store,
                sectors=sectors,
                initiator=initiator,
                new=new,
            )
        )

    def delete_store(self, store: str) -> bool:
        """Remove a server store and its data; tell if it was there.

        :raises InUse: a host has a session with the store
        """
        return bool(self._call("delete_store", store=store)["changed"])

    def stores(self) -> list[JSON]:
        """Return the server stores, each as ``open_store`` returns it."""
        return list(self._call("stores"))

    def room(self) -> JSON:
        """Return the room for stores: ``total``, ``free``, ``provisioned``.

        In bytes; the last is what the stores take up once they are full.

        :raises InvalidRequest: the agent is of a version before this verb
        """
        return dict(self._call("room"))

    def working(self) -> str:
        """Return the version of the agent that answers."""
        return str(self._call("working")["version"])

    @abc.abstractmethod
    def _call(self, verb: str, **arguments: object) -> Any:
        """Have the agent do a verb; return the verb's result."""


def result(answer: JSON) -> Any:
    """Return the result in an agent's answer.

    :raises ClientError: the answer is an error
    """
    error = answer.get("error")
    if error:
        raise _ERRORS.get(error["code"], OperationFailed)(error["message"])
    return answer["result"]
