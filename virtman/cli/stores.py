# SPDX-License-Identifier: Apache-2.0
"""``virtman store`` shows and removes the server stores of this host."""

from __future__ import annotations

import argparse
from typing import Any

from virtman.cli import asking
from virtmanclient.doors.verbs import Verbs


class ListStores(asking.List):
    """List the stores that this host keeps for disks of other hosts.

    initiator is the one that may log in to the store; written whether a disk
    has ever stood on it; allocated the bytes that it takes up on the disk;
    portal where it is served.
    """

    columns = ("store", "initiator", "written", "allocated", "portal")
    examples = ("store list", "store list --sort-column allocated")
    ask = staticmethod(Verbs.stores)


class DeleteStore(asking.Show):
    """Remove a store, and all that was written on it.

    Refused while a host has a session with it.  Prints whether it was removed,
    or was absent: what is not there is gone already.
    """

    takes = (("store", "the store's name; of Cinder's, the volume's id"),)
    examples = ("store delete 5ee4a3b2-31f4-4b3c-a52b-4a8d64e5d1a9",)

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        """Remove the store; return whether it was removed or absent."""
        removed = self.agent.delete_store(parsed_args.store)
        result = "removed" if removed else "absent"
        facts = {"store": parsed_args.store, "result": result}
        return self.columns_and_row(facts)
