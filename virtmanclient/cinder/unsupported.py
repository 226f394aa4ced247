# SPDX-License-Identifier: Apache-2.0
"""What this driver cannot do, each with the reason and a remedy.

Cinder's base class would try, by attaching the volume to cinder-volume's own
host, and fail late.
"""

from typing import Any

from cinder import exception


class Refusals:
    """The methods of a driver that refuse."""

    def create_volume(self, volume: Any) -> None:
        """Refuse a volume without an image.

        :raises VolumeDriverException: always
        """
        why = (
            "there is no encryption"
            if volume.encryption_key_id
            else ("a volume is made of an image")
        )
        raise _refusal(f"{why} here; use a volume type of another backend")

    def _attach_volume(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse what would read the volume here: migration, retype.

        :raises VolumeDriverException: always
        """
        raise _refusal(
            "the data is on its compute host and cannot be read from here; "
            "copy it within the server"
        )

    def get_backup_device(self, context: Any, backup: Any) -> Any:
        """Refuse a backup.

        :raises VolumeDriverException: always
        """
        raise _refusal("no backups are made of these volumes")

    def retype(self, *args: Any) -> Any:
        """Refuse to move to another type.

        :raises VolumeDriverException: always
        """
        raise _refusal("a volume keeps its type")


def _refusal(reason: str) -> Exception:
    made: Exception = exception.VolumeDriverException(
        message=f"virtman: {reason}"
    )
    return made
