# SPDX-License-Identifier: Apache-2.0
"""What Cinder's scheduler is told of a backend.

The capacity is that of the folder of images: there is a file for each image
and size, shared by all volumes of it.  What VMs write is on their hosts.
"""

import shutil
from pathlib import Path
from typing import Any

PROTOCOL = 'virtman'
_GIB = 1 << 30


def of(backend: str, version: str, section: Any, folder: Path) -> Any:
    """Return the statistics.

    :param section: Cinder's ``Configuration`` of the backend
    """
    try:
        disk = shutil.disk_usage(folder)
        total, free = disk.total / _GIB, disk.free / _GIB
        files = [file.stat().st_size for file in folder.glob('*.raw')]
    except OSError:
        total, free, files = 0, 0, []
    return {
        'volume_backend_name': backend,
        'vendor_name': 'VMThunder',
        'driver_version': version,
        'storage_protocol': PROTOCOL,
        'pools': [
            {
                'pool_name': backend,
                'total_capacity_gb': round(total, 2),
                'free_capacity_gb': round(free, 2),
                'provisioned_capacity_gb': sum(files) / _GIB,
                'max_over_subscription_ratio': (
                    section.max_over_subscription_ratio
                ),
                'reserved_percentage': section.reserved_percentage,
                'thin_provisioning_support': True,
                'thick_provisioning_support': False,
                'QoS_support': False,
                'multiattach': False,
                'online_extend_support': False,
            }
        ],
    }
