# SPDX-License-Identifier: Apache-2.0
"""Cinder's side: volumes that are disks of the agents.

``volume_driver = virtmanclient.cinder.VirtmanDriver`` in cinder.conf; the
manual page is doc/source/cinder.rst.  It runs inside cinder-volume, so it
imports the standard library, Cinder, what Cinder itself stands on (oslo), and
this client library.
"""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    """Import the driver when Cinder asks for it.

    Not at import: the modules beside the driver work without Cinder.
    """
    if name != "VirtmanDriver":
        raise AttributeError(f"{__name__} has no {name}")
    from virtmanclient.cinder.driver import VirtmanDriver

    return VirtmanDriver
