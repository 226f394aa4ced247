# SPDX-License-Identifier: Apache-2.0
"""The client: one endpoint, a manager for each noun."""

from collections.abc import Mapping

from voltclient.http import TIMEOUT, HTTPClient, Timeout
from voltclient.images import ImageManager
from voltclient.members import MemberManager
from voltclient.retry import Retry
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

    Every call raises exceptions of :mod:`voltclient.exceptions` only.
    """

    def __init__(
        self,
        endpoint: str,
        token: str | None = None,
        timeout: Timeout = TIMEOUT,
        identity_headers: Mapping[str, str] | None = None,
        cacert: str | None = None,
        cert_file: str | None = None,
        key_file: str | None = None,
        insecure: bool = False,
        ssl_compression: bool = True,
        retry: Retry | None = None,
    ) -> None:
        # ssl_compression has no meaning any more: TLS lost it.  It is
        # accepted because callers of the original give it.
        self.http_client = HTTPClient(
            endpoint,
            token=token,
            timeout=timeout,
            headers=identity_headers,
            tls=TLS(cacert, cert_file, key_file, insecure),
            retry=retry,
        )
        self.volumes = VolumeManager(self.http_client)
        self.members = MemberManager(self.http_client)
        self.images = ImageManager(self.http_client)
        self.trees = TreeManager(self.http_client)
