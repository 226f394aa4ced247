# SPDX-License-Identifier: Apache-2.0
"""Where Nova looks for ``compute_driver = virtman.VirtmanLibvirtDriver``."""

from __future__ import annotations

from virtmanclient.nova.driver import VirtmanLibvirtDriver

__all__ = ["VirtmanLibvirtDriver"]
