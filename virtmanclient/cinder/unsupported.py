# SPDX-License-Identifier: Apache-2.0
"""The calls that this driver refuses, each with the reason and a remedy.

Cinder's base class would try them by attaching the volume to cinder-volume's
own host, and fail late.
"""

from __future__ import annotations

from typing import Any

from cinder import exception


class Refusals:
    """The methods of a driver that always refuse."""

    def create_volume(self, volume: Any) -> None:
        """Refuse a volume without an image.

        :raises VolumeDriverException: always
        """
        reason = (
            "this backend has no encryption"
            if volume.encryption_key_id
            else "a volume of this backend is made of an image"
        )
        raise _refusal(f"{reason}; use a volume type of another backend")

    def _attach_volume(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse to attach a volume to this host, for migration or retype.

        :raises VolumeDriverException: always
        """
        raise _refusal(
            "the volume's data cannot be read on the host of cinder-volume; "
            "copy it within the server"
        )

    def get_backup_device(self, context: Any, backup: Any) -> Any:
        """Refuse a backup of a volume.

        :raises VolumeDriverException: always
        """
        raise _refusal(
            "this backend makes no backups of volumes; back the data up "
            "within the server"
        )

    def retype(self, *args: Any) -> Any:
        """Refuse to change a volume's type.

        :raises VolumeDriverException: always
        """
        raise _refusal(
            "a volume keeps its type; make a new volume of the other type"
        )


def _refusal(reason: str) -> Exception:
    made: Exception = exception.VolumeDriverException(
        message=f"virtman: {reason}"
    )
    return made
