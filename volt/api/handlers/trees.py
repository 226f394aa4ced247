# SPDX-License-Identifier: Apache-2.0
"""Handler of trees: the position of each peer, for operators."""

from __future__ import annotations

from volt.api.call import Answer, Call
from volt.api.handlers import wire


def show_tree(call: Call) -> Answer:
    """Show a tree with a page of its peers, ordered by position."""
    page = call.services.listing.tree(call.path["volume_id"], **call.query)
    return Answer(wire.tree(page))
