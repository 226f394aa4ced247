# SPDX-License-Identifier: Apache-2.0
"""The errors of a call to a node, one class a reason.

``ClientError`` is the base of them all.  ``translated`` turns the errors of
the standard library into these; each message names the node and the remedy.
"""

from __future__ import annotations

import contextlib
import http.client
import xml.parsers.expat
import xmlrpc.client
from collections.abc import Iterator


class ClientError(Exception):
    """The node did not do the call."""


class InvalidEndpoint(ClientError, ValueError):
    """The endpoint has none of the forms that name an agent."""


class MissingPackage(ClientError):
    """The endpoint needs a package that is not installed here."""


class CommunicationError(ClientError):
    """The node cannot be reached, or the answer is not one of a node."""


class AnswerTimeout(CommunicationError):
    """The node did not answer the call in time; it may still do it."""


class NotAdmitted(ClientError):
    """The node wants another token, or does not let this user in."""


class ServerFault(ClientError):
    """The server raised an exception while it worked on the call."""


class Refused(ClientError):
    """The server refused the call, or failed at it (``1:`` or ``2:``)."""


class AlreadyExists(Refused):
    """The name to be created is taken (``1:``)."""


class NotFound(Refused):
    """The name to be destroyed does not exist (``1:``)."""


class InvalidRequest(Refused):
    """The arguments cannot be right, whatever the state of the node."""


class InUse(Refused):
    """The disk or store is held: the VM runs, or a device stands on it."""


class OperationFailed(Refused):
    """The server tried and failed (``2:``)."""


@contextlib.contextmanager
def translated(node: str) -> Iterator[None]:
    """Raise the errors of one call to a node as ClientError.

    :param node: the node that is asked, as the user wrote it
    """
    try:
        yield
    except xmlrpc.client.Fault as error:
        raise ServerFault(
            f"{node}: the server failed: {error.faultString}; "
            f"its log has the reason"
        ) from error
    except xmlrpc.client.ProtocolError as error:
        raise _refusal(node, error) from error
    except (http.client.InvalidURL, UnicodeError) as error:
        raise InvalidEndpoint(
            f"{node}: the address is not usable: {error}"
        ) from error
    except TimeoutError as error:
        raise AnswerTimeout(
            f"{node}: no answer in time; the node may be down, or still at "
            f"work: list what it has before you try again"
        ) from error
    except OSError as error:
        raise CommunicationError(
            f"{node}: {error.strerror or error}; is virtman-server running "
            f"there, on that port?"
        ) from error
    except (
        xmlrpc.client.Error,
        xml.parsers.expat.ExpatError,
        http.client.HTTPException,
    ) as error:
        raise CommunicationError(
            f"{node}: the answer is not one of virtman-server "
            f"({type(error).__name__}: {error}); is another service on that "
            f"port?"
        ) from error


def _refusal(node: str, error: xmlrpc.client.ProtocolError) -> ClientError:
    """Return the error that an HTTP status other than 200 means."""
    if error.errcode == 401:
        return NotAdmitted(
            f"{node}: the node wants its token (rpc_token_file); name a file "
            f"that has it: VIRTMAN_TOKEN_FILE or --token-file"
        )
    return CommunicationError(
        f"{node}: the answer is not one of virtman-server "
        f"({error.errcode} {error.errmsg}); is another service on that port?"
    )
