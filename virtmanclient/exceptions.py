# SPDX-License-Identifier: Apache-2.0
"""What can go wrong when a node is asked, one class a reason.

``ClientError`` is the base of them all.  ``translated`` turns the errors of
the standard library into these, each naming the node and the remedy.
"""

import contextlib
import http.client
import xml.parsers.expat
import xmlrpc.client
from collections.abc import Iterator


class ClientError(Exception):
    """The node did not do what it was asked."""


class InvalidEndpoint(ClientError, ValueError):
    """That names no agent in any way that there is."""


class MissingPackage(ClientError):
    """That endpoint needs a package that is not installed here."""


class CommunicationError(ClientError):
    """The node cannot be reached, or what answers there is no node."""


class AnswerTimeout(CommunicationError):
    """The node was asked and did not answer in time; it may do so yet."""


class NotAdmitted(ClientError):
    """The node wants a token that it was not shown."""


class ServerFault(ClientError):
    """The server raised while it worked on the call."""


class Refused(ClientError):
    """The server answered, and the answer is no (``1:`` or ``2:``)."""


class AlreadyExists(Refused):
    """The name to be created is taken (``1:``)."""


class NotFound(Refused):
    """The name to be destroyed does not exist (``1:``)."""


class InvalidRequest(Refused):
    """The arguments cannot be right, whatever the state of the node."""


class InUse(Refused):
    """Somebody holds it: the VM runs, or a device stands on it."""


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
        raise InvalidEndpoint(f"{node}: no address: {error}") from error
    except TimeoutError as error:
        raise AnswerTimeout(
            f"{node}: no answer in time; the node may be down, or at work "
            f"on it still: list what it has before you try again"
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
            f"{node}: what answers there is no virtman-server "
            f"({type(error).__name__}: {error})"
        ) from error


def _refusal(node: str, error: xmlrpc.client.ProtocolError) -> ClientError:
    """Return what an answer other than 200 of HTTP means."""
    if error.errcode == 401:
        return NotAdmitted(
            f"{node}: the node wants its token (rpc_token_file); name a file "
            f"that has it: VIRTMAN_TOKEN_FILE or --token-file"
        )
    return CommunicationError(
        f"{node}: what answers there is no virtman-server "
        f"({error.errcode} {error.errmsg})"
    )
