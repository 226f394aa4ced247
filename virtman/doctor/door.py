# SPDX-License-Identifier: Apache-2.0
"""Checks the agent's XML-RPC door, and the folders of image files."""

from __future__ import annotations

from collections.abc import Iterator

from virtman.conf import Settings
from virtman.doctor.finding import Finding, Level
from virtman.exception import ConfigError
from virtman.rpc import token
from vmthunder.addresses import is_loopback

_CHECK = "door"


def look(settings: Settings) -> Iterator[Finding]:
    """Yield a finding on the door, and one for each folder of images."""
    yield _callers(settings)
    for folder in settings.image_dirs:
        if folder.is_dir():
            yield Finding(_CHECK, Level.OK, f"images may lie in {folder}")
        else:
            yield Finding(
                _CHECK, Level.WARNING, f"image_dirs: {folder} is no folder",
                "make it, if this node is to serve images; or take it out of "
                "image_dirs",
            )  # fmt: skip


def _is_open(settings: Settings) -> bool:
    """Tell whether the options let other hosts in without a secret."""
    no_secret = settings.rpc_noauth_anywhere and not settings.rpc_token_file
    return no_secret and not is_loopback(settings.rpc_host)


def _callers(settings: Settings) -> Finding:
    if _is_open(settings):
        return Finding(
            _CHECK, Level.WARNING,
            f"every host that reaches {settings.rpc_host}:{settings.rpc_port} "
            "may make and destroy disks",
            "set rpc_token_file, unless the network is closed to others",
        )  # fmt: skip
    try:
        secrets = token.load(settings)
    except ConfigError as error:
        reason, _, remedy = str(error).partition("; ")
        return Finding(
            _CHECK, Level.ERROR, f"the agent does not start: {reason}",
            remedy or "see rpc_token_file in virtman-server(8)",
        )  # fmt: skip
    callers = "callers with a secret" if secrets else "callers on this host"
    return Finding(_CHECK, Level.OK, f"the agent serves {callers}")
