# SPDX-License-Identifier: Apache-2.0
"""The typed verbs of an agent, whichever door they go through.

A door is one method, ``_call``, in ``agent`` and ``remote``.  Both get the
same answer from the agent, ``{'result': ...}`` or ``{'error': {'code',
'message'}}``, and ``result`` makes of it a value or an exception.
"""

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
    """Makes, keeps, removes and lists what one agent has.

    Every call raises a ``ClientError``: ``CommunicationError`` when no agent
    answers, ``AnswerTimeout`` when it may be at work still, ``NotAdmitted``
    when this user may not ask, ``InvalidRequest`` for arguments that cannot
    be right, and ``OperationFailed`` with the agent's reason when it could
    not do it.
    """

    def create(
        self,
        instance: str,
        image: str,
        connections: Sequence[Connection] = (),
        store: str | Connection | None = None,
        keep: bool | None = None,
    ) -> str:
        """Make an instance's disk, or bring it back, and return its path.

        The same request again changes nothing and returns the same path.

        :param connections: where the image is exported, each with
            ``target_portal``, ``target_iqn`` and ``target_lun``; none: the
            agent asks volt
        :param store: block device of the agent's host for the writes; or a
            volume to log in to for them, as a connection, with
            ``auth_method``, ``auth_username`` and ``auth_password`` if it
            asks for CHAP
        :param keep: of an instance that this host does not know, whether
            another has written on the store: true takes that up, false
            begins anew, None begins anew where nothing was written
        :raises NotFound: there are no writes to keep
        :raises InUse: there are some, and ``keep`` is None
        :raises AlreadyExists: the name is another image's instance
        """
        told = self._call(
            "create",
            instance=instance,
            image=image,
            connections=[dict(one) for one in connections],
            store=store if isinstance(store, str | None) else dict(store),
            **({} if keep is None else {"keep": keep}),
        )
        return str(told["path"])

    def deactivate(self, instance: str) -> bool:
        """Take the disk away, keep the data; return whether there was one.

        :raises InUse: the disk is open: the VM runs
        """
        return bool(self._call("deactivate", instance=instance)["changed"])

    def destroy(self, instance: str) -> bool:
        """Remove the disk and the data; return whether there were any.

        :raises InUse: the disk is open: the VM runs
        """
        return bool(self._call("destroy", instance=instance)["changed"])

    def instances(self) -> list[JSON]:
        """Return each instance: ``name``, ``image``, ``path``, ``store``.

        ``path`` is None for one that was deactivated; ``store`` is ``fine``,
        ``full`` or ``invalid``.
        """
        return list(self._call("instances"))

    def images(self) -> list[JSON]:
        """Return each deployed image and where it is read from."""
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
        """Export an image no more; the file stays.

        :raises NotFound: no image of that name is exported
        """
        self._call("delete_target", image=image)

    def targets(self) -> list[JSON]:
        """Return the image targets, as ``create_target`` returns each."""
        return list(self._call("targets"))

    def open_store(
        self, store: str, sectors: int, initiator: str, new: bool
    ) -> JSON:
        """Let one initiator write on a store that the agent keeps.

        Return ``store``, ``iqn``, ``portal``, ``lun``, ``initiator`` and
        ``written``: whether a disk has ever stood on it; agents of this
        version also ``allocated``, the bytes that it takes up on the disk.

        :param sectors: of the disk, of 512 bytes
        :param new: whether it is made if there is none
        :raises NotFound: there is none
        :raises InUse: another has a session with it
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
        """Remove a store and what was written; return whether it was there.

        :raises InUse: a host has a session with it
        """
        return bool(self._call("delete_store", store=store)["changed"])

    def stores(self) -> list[JSON]:
        """Return each store, as ``open_store`` returns it."""
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
        """Have the agent do a verb; return its result."""


def result(answer: JSON) -> Any:
    """Return what an agent's answer says.

    :raises ClientError: it says why not
    """
    error = answer.get("error")
    if error:
        raise _ERRORS.get(error["code"], OperationFailed)(error["message"])
    return answer["result"]
