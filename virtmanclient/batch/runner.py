# SPDX-License-Identifier: Apache-2.0
"""Work through a plan: nodes side by side, a node's steps in order.

Each node is worked by one thread; ``events`` yields each start and end of a
step in the caller's thread, as it happens.  A node that does not answer is
given no further steps; a failed step does not stop the ones after it.
"""

from __future__ import annotations

import collections
import dataclasses
import enum
import queue
import threading
import time
from collections.abc import Iterator

from virtmanclient import vmtapi
from virtmanclient.batch.plan import Plan
from virtmanclient.batch.steps import Step
from virtmanclient.doors import answer
from virtmanclient.exceptions import (
    ClientError,
    CommunicationError,
    translated,
)

NODES_AT_ONCE = 128  # threads; they only wait


class Outcome(enum.StrEnum):
    """How a step ended."""

    OK = "ok"
    REFUSED = "refused"  # the server said 1:
    FAILED = "failed"  # the server said 2:, or raised, or was not there
    SKIPPED = "skipped"  # its node had stopped answering
    INTERRUPTED = "interrupted"  # by Ctrl-C: running, or not begun


@dataclasses.dataclass(frozen=True, slots=True)
class Started:
    """The event that a step was sent to its node."""

    step: Step


@dataclasses.dataclass(frozen=True, slots=True)
class Result:
    """The event that a step has ended; ``seconds`` is the node's time."""

    step: Step
    outcome: Outcome
    seconds: float
    message: str


Event = Started | Result


@dataclasses.dataclass(frozen=True, slots=True)
class Wire:
    """How nodes are reached: port, seconds to wait, and token."""

    port: int = vmtapi.PORT
    timeout: float | None = 600
    token: str | None = dataclasses.field(default=None, repr=False)


class Runner:
    """One run of one plan.

    :param plan: the steps to do
    :param wire: how to reach the nodes
    """

    def __init__(self, plan: Plan, wire: Wire) -> None:
        self._plan = plan
        self._wire = wire
        self._events: queue.Queue[Event] = queue.Queue()
        self._nodes = collections.deque(plan.by_node().values())
        self._stop = threading.Event()
        self._running: dict[Step, float] = {}
        self.results: dict[Step, Result] = {}

    def events(self, tick: float) -> Iterator[Event | None]:
        """Start the run, and yield its events until every step has ended.

        :param tick: yield None when nothing happened for so many seconds,
            so that a clock on the screen can move
        """
        self._start()
        while len(self.results) < len(self._plan.steps):
            try:
                event = self._events.get(timeout=tick)
            except queue.Empty:
                yield None
                continue
            self._note(event)
            yield event

    def interrupt(self) -> list[Result]:
        """Begin no more steps; return the results of those not ended.

        The nodes go on with the steps they have: a call cannot be recalled.
        """
        self._stop.set()
        left = [
            self._interrupted(step)
            for step in self._plan.steps
            if step not in self.results
        ]
        for result in left:
            self._note(result)
        return left

    def _start(self) -> None:
        for _ in range(min(len(self._nodes), NODES_AT_ONCE)):
            # Daemons: an interrupted run must not wait for a silent node.
            worker = threading.Thread(
                target=self._work, name="node-worker", daemon=True
            )
            worker.start()

    def _note(self, event: Event) -> None:
        if isinstance(event, Started):
            self._running[event.step] = time.monotonic()
        else:
            self._running.pop(event.step, None)
            self.results[event.step] = event

    def _interrupted(self, step: Step) -> Result:
        began = self._running.get(step)
        if began is None:
            return Result(step, Outcome.INTERRUPTED, 0.0, "not begun")
        seconds = time.monotonic() - began
        message = "the node may still be at work on it"
        return Result(step, Outcome.INTERRUPTED, seconds, message)

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                steps = self._nodes.popleft()
            except IndexError:
                return
            self._work_node(steps)

    def _work_node(self, steps: list[Step]) -> None:
        silent_since = 0
        for step in steps:
            if self._stop.is_set():
                return
            if silent_since:
                message = f"no answer from the node at line {silent_since}"
                skipped = Result(step, Outcome.SKIPPED, 0.0, message)
                self._events.put(skipped)
                continue
            self._events.put(Started(step))
            result, answered = perform(step, self._wire)
            self._events.put(result)
            silent_since = 0 if answered else step.line


def perform(step: Step, wire: Wire) -> tuple[Result, bool]:
    """Do one step; return its result and whether the node answered."""
    began = time.monotonic()
    answered = True
    try:
        outcome, message = _ask(step, wire)
    except ClientError as error:
        outcome, message = Outcome.FAILED, str(error)
        answered = not isinstance(error, CommunicationError)
    except Exception as error:  # else the run would wait for this thread
        outcome, message = Outcome.FAILED, f"{type(error).__name__}: {error}"
    seconds = time.monotonic() - began
    return Result(step, outcome, seconds, message), answered


_OUTCOMES = {
    answer.Code.OK: Outcome.OK,
    answer.Code.REFUSED: Outcome.REFUSED,
    answer.Code.FAILED: Outcome.FAILED,
}


def _ask(step: Step, wire: Wire) -> tuple[Outcome, str]:
    """Call the step's function on its node and read the answer."""
    function = getattr(vmtapi, step.method)
    with translated(step.node):
        reply = function(
            step.node,
            *step.arguments,
            port=wire.port,
            timeout=wire.timeout,
            token=wire.token,
        )
    if isinstance(reply, list):
        return Outcome.OK, ", ".join(map(str, reply)) or "(nothing)"
    parsed = answer.parse(reply)
    return _OUTCOMES[parsed.code], parsed.info
