# SPDX-License-Identifier: Apache-2.0
"""The terms on which an agent and its callers meet at a broker.

oslo.messaging is imported when a URL is used, and not before: neither the
agent nor Nova's compute service should load it without need.  The URL has all
settings, the options of RabbitMQ in its query, so nothing depends on the
other configuration of the process.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
import urllib.parse
from typing import Any

from virtmanclient.exceptions import InvalidEndpoint, MissingPackage

SCHEME = "rabbit://"
TOPIC = EXCHANGE = NAMESPACE = "virtman"
VERSION = "1.0"
_FORM = "rabbit://USER:PASSWORD@HOST:5672/VHOST"
# Defaults; the URL's own options go before them.  A queue ends with the agent
# that listens on it: a caller learns at once that no agent listens, and no
# agent finds calls that were given up long ago.  A dead host is noticed in 20
# seconds, not 60, and a listener looks up each two seconds (20 / 5 / 2), so
# that it ends in time.  A broker that is back is found within ten seconds, not
# thirty.
_QUERY = {
    "amqp_auto_delete": "true",
    "heartbeat_timeout_threshold": "20",
    "heartbeat_rate": "5",
    "rabbit_interval_max": "10",
}


def transport(url: str) -> Any:
    """Return the ``RPCTransport`` of a broker's URL, not connected yet.

    Errors never quote a URL: it has a password in it.

    :raises InvalidEndpoint: the URL is not one of a broker
    :raises MissingPackage: oslo.messaging is not installed
    """
    messaging = library()
    conf = _configuration()
    try:
        _check(url)
        parsed = messaging.TransportURL.parse(conf, url)
        parsed.query = _QUERY | parsed.query
        return messaging.get_rpc_transport(conf, parsed)
    except Exception as error:
        kind = type(error).__name__
    # Out of the except block: the cause's text may have the password.
    raise InvalidEndpoint(
        f"the URL of the broker is not usable ({kind}): write {_FORM}, with "
        "each character of the password other than letters and digits as %XX, "
        "and options of oslo.messaging for RabbitMQ as "
        "?ssl=true&ssl_ca_file=/PATH"
    )


def where(url: str) -> str:
    """Return the hosts of a broker's URL, without users and passwords."""
    hosts = urllib.parse.urlsplit(url).netloc.split(",")
    return ", ".join(host.rpartition("@")[2] for host in hosts)


def library() -> Any:
    """Import oslo.messaging, for native threads.

    :raises MissingPackage: oslo.messaging is not installed
    """
    try:
        if "oslo_messaging" not in sys.modules:
            _choose_threads()
        return importlib.import_module("oslo_messaging")
    except (ImportError, ValueError) as error:
        raise MissingPackage(
            "calls through a broker need two packages: pip install "
            "oslo.messaging "
            "'oslo.service[threading]', or vmthunder[messaging] where "
            f"virtman-server runs ({error})"
        ) from error


def served(host: str) -> Any:
    """Return the ``Target`` on which the agent of a host listens."""
    return library().Target(exchange=EXCHANGE, topic=TOPIC, server=host)


def spoken() -> Any:
    """Return the ``Target`` with the namespace and version of the verbs."""
    return library().Target(namespace=NAMESPACE, version=VERSION)


def called(host: str) -> Any:
    """Return the ``Target`` for calls to the agent of a host."""
    return served(host)(namespace=NAMESPACE, version=VERSION)


def _choose_threads() -> None:
    """Choose native threads, unless this program has chosen eventlet.

    oslo.messaging imports oslo.service, which loads eventlet when no backend
    was chosen before (DEFAULT_BACKEND_TYPE in oslo_service/backend).
    """
    backend = importlib.import_module("oslo_service.backend")
    if backend.get_backend_type() is None:
        backend.init_backend(backend.BackendType.THREADING)


def _configuration() -> Any:
    """Return a configuration with oslo.messaging's options at defaults."""
    from oslo_config import cfg

    conf = cfg.ConfigOpts()
    conf([], project="virtman", default_config_files=[], use_env=False)
    # oslo.messaging 18.3 registers these with cfg.CONF alone, and asks every
    # other configuration for them in vain.
    for name in ("_tracing", "_metrics"):
        with contextlib.suppress(ImportError, AttributeError):
            module = importlib.import_module(f"oslo_messaging.{name}.client")
            group = f"oslo_messaging{name}"
            conf.register_opts(getattr(module, group), group=group)
    return conf


def _check(url: str) -> None:
    """Refuse a URL that the library would read as another host's.

    A '/' or '?' in a password ends the host for the library, which would then
    connect to the user's name and log it with half of the password.
    """
    parts = urllib.parse.urlsplit(url)
    rest = parts.path + parts.query + parts.fragment
    if parts.scheme not in ("rabbit", "fake") or "@" in rest:
        raise ValueError
    if parts.scheme == "rabbit" and not parts.netloc.rpartition("@")[2]:
        raise ValueError
