# SPDX-License-Identifier: Apache-2.0
"""Placement policies, one a file; others come in by entry points."""

from __future__ import annotations

import importlib
import importlib.metadata

from volt.exception import ConfigError
from volt.executor.policy import Policy

GROUP = "volt.executor"
BUILT_IN = {
    "btree": "volt.executor.btree:BinaryTree",
    "btreewithuncle": "volt.executor.btree_uncle:BinaryTreeWithUncle",
}


def load(name: str, parents: int) -> Policy:
    """Return the policy ``name``, for ``parents`` parents a peer.

    The built-in policies are found without reading the entry points of every
    installed package, which takes longer than all the rest of a start.
    """
    if name in BUILT_IN:
        return _resolve(BUILT_IN[name])(parents)
    installed = importlib.metadata.entry_points(group=GROUP)
    if name not in installed.names:
        names = ", ".join(sorted({*BUILT_IN, *installed.names}))
        raise ConfigError(f"default_executor = {name}: choose from {names}")
    policy: type[Policy] = installed[name].load()
    return policy(parents)


def _resolve(path: str) -> type[Policy]:
    module, _, name = path.partition(":")
    policy: type[Policy] = getattr(importlib.import_module(module), name)
    return policy
