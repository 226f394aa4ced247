# SPDX-License-Identifier: Apache-2.0
"""The interface of a cache engine, and the choice of an engine by its name.

An engine is an entry point of ``virtman.cache_engine``; it is built with the
agent's :class:`~virtman.conf.Settings`.  Every engine makes one promise, which
the lab tests: a set of blocks is read, the parent is cut, and a second read
of the blocks succeeds and asks nothing of the parent.
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
        """Raise NoSpace unless an image of this size can be cached.

        :param sectors: size of the image in sectors of 512 bytes.
        """

    @abc.abstractmethod
    def status(self, image: str, sectors: int) -> Status:
        """Return whether ``cached_<image>`` stands and has the right size."""

    @abc.abstractmethod
    def activate(self, image: str, source: str, sectors: int) -> str:
        """Cache the device ``source`` and return the path of the cache.

        The path is that of ``cached_<image>``.  A failure leaves nothing
        behind.
        """

    def follow(  # noqa: B027 - most caches need no agent
        self, image: str, source: str, sectors: int
    ) -> None:
        """Resume the work on a cache that an earlier agent made.

        For engines whose cache needs the agent now and then.
        """

    def opened(self, image: str) -> None:  # noqa: B027 - as above
        """Note that reads of an image's source wait from now on, not fail."""

    def look(self, image: str) -> None:  # noqa: B027 - as above
        """Have the engine of an image checked soon; returns at once."""

    def kept(self) -> set[str]:
        """Return the images that this engine has files or processes of."""
        return set()

    @abc.abstractmethod
    def deactivate(self, image: str) -> bool:
        """Remove an image's cache with its files; return whether any was.

        :raises InUse: ``cached_<image>`` is still held open.
        """

    def close(self) -> None:  # noqa: B027 - most engines have no threads
        """Stop the engine's threads; devices and daemons stay."""


def load(settings: Settings) -> CacheEngine:
    """Build the engine that the settings name.

    :raises ConfigError: the name is unknown; the message lists the engines.
    """
    try:
        manager = driver.DriverManager(
            NAMESPACE,
            settings.cache_engine,
            invoke_on_load=True,
            invoke_args=(settings,),
        )
    except stevedore_error.NoMatches as error:
        names = extension.ExtensionManager(NAMESPACE).names()
        raise ConfigError(
            f"cache_engine = {settings.cache_engine} is unknown; "
            f"installed are: {', '.join(sorted(names)) or 'none'}"
        ) from error
    engine: CacheEngine = manager.driver
    return engine
