# SPDX-License-Identifier: Apache-2.0
"""Checks whether multipathd and udev leave the agent's devices alone."""

from __future__ import annotations

import re
from collections.abc import Iterator

from virtman.conf import Settings
from virtman.doctor import prerequisites
from virtman.doctor.finding import Finding, Level
from virtman.drivers import iscsi, processes, udev
from virtman.exception import CommandError
from virtman.privsep import command

_CHECK = "interference"
# Seconds.  multipathd(8) itself gives up after uxsock_timeout, 4 by default.
_ANSWER = 15.0
# The lines of etc/multipath/virtman.conf, or another setting with the same
# effect (multipath.conf(5)).
_LEAVES_DISKS = re.compile(
    rf'^\s*(vendor\s+"?\^?{iscsi.VENDOR}|find_multipaths\s+"?strict)',
    re.MULTILINE,
)


def look(settings: Settings) -> Iterator[Finding]:
    """Yield a finding on multipathd and one on udev."""
    yield _multipathd()
    yield _udev()


def _multipathd() -> Finding:
    """Return whether a running multipathd leaves the agent's disks alone."""
    if not processes.named("multipathd"):
        return Finding(_CHECK, Level.OK, "multipathd does not run")
    try:
        configuration = _running_configuration()
    except CommandError as error:
        return Finding(
            _CHECK, Level.WARNING,
            "multipathd runs and does not say what it leaves alone: "
            f"{str(error).strip()}",
            "see that 'multipathd show config' has the blacklist of "
            "etc/multipath/virtman.conf",
        )  # fmt: skip
    if _LEAVES_DISKS.search(configuration):
        return Finding(
            _CHECK, Level.OK, "multipathd leaves the agent's disks alone"
        )
    return Finding(
        _CHECK, Level.ERROR,
        "multipathd is not configured to leave the agent's disks alone: it "
        "takes different images for paths to one disk",
        "copy etc/multipath/virtman.conf to /etc/multipath/conf.d, then "
        "'multipathd reconfigure'",
    )  # fmt: skip


def _running_configuration() -> str:
    """Return the configuration that multipathd has in force.

    Its files may have changed since it read them.  It answers every user
    (multipathd(8)).

    :raises CommandError: it does not answer; or the program is not on this
        host, as where multipathd runs in a container.
    """
    argv = [prerequisites.find("multipathd") or "multipathd", "show", "config"]
    answer = command.run(argv, deadline=_ANSWER)
    if "blacklist" not in answer:
        # A multipathd that is too busy prints "timeout", and exits with 0.
        raise CommandError(argv, 0, answer, "that is no configuration")
    return answer


def _udev() -> Finding:
    if udev.is_in_force():
        return Finding(
            _CHECK,
            Level.OK,
            "udev leaves the agent's devices alone, or does not run",
        )
    if not processes.agents():
        return Finding(
            _CHECK, Level.OK, "udev's rule is written when the agent starts"
        )
    return Finding(
        _CHECK, Level.ERROR,
        f"{udev.FOLDER / udev.NAME} is missing or another: the host looks "
        "into the guests' disks",
        "'systemctl restart virtman-server' writes it; VMs go on meanwhile",
    )  # fmt: skip
