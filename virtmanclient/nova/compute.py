# SPDX-License-Identifier: Apache-2.0
"""The command ``virtman-nova-compute``: nova-compute with our driver.

Nova imports a driver only from below ``nova.virt``.  Where that folder cannot
take our file, this command puts a module of that name in place; all the rest
is nova-compute.
"""

from __future__ import annotations

import importlib
import sys
import types
from typing import Any

_ALIAS = "nova.virt.virtman"
_DRIVER = "virtmanclient.nova.driver"


def alias() -> None:
    """Put ``nova.virt.virtman`` in place; the driver is imported when used.

    Not at once, because Nova's modules want its configuration read first.
    """
    module = types.ModuleType(_ALIAS)

    def find(name: str) -> Any:
        return getattr(importlib.import_module(_DRIVER), name)

    module.__getattr__ = find  # type: ignore[method-assign]
    sys.modules[_ALIAS] = module


def main() -> Any:
    """Run nova-compute with the alias in place."""
    # Its first line chooses between threads and eventlet, before anything
    # else of Nova may be imported.
    from nova.cmd import compute

    alias()
    return compute.main()
