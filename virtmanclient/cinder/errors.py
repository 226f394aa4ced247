# SPDX-License-Identifier: Apache-2.0
"""Cinder's exceptions for a volume with which something cannot be done."""

import logging
from typing import Any

from cinder import exception

LOG = logging.getLogger(__name__)


def invalid(volume: Any, reason: str) -> Exception:
    """Return the error of a call that cannot be right now."""
    made: Exception = exception.InvalidVolume(
        reason=f"virtman: volume {volume.id}: {reason}"
    )
    return made


def busy(volume: Any, reason: str) -> Exception:
    """Return the error after which Cinder lets the volume be.

    Cinder logs no reason of its own.
    """
    LOG.warning("volume %s is not removed: %s", volume.id, reason)
    made: Exception = exception.VolumeIsBusy(
        message=f"virtman: volume {volume.id}: {reason}"
    )
    return made
