# SPDX-License-Identifier: Apache-2.0
"""The errors of a cloud, each one line with the reason and a remedy."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from virtmanclient.exceptions import ClientError


class CloudError(ClientError):
    """The cloud did not do a request, or cannot be asked."""


class Unretryable(CloudError):
    """The same request would fail again, for lack of rights or quota."""


class NoAnswer(CloudError):
    """The cloud did not answer; the request may be done all the same."""


class Gone(CloudError):
    """The server, image, flavor or network does not exist."""


@contextlib.contextmanager
def translated(subject: str = "") -> Iterator[None]:
    """Raise the errors of the libraries as CloudError.

    :param subject: the subject of the request, to begin the message with
    """
    # Here and not above: only callers that have a client need the libraries.
    from keystoneauth1 import exceptions as keystone
    from novaclient import exceptions as nova

    before = f"{subject}: " if subject else ""
    try:
        yield
    except (nova.NotFound, keystone.NotFound) as error:
        raise Gone(f"{before}{_line(error)}") from error
    except (keystone.Unauthorized, nova.Unauthorized) as error:
        raise Unretryable(
            f"{before}the cloud refuses these credentials: "
            f"{_line(error)}; see OS_CLOUD and clouds.yaml, or the other "
            "variables OS_*"
        ) from error
    except (nova.Forbidden, nova.OverLimit, keystone.Forbidden) as error:
        raise Unretryable(f"{before}{_line(error)}") from error
    except keystone.ConnectionError as error:
        raise NoAnswer(
            f"{before}{_line(error)}; the request may be done all the same"
        ) from error
    except (nova.ClientException, keystone.ClientException) as error:
        raise CloudError(f"{before}{_line(error)}") from error


def _line(error: Exception) -> str:
    """Return the message of an error on one line, or else its class."""
    return " ".join(str(error).split()) or type(error).__name__
