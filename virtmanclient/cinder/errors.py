# SPDX-License-Identifier: Apache-2.0
"""The exceptions of Cinder for a call that a volume does not allow."""

from __future__ import annotations

import logging
from typing import Any

from cinder import exception

LOG = logging.getLogger(__name__)


def invalid(volume: Any, reason: str) -> Exception:
    """Return the error of a call that a volume's state does not allow."""
    made: Exception = exception.InvalidVolume(
        reason=f"virtman: volume {volume.id}: {reason}"
    )
    return made


def busy(volume: Any, reason: str) -> Exception:
    """Return the error after which Cinder keeps a volume; log the reason.

    Cinder logs no reason of its own.
    """
    LOG.warning("volume %s is not removed: %s", volume.id, reason)
    made: Exception = exception.VolumeIsBusy(
        message=f"virtman: volume {volume.id}: {reason}"
    )
    return made
