# SPDX-License-Identifier: Apache-2.0
"""The agent of this very host, over its Unix socket: typed calls.

``Agent().create(...)`` asks the door that virtman-server(8) describes under
LOCAL.  The kernel tells the agent who calls, so there is no secret.  The
standard library only, and no eventlet: Nova's compute service imports it.
"""

import http.client
import json
import socket
from collections.abc import Mapping, Sequence
from typing import Any

from virtmanclient.exceptions import (
    AlreadyExists,
    AnswerTimeout,
    ClientError,
    CommunicationError,
    InUse,
    InvalidRequest,
    NotAdmitted,
    NotFound,
    OperationFailed,
)

SOCKET = '/run/virtman/agent.sock'
TIMEOUT = 600.0
"""Seconds; a create may wait for an image server that is just starting."""
CONNECT_SECONDS = 10.0

Connection = Mapping[str, object]
JSON = dict[str, Any]

_ERRORS: Mapping[str, type[ClientError]] = {
    'already_exists': AlreadyExists,
    'in_use': InUse,
    'invalid_request': InvalidRequest,
    'not_admitted': NotAdmitted,
    'not_found': NotFound,
}


class Agent:
    """Makes, keeps, removes and lists what one agent has.

    Every call raises a ``ClientError``: ``CommunicationError`` when no agent
    answers, ``AnswerTimeout`` when it is still at work after ``timeout``
    seconds, ``NotAdmitted`` when this user may not ask,
    ``InvalidRequest`` for arguments that cannot be right, and
    ``OperationFailed`` with the agent's reason when it could not do it.

    :param socket_path: the agent's option ``local_socket``
    :param timeout: seconds to wait for an answer, None for ever
    """

    def __init__(
        self, socket_path: str = SOCKET, timeout: float | None = TIMEOUT
    ) -> None:
        self.socket_path = socket_path
        self._timeout = timeout

    def create(
        self,
        instance: str,
        image: str,
        connections: Sequence[Connection] = (),
        store: str | None = None,
    ) -> str:
        """Make an instance's disk, or bring it back, and return its path.

        The same request again changes nothing and returns the same path.

        :param connections: where the image is exported, each with
            ``target_portal``, ``target_iqn`` and ``target_lun``; none: the
            agent asks volt
        :param store: block device of this host for the writes
        :raises AlreadyExists: the name is another image's instance
        """
        told = self._call(
            'create',
            instance=instance,
            image=image,
            connections=[dict(one) for one in connections],
            store=store,
        )
        return str(told['path'])

    def deactivate(self, instance: str) -> bool:
        """Take the disk away, keep the data; return whether there was one.

        :raises InUse: the disk is open: the VM runs
        """
        return bool(self._call('deactivate', instance=instance)['changed'])

    def destroy(self, instance: str) -> bool:
        """Remove the disk and the data; return whether there were any.

        :raises InUse: the disk is open: the VM runs
        """
        return bool(self._call('destroy', instance=instance)['changed'])

    def instances(self) -> list[JSON]:
        """Return each instance: ``name``, ``image``, ``path``, ``store``.

        ``path`` is None for one that was deactivated; ``store`` is ``fine``,
        ``full`` or ``invalid``.
        """
        return list(self._call('instances'))

    def images(self) -> list[JSON]:
        """Return each deployed image and where it is read from."""
        return list(self._call('images'))

    def create_target(
        self, image: str, file: str, loop: str | None = None
    ) -> JSON:
        """Export a RAW file; return ``image``, ``tid``, ``device``, ``iqn``.

        :raises AlreadyExists: an image of that name is exported
        """
        return dict(
            self._call('create_target', image=image, file=file, loop=loop)
        )

    def delete_target(self, image: str) -> None:
        """Export an image no more; the file stays.

        :raises NotFound: no image of that name is exported
        """
        self._call('delete_target', image=image)

    def targets(self) -> list[JSON]:
        """Return the image targets, as ``create_target`` returns each."""
        return list(self._call('targets'))

    def working(self) -> str:
        """Return the version of the agent that answers."""
        return str(self._call('working')['version'])

    def _call(self, verb: str, **arguments: object) -> Any:
        connection = _Connection(self.socket_path, self._timeout)
        try:
            connection.request('POST', f'/v1/{verb}', json.dumps(arguments))
            answer = json.loads(connection.getresponse().read())
            error = answer.get('error')
        except TimeoutError as silence:
            raise AnswerTimeout(
                f'{self.socket_path}: no answer in {self._timeout} s; the '
                f'agent may be at work on it still: list what it has before '
                f'you try again'
            ) from silence
        except OSError as failure:
            raise CommunicationError(
                f'{self.socket_path}: {failure.strerror or failure}; is '
                f'virtman-server running on this host, and may this user '
                f'use it (its option local_group)?'
            ) from failure
        except (http.client.HTTPException, ValueError, AttributeError) as odd:
            raise CommunicationError(
                f'{self.socket_path}: what answers there is no '
                f'virtman-server ({type(odd).__name__})'
            ) from odd
        finally:
            connection.close()
        if error:
            raise _ERRORS.get(error['code'], OperationFailed)(error['message'])
        return answer['result']


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket; quick to give up connecting, then patient."""

    def __init__(self, path: str, timeout: float | None) -> None:
        super().__init__('agent')
        self._path = path
        self._patience = timeout

    def connect(self) -> None:
        """Connect to the path, not to the host's name."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(CONNECT_SECONDS)
        self.sock.connect(self._path)
        self.sock.settimeout(self._patience)
