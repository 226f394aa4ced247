# SPDX-License-Identifier: Apache-2.0
"""Say in one line what a cloud did not do, and what can be done about it."""

import contextlib
from collections.abc import Iterator

from virtmanclient.exceptions import ClientError


class CloudError(ClientError):
    """The cloud did not do what it was asked, or cannot be asked."""


class Unretryable(CloudError):
    """No request like this one will do any better: rights, or a quota."""


class NoAnswer(CloudError):
    """No answer came; what was asked may be done all the same."""


class Gone(CloudError):
    """It is not there."""


@contextlib.contextmanager
def translated(what: str = "") -> Iterator[None]:
    """Raise the errors of the libraries as CloudError.

    :param what: what was tried, if the message has to say it
    """
    # Loaded already by whoever is in here.
    from keystoneauth1 import exceptions as keystone
    from novaclient import exceptions as nova

    before = f"{what}: " if what else ""
    try:
        yield
    except (nova.NotFound, keystone.NotFound) as error:
        raise Gone(f"{before}{_line(error)}") from error
    except (keystone.Unauthorized, nova.Unauthorized) as error:
        raise Unretryable(
            f"{before}the cloud does not take these credentials: "
            f"{_line(error)}; see OS_CLOUD and clouds.yaml, or the other "
            "variables OS_*"
        ) from error
    except (nova.Forbidden, nova.OverLimit, keystone.Forbidden) as error:
        raise Unretryable(f"{before}{_line(error)}") from error
    except keystone.ConnectionError as error:
        raise NoAnswer(
            f"{before}{_line(error)}; what was asked may be done all the same"
        ) from error
    except (nova.ClientException, keystone.ClientException) as error:
        raise CloudError(f"{before}{_line(error)}") from error


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
