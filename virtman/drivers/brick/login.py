# SPDX-License-Identifier: Apache-2.0
"""os-brick's logins, without its further tries.

When a login brings no disk os-brick removes the node record and begins anew,
twice.  The timeouts that the record had are gone by then: a parent that took
its target away amid a login held its child for more than four minutes, and
the image could not leave the node as long.  Who wants the path asks the
portal again anyway, and asks others meanwhile.
"""

from __future__ import annotations

from typing import Any

from os_brick import exception
from os_brick.initiator.connectors import iscsi


class OneLogin(iscsi.ISCSIConnector):  # type: ignore[misc]
    """Fails at the first login that brings no disk."""

    def _connect_vol(
        self, rescans: int, props: dict[str, Any], data: dict[str, Any]
    ) -> None:
        super()._connect_vol(rescans, props, data)
        if not data["found_devices"]:
            # Not the error that begins the next try.
            raise exception.FailedISCSITargetPortalLogin()
