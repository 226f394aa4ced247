# SPDX-License-Identifier: Apache-2.0
"""Trees: which peer stands where, for people to look at."""

from volt.api.call import Answer, Call
from volt.api.handlers import wire


def show_tree(call: Call) -> Answer:
    """Show a tree with a page of its peers, ordered by position."""
    told = call.services.listing.tree(call.path["volume_id"], **call.query)
    return Answer(wire.tree(told))
