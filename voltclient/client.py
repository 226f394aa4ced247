# SPDX-License-Identifier: Apache-2.0
"""The client of one endpoint, with a manager for each resource."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from typing import Any

from voltclient import environment
from voltclient.http import TIMEOUT, HTTPClient, Timeout
from voltclient.images import ImageManager
from voltclient.members import MemberManager
from voltclient.retry import Retry
from voltclient.tokens import Session, tokens
from voltclient.transport import TLS
from voltclient.trees import TreeManager
from voltclient.volumes import VolumeManager


class Client:
    """Talks to the volt at ``endpoint`` (``http://host:7447``).

    ``timeout`` is in seconds: one number, or one to connect and one for
    each read.  ``retry`` says how often and how long a call is tried, see
    :class:`voltclient.retry.Retry`.  ``cacert``, ``cert_file``,
    ``key_file`` and ``insecure`` are for https endpoints.  One client
    serves several threads.

    ``token`` is one for good, or a function that is asked for it with each
    call; or else ``session`` is one of keystoneauth1, with a ``timeout``
    of its own.  When volt refuses what they give they are asked once more.

    Every call raises exceptions of :mod:`voltclient.exceptions` only.
    """

    def __init__(
        self,
        endpoint: str,
        token: str | Callable[[], str | None] | None = None,
        timeout: Timeout = TIMEOUT,
        identity_headers: Mapping[str, str] | None = None,
        cacert: str | None = None,
        cert_file: str | None = None,
        key_file: str | None = None,
        insecure: bool = False,
        ssl_compression: bool = True,
        retry: Retry | None = None,
        session: Session | None = None,
    ) -> None:
        # ssl_compression has no meaning any more: TLS lost it.  It is
        # accepted because callers of the original give it.
        self.http_client = HTTPClient(
            endpoint,
            tokens=tokens(token, session),
            timeout=timeout,
            headers=identity_headers,
            tls=TLS(cacert, cert_file, key_file, insecure),
            retry=retry,
        )
        self.volumes = VolumeManager(self.http_client)
        self.members = MemberManager(self.http_client)
        self.images = ImageManager(self.http_client)
        self.trees = TreeManager(self.http_client)

    @classmethod
    def from_environment(
        cls,
        endpoint: str | None = None,
        *,
        token: str | None = None,
        token_file: str | None = None,
        cacert: str | None = None,
        cert_file: str | None = None,
        key_file: str | None = None,
        insecure: bool | None = None,
        within: float | None = None,
        environ: environment.Environ = os.environ,
    ) -> Client:
        """Return a client configured by ``VOLT_URL`` and its like.

        What is given wins over the environment.  ``within`` is how many
        seconds a call may take with all its attempts (``VOLT_TIMEOUT``).
        The constructor itself never looks there: an agent is to do what
        its configuration says.  Raises ``CommandError`` for an invalid value
        and for a file that cannot be read.
        """
        variable = functools.partial(environment.text, environ)
        if insecure is None:
            insecure = environment.truth(environ, environment.INSECURE)
        return cls(
            endpoint or variable(environment.URL) or environment.ENDPOINT,
            token=token or environment.token(environ, token_file),
            cacert=cacert or variable(environment.CACERT),
            cert_file=cert_file or variable(environment.CERT),
            key_file=key_file or variable(environment.KEY),
            insecure=insecure,
            **_patience(
                within or environment.seconds(environ, environment.TIMEOUT)
            ),
        )


def _patience(within: float | None) -> dict[str, Any]:
    if within is None:
        return {}
    timeout = (min(TIMEOUT[0], within), within)
    return {"timeout": timeout, "retry": Retry(deadline=within)}
