# SPDX-License-Identifier: Apache-2.0
"""The command ``virtman-nova-compute``: nova-compute that knows our driver.

Nova imports its driver from below ``nova.virt`` alone.  Where its folder can
take no file of ours, this puts a module of that name in place by hand; all
the rest is nova-compute.
"""

import importlib
import sys
import types
from typing import Any

_ALIAS = "nova.virt.virtman"
_DRIVER = "virtmanclient.nova.driver"


def alias() -> None:
    """Have ``nova.virt.virtman`` found; what it holds is imported when used.

    Later, because Nova's modules want its configuration read first.
    """
    module = types.ModuleType(_ALIAS)

    def find(name: str) -> Any:
        return getattr(importlib.import_module(_DRIVER), name)

    module.__getattr__ = find  # type: ignore[method-assign]
    sys.modules[_ALIAS] = module


def main() -> Any:
    """Run nova-compute."""
    # Its first line chooses between threads and eventlet, before anything
    # else of Nova may be imported.
    from nova.cmd import compute

    alias()
    return compute.main()
