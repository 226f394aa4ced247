# SPDX-License-Identifier: Apache-2.0
"""The statistics of a backend, for Cinder's scheduler.

The scheduler's filter holds ``provisioned_capacity_gb`` against the total
times ``max_over_subscription_ratio``.  It looks at the free capacity only for
volumes of a type with ``provisioning:type = thick``
(calculate_capacity_factors in cinder/scheduler/sched_utils.py, Cinder 29.0.0).
"""

from __future__ import annotations

from typing import Any

from virtmanclient.stores import Room

PROTOCOL = "virtman"
_GIB = 1 << 30


def of(backend: str, version: str, section: Any, room: Room) -> Any:
    """Return the statistics of a backend.

    :param section: Cinder's ``Configuration`` of the backend
    :param room: of the folder that is full first
    """
    return {
        "volume_backend_name": backend,
        "vendor_name": "VMThunder",
        "driver_version": version,
        "storage_protocol": PROTOCOL,
        "pools": [
            {
                "pool_name": backend,
                "total_capacity_gb": round(room.total / _GIB, 2),
                "free_capacity_gb": round(room.free / _GIB, 2),
                "provisioned_capacity_gb": room.provisioned / _GIB,
                "max_over_subscription_ratio": (
                    section.max_over_subscription_ratio
                ),
                "reserved_percentage": section.reserved_percentage,
                "thin_provisioning_support": True,
                "thick_provisioning_support": False,
                "QoS_support": False,
                "multiattach": False,
                "online_extend_support": False,
            }
        ],
    }
