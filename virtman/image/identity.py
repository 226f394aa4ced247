# SPDX-License-Identifier: Apache-2.0
"""What an image is, and whether a disk is it.

The serial number is the identity: a portal whose target has been used again
for other content must not get a reader (CVE-2023-2088).  It is made of the
image's name, size and generation (:func:`virtman.names.serial`).
"""

from __future__ import annotations

from virtman.drivers import disk
from virtman.exception import WrongIdentity
from virtman.model import ImageFacts
from virtman.path import Path


class Identity:
    """One image's facts: those that volt told, or else the first disk.

    When nobody else knows, the first disk says what the image is; the
    second, which is there moments later, must be the same.
    """

    def __init__(self, image: str) -> None:
        self._image = image
        self.facts: ImageFacts | None = None

    def learn(self, path: Path) -> ImageFacts:
        """Return the facts; from this disk if nobody has told them."""
        if self.facts is None:
            self.facts = ImageFacts(path.sectors, "", disk.serial(path.device))
        return self.facts

    def check(self, path: Path) -> None:
        """Compare a new disk with what is known of the image.

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
        """Compare a disk whose session was lost and is there again.

        :raises WrongIdentity: it is not this image.
        :raises CommandError: it does not answer.
        """
        now = disk.serial_now(path.device)
        self._compare(path, now, self.learn(path))

    def _compare(self, path: Path, found: str, facts: ImageFacts) -> None:
        if found != facts.serial:
            raise WrongIdentity(
                f"{path.source} has the serial {found!r}, {self._image} has "
                f"{facts.serial!r}; it is not used"
            )
