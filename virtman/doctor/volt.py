# SPDX-License-Identifier: Apache-2.0
"""Checks that volt answers, accepts the secret, and has the same time."""

from __future__ import annotations

import email.utils
import http.client
import time
from collections.abc import Iterator
from datetime import datetime

from virtman.conf import Settings
from virtman.coordinator import volt
from virtman.coordinator.protocol import VoltAway
from virtman.doctor.finding import Finding, Level
from virtman.exception import ConfigError

_CHECK = "volt"
# Seconds that volt may take to answer.
_PATIENCE = 5.0
# Seconds that the clocks may differ: a Date has whole seconds, and the answer
# took some time on its way.
_OFF = 5.0


def look(settings: Settings) -> Iterator[Finding]:
    """Yield whether volt answers, accepts the secret, and the clocks agree."""
    if settings.master_ip is None:
        yield Finding(
            _CHECK, Level.OK, "no master_ip: this node works without a tree"
        )
        return
    where = f"{settings.master_ip}:{settings.master_port}"
    try:
        date = _date(settings.master_ip, settings.master_port)
    except (OSError, http.client.HTTPException) as error:
        yield Finding(
            _CHECK, Level.ERROR, f"volt at {where} does not answer: {error}",
            "see that volt-api runs there and that no firewall is between; "
            "or correct master_ip and master_port",
        )  # fmt: skip
        return
    yield Finding(_CHECK, Level.OK, f"volt answers at {where}")
    yield _token(settings, where)
    yield _clock(date)


def _date(host: str, port: int) -> str | None:
    """Return the header Date of an answer for which volt asks no secret."""
    connection = http.client.HTTPConnection(host, port, timeout=_PATIENCE)
    try:
        connection.request("GET", "/")
        return connection.getresponse().getheader("Date")
    finally:
        connection.close()


def _token(settings: Settings, where: str) -> Finding:
    try:
        volt.of(settings).greet()
    except (VoltAway, ConfigError) as error:
        return Finding(
            _CHECK, Level.ERROR, f"volt refuses this node: {error}",
            "give the secret that volt-api has in its token_file as "
            "master_token_file, or the section [volt] for keystone",
        )  # fmt: skip
    return Finding(_CHECK, Level.OK, f"volt at {where} accepts this node")


def _clock(date: str | None) -> Finding:
    then = _parsed(date)
    if then is None:
        return Finding(
            _CHECK, Level.WARNING,
            f"the time cannot be compared: volt's answer is dated {date!r}",
            "see that it is volt-api that answers there",
        )  # fmt: skip
    off = time.time() - then.timestamp()
    if abs(off) <= _OFF:
        return Finding(_CHECK, Level.OK, "the clock agrees with volt's")
    return Finding(
        _CHECK, Level.WARNING,
        f"the clock is {abs(off):.0f} s {'ahead of' if off > 0 else 'behind'} "
        "volt's: logs do not match, tokens and certificates may be refused",
        "have both keep time: 'timedatectl set-ntp true'",
    )  # fmt: skip


def _parsed(date: str | None) -> datetime | None:
    try:
        return email.utils.parsedate_to_datetime(date or "")
    except ValueError:
        return None
