# SPDX-License-Identifier: Apache-2.0
"""The endpoint of the broker's door: the verbs as methods of oslo.messaging.

The answers are those of the local door, ``{"result"}`` or ``{"error"}``.  A
failure is not sent as an exception of oslo.messaging: the caller would need
the agent's classes, would get others made from them (``NotFound_Remote``), and
the agent's traceback with them.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator
from typing import Any

from virtman.rpc.verb_schemas import SCHEMAS
from virtman.rpc.verbs import FAILED, Failure, Verbs
from virtmanclient.doors import broker


class Endpoint:
    """An object with a method for each verb, and no other callable."""

    def __init__(self, verbs: Verbs, calls: CallCounter) -> None:
        self.target = broker.spoken()
        self._verbs = verbs
        self._calls = calls

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Return the method of a verb."""
        if name not in SCHEMAS:
            raise AttributeError(name)
        return functools.partial(self._answer, name)

    def _answer(self, verb: str, context: Any, /, **arguments: Any) -> Any:
        try:
            with self._calls.counted():
                return {"result": self._verbs.call(verb, arguments)}
        except Failure as failure:
            return failure.answer


class CallCounter:
    """Counts the calls that are at work, and refuses calls at the end."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._at_work = 0
        self._over = False

    @contextlib.contextmanager
    def counted(self) -> Iterator[None]:
        """Count one call while the context lasts.

        :raises Failure: the agent ends.
        """
        with self._changed:
            if self._over:
                raise Failure(FAILED, "the agent is ending; ask again later")
            self._at_work += 1
        try:
            yield
        finally:
            with self._changed:
                self._at_work -= 1
                self._changed.notify_all()

    def finish(self) -> None:
        """Refuse further calls, and wait for those at work."""
        with self._changed:
            self._over = True
            self._changed.wait_for(lambda: not self._at_work)
