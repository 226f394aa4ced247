# SPDX-License-Identifier: Apache-2.0
"""What a cache engine must do, and how one is chosen by name.

An engine is an entry point of ``virtman.cache_engine``; it is built with the
agent's :class:`~virtman.conf.Settings`.  The promise every engine makes, and
the lab tests: read a set of blocks once, cut the parent, read them again, and
nothing is asked of the parent and nothing fails.
"""

from __future__ import annotations

import abc
from dataclasses import dataclass

from stevedore import driver, extension
from stevedore import exception as stevedore_error

from virtman.conf import Settings
from virtman.exception import ConfigError
from virtman.stack import Status

NAMESPACE = "virtman.cache_engine"


@dataclass(frozen=True)
class Requirement:
    """A program or a kernel module, and the Debian package it comes in."""

    name: str
    package: str


class CacheEngine(abc.ABC):
    """Caches the images of one node."""

    programs: tuple[Requirement, ...] = ()
    modules: tuple[Requirement, ...] = ()

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @abc.abstractmethod
    def require_space(self, image: str, sectors: int) -> None:
        """Raise NoSpace unless ``sectors`` of 512 bytes can be kept."""

    @abc.abstractmethod
    def status(self, image: str, sectors: int) -> Status:
        """Say whether ``cached_<image>`` stands, and whether it fits."""

    @abc.abstractmethod
    def activate(self, image: str, source: str, sectors: int) -> str:
        """Cache the device ``source`` and return ``cached_<image>``'s path.

        All or nothing: a failure leaves nothing behind.
        """

    def follow(  # noqa: B027 - most caches need no agent
        self, image: str, source: str, sectors: int
    ) -> None:
        """Take up the work on a device that stands since before this agent.

        For engines whose cache needs the agent now and then.
        """

    def opened(self, image: str) -> None:  # noqa: B027 - as above
        """Hear that from now on reads of ``source`` wait and do not fail."""

    def look(self, image: str) -> None:  # noqa: B027 - as above
        """See soon whether the engine still works; returns at once."""

    def kept(self) -> set[str]:
        """Return the images that this engine has files or processes of."""
        return set()

    @abc.abstractmethod
    def deactivate(self, image: str) -> bool:
        """Give everything back, files included; return whether any was.

        :raises InUse: somebody still holds ``cached_<image>``.
        """

    def close(self) -> None:  # noqa: B027 - most engines have no threads
        """Stop the engine's threads; devices and daemons stay."""


def load(settings: Settings) -> CacheEngine:
    """Build the engine that the settings name.

    :raises ConfigError: no such engine; the message lists those there are.
    """
    try:
        manager = driver.DriverManager(
            NAMESPACE,
            settings.cache_engine,
            invoke_on_load=True,
            invoke_args=(settings,),
        )
    except stevedore_error.NoMatches as error:
        known = extension.ExtensionManager(NAMESPACE).names()
        raise ConfigError(
            f"cache_engine = {settings.cache_engine} is unknown; "
            f"installed are: {', '.join(sorted(known)) or 'none'}"
        ) from error
    engine: CacheEngine = manager.driver
    return engine
