# SPDX-License-Identifier: Apache-2.0
"""Logs in by os-brick, once and without its further tries.

When a login gives no disk, os-brick removes the node record and begins anew,
twice.  The timeouts of the record are lost by then: a parent that removed its
target during a login held its child for more than four minutes, and for that
time the image could not leave the node.  The caller asks the portal again
anyway, and other portals meanwhile.
"""

from __future__ import annotations

from typing import Any

from os_brick import exception
from os_brick.initiator.connectors import iscsi


class OneLogin(iscsi.ISCSIConnector):  # type: ignore[misc]
    """A connector that fails at the first login that gives no disk."""

    def _connect_vol(
        self, rescans: int, props: dict[str, Any], data: dict[str, Any]
    ) -> None:
        super()._connect_vol(rescans, props, data)
        if not data["found_devices"]:
            # Another error than the one on which os-brick tries again.
            raise exception.FailedISCSITargetPortalLogin()
