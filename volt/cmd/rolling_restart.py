# SPDX-License-Identifier: Apache-2.0
"""Chooses the next step towards the wanted workers.

Pure functions: workers in, one step out.  New settings come in one worker at
a time, and an old worker goes only after a new one is ready, so that the
number of serving workers never falls below the wanted one.
"""

from __future__ import annotations

import dataclasses
import enum
import signal
from collections.abc import Iterable

from volt.cmd.settings import Settings
from volt.cmd.workers import Worker


class Step(enum.Enum):
    """A step other than letting a worker retire."""

    NOTHING = enum.auto()
    HIRE = enum.auto()


@dataclasses.dataclass(frozen=True, slots=True)
class Staff:
    """The workers to keep and to replace, the oldest first."""

    wanted: int
    old: list[Worker]
    """Workers with settings that are no longer in force."""
    new: list[Worker]
    coming: list[Worker]
    """The new workers that are not ready yet."""

    @property
    def complete(self) -> bool:
        """Whether exactly the wanted workers are ready."""
        settled = not self.old and not self.coming
        return settled and len(self.new) == self.wanted

    def step(self) -> Step | Worker:
        """Return the next step, or the worker that may retire."""
        here = len(self.old) + len(self.new)
        if here < self.wanted:
            return Step.HIRE
        if self.coming:
            return Step.NOTHING
        if here > self.wanted:
            return (self.old or self.new)[0]
        return Step.HIRE if self.old else Step.NOTHING


def staff(
    members: Iterable[Worker], settings: Settings, trial: Worker | None
) -> Staff:
    """Sort the workers; ``trial``, with other settings, is left out."""
    stay = [
        worker
        for worker in members
        if not worker.leaving and worker is not trial
    ]
    new = [worker for worker in stay if worker.settings is settings]
    return Staff(
        wanted=settings.workers,
        old=[worker for worker in stay if worker.settings is not settings],
        new=new,
        coming=[worker for worker in new if not worker.ready],
    )


def cause(gone: Worker, how: int) -> str:
    """Return why a worker ended; ``how``: exit code or minus the signal."""
    if gone.refusal:
        return f"cannot work as configured: {gone.refusal}"
    if how == -signal.SIGKILL:
        return "was killed by SIGKILL, perhaps for lack of memory"
    if how < 0:
        return f"was killed by {signal.Signals(-how).name}"
    return f"has ended with exit code {how}"
