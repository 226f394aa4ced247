# SPDX-License-Identifier: Apache-2.0
"""Tells by its serial number whether a disk is one image.

The serial number is the identity: a target that is used again for other
content must not get a reader (CVE-2023-2088).  It is made of the image's
name, size and generation (:func:`virtman.names.serial`).
"""

from __future__ import annotations

from virtman.drivers import disk
from virtman.exception import WrongIdentity
from virtman.model import ImageFacts
from virtman.path import Path


class Identity:
    """The facts of one image: from volt, or else from its first disk.

    When volt has no facts, the first disk decides what the image is; the
    second, which comes up moments later, must have the same serial number.
    """

    def __init__(self, image: str) -> None:
        self._image = image
        self.facts: ImageFacts | None = None

    def learn(self, path: Path) -> ImageFacts:
        """Return the image's facts; take them from this disk if unknown."""
        if self.facts is None:
            self.facts = ImageFacts(path.sectors, "", disk.serial(path.device))
        return self.facts

    def check(self, path: Path) -> None:
        """Compare a new disk with the facts of the image.

        :raises WrongIdentity: it is not this image.
        """
        facts = self.learn(path)
        if path.sectors != facts.sectors:
            raise WrongIdentity(
                f"{path.source} has {path.sectors} sectors, {self._image} "
                f"has {facts.sectors}; it is not used"
            )
        self._compare(path, disk.serial(path.device), facts)

    def check_again(self, path: Path) -> None:
        """Compare a disk again whose session was lost and is back.

        :raises WrongIdentity: it is not this image.
        :raises CommandError: the disk does not answer.
        """
        # Not from /sys: the kernel keeps what the disk said at the login.
        serial = disk.serial_now(path.device)
        self._compare(path, serial, self.learn(path))

    def _compare(self, path: Path, serial: str, facts: ImageFacts) -> None:
        if serial != facts.serial:
            raise WrongIdentity(
                f"{path.source} has the serial {serial!r}, {self._image} has "
                f"{facts.serial!r}; it is not used"
            )
