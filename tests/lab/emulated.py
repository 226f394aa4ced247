# SPDX-License-Identifier: Apache-2.0
"""Which tests are left out where no user-mode Linux runs, and why.

There every node is a computer that QEMU emulates, on which a program starts
17 times as slowly as on the host (doc/source/lab.rst): an agent needs half a
minute.  What is left out is named at the end of the run.
"""

from __future__ import annotations

from collections.abc import Mapping

# A file, or a file and a test in it: the reason.
LEFT_OUT: Mapping[str, str] = {
    "test_recovery.py::test_an_agent_killed_after_any_change_finds_its_way": (
        "starts an agent about a hundred times"
    ),
    "test_recovery.py::"
    "test_an_agent_killed_while_its_parent_changes_goes_on_under_a_reader": (
        "starts an agent about thirty times"
    ),
    "test_flashcache_group.py": (
        "starts the agent's Python again and again, with stand-ins for the "
        "cache's programs"
    ),
    "test_kept_store.py": "moves a store between hosts, each with new agents",
    "test_served_store.py": "moves stores between hosts that lose their power",
    "test_race.py": "counts on many creates within seconds",
}


def reason(nodeid: str) -> str | None:
    """Return why a test is left out; None: it is run.

    :param nodeid: pytest's name of it, ``folder/file::test[case]``.
    """
    path, _, test = nodeid.partition("::")
    file = path.rpartition("/")[2]
    return LEFT_OUT.get(file) or LEFT_OUT.get(f"{file}::{test.split('[')[0]}")
