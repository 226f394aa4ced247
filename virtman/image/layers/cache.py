# SPDX-License-Identifier: Apache-2.0
"""``cached_<image>``: what was read once stays on this node.

The work is done by an engine (:mod:`virtman.cache`); this layer gives it its
place in the stack.
"""

from __future__ import annotations

from virtman.cache.engine import CacheEngine
from virtman.stack import Layer, Status


class Cache(Layer):
    """The cache engine's device over the multipath device."""

    def __init__(self, engine: CacheEngine, image: str, sectors: int) -> None:
        self._engine = engine
        self._image = image
        self._sectors = sectors

    def status(self, below: str) -> Status:
        """Ask the engine."""
        return self._engine.status(self._image, self._sectors)

    def activate(self, below: str) -> tuple[str, bool]:
        """Build it, or have the engine take up what stands."""
        device, built = super().activate(below)
        if not built:
            self._engine.follow(self._image, below, self._sectors)
        return device, built

    def build(self, below: str) -> str:
        """Have the engine cache ``below``."""
        return self._engine.activate(self._image, below, self._sectors)

    def deactivate(self) -> bool:
        """Have the engine give everything back, its files included."""
        return self._engine.deactivate(self._image)
