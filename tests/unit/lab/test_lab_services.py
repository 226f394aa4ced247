# SPDX-License-Identifier: Apache-2.0
"""Daemons are started once, and awaited until they answer."""

import pytest

from lab import services
from lab.errors import NotInTime
from lab.shell import Result, Shell


class Daemons(Shell):
    """A node whose daemons answer ``after`` so many questions."""

    def __init__(self, after=2):
        self.name, self.after, self.started = "a", after, []

    def run(self, argv, *, check=True, **_):
        if argv[0] in ("tgtd", "iscsid"):
            self.started.append(argv[0])
        if argv[0] == "pidof":
            return Result(int(argv[1] not in self.started), "", "")
        if argv[0] in ("tgtadm", "iscsiadm"):
            return Result(self._answer(argv[0]), "", "")
        return Result(0, "", "")

    def _answer(self, tool):
        if self.started:
            self.after -= 1
        good = 0 if tool == "tgtadm" else 21
        return good if self.started and self.after <= 0 else 107


@pytest.mark.parametrize(
    ("start", "daemon"),
    [
        (services.start_target, "tgtd"),
        (services.start_initiator, "iscsid"),
    ],
)
def test_a_daemon_is_started_once_and_answers(start, daemon):
    node = Daemons()
    start(node)
    assert node.after <= 0
    start(node)
    assert node.started == [daemon]


def test_an_initiator_that_never_answers_is_named():
    node = Daemons(after=10**9)
    node.wait_until = lambda ask, goal: Shell.wait_until(
        node, ask, goal=goal, timeout=0.02
    )
    with pytest.raises(NotInTime, match="iscsid answers"):
        services.start_initiator(node)
