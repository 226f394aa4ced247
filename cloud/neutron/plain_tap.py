# SPDX-License-Identifier: Apache-2.0
"""An ML2 mechanism driver: each port, on each host, is a plain tap.

Neutron's own drivers wait for an agent of theirs on the host before they bind
a port; the run's nodes have none, and no guest of it needs a wire.
"""

from __future__ import annotations

from typing import Any

from neutron_lib import constants
from neutron_lib.plugins.ml2 import api


class PlainTap(api.MechanismDriver):
    """A mechanism driver that binds every port."""

    def initialize(self) -> None:
        """Have nothing to prepare."""

    def bind_port(self, context: Any) -> None:
        """Bind the port to the first segment; Nova makes the tap itself."""
        segment = context.segments_to_bind[0]
        context.set_binding(
            segment[api.ID],
            "tap",
            {"port_filter": True},
            status=constants.PORT_STATUS_ACTIVE,
        )
