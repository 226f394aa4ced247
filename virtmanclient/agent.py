# SPDX-License-Identifier: Apache-2.0
"""The agent of this very host, over its Unix socket: typed calls.

``Agent().create(...)`` asks the door that virtman-server(8) describes under
LOCAL.  The kernel tells the agent the caller's user, so no secret is needed.
The standard library only, and no eventlet: Nova's compute service imports
this module.
"""

from __future__ import annotations

import http.client
import json
import socket
from typing import Any

from virtmanclient.doors import verbs
from virtmanclient.doors.verbs import TIMEOUT
from virtmanclient.exceptions import AnswerTimeout, CommunicationError

SOCKET = "/run/virtman/agent.sock"
CONNECT_SECONDS = 10.0  # an agent on this host accepts far sooner


class Agent(verbs.Verbs):
    """The verbs of the agent of this host.

    :param socket_path: the agent's option ``local_socket``
    :param timeout: seconds to wait for an answer, None for ever
    """

    def __init__(
        self, socket_path: str = SOCKET, timeout: float | None = TIMEOUT
    ) -> None:
        self.socket_path = socket_path
        self._timeout = timeout

    def _call(self, verb: str, **arguments: object) -> Any:
        connection = _Connection(self.socket_path, self._timeout)
        try:
            connection.request("POST", f"/v1/{verb}", json.dumps(arguments))
            answer = json.loads(connection.getresponse().read())
            if not isinstance(answer, dict):
                raise ValueError("the answer is not a JSON object")
        except TimeoutError as silence:
            raise AnswerTimeout(
                f"{self.socket_path}: no answer in {self._timeout} s; the "
                f"agent may still be at work: list what it has before you try "
                f"again"
            ) from silence
        except OSError as failure:
            raise CommunicationError(
                f"{self.socket_path}: {failure.strerror or failure}; is "
                f"virtman-server running on this host, and is this user in "
                f"its local_group?"
            ) from failure
        except (http.client.HTTPException, ValueError) as odd:
            raise CommunicationError(
                f"{self.socket_path}: the answer is not one of "
                f"virtman-server ({type(odd).__name__}); is another service "
                f"at this socket?"
            ) from odd
        finally:
            connection.close()
        return verbs.result(answer)


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket: a short time to connect, a long one to answer.

    The name given to the base class is only what the Host header says.
    """

    def __init__(self, path: str, timeout: float | None) -> None:
        super().__init__("agent")
        self._path = path
        self._answer_timeout = timeout

    def connect(self) -> None:
        """Connect to the socket's path, not to a host's name."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(CONNECT_SECONDS)
        self.sock.connect(self._path)
        self.sock.settimeout(self._answer_timeout)
