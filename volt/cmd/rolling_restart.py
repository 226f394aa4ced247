# SPDX-License-Identifier: Apache-2.0
"""Which change brings the workers nearer to what is wanted.

Pure: workers in, one step out.  New settings come in one worker at a time,
and an old one goes only after a new one has come up, so that the number of
those who serve never falls below the wanted one.
"""

import dataclasses
import enum
import signal
from collections.abc import Iterable

from volt.cmd.settings import Settings
from volt.cmd.workers import Worker


class Step(enum.Enum):
    """What to do now, apart from letting a worker retire."""

    NOTHING = enum.auto()
    HIRE = enum.auto()


@dataclasses.dataclass(frozen=True, slots=True)
class Staff:
    """Those who are to stay or to be replaced, the longest here first."""

    wanted: int
    old: list[Worker]
    """Serving with settings that are no longer in force."""
    new: list[Worker]
    coming: list[Worker]
    """Those of the new who are not ready yet."""

    @property
    def complete(self) -> bool:
        """Whether all is as it is wanted."""
        settled = not self.old and not self.coming
        return settled and len(self.new) == self.wanted

    def step(self) -> Step | Worker:
        """Return what to do, or who may retire."""
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
    """Sort the workers; one who tries other settings does not count."""
    stay = [one for one in members if not one.leaving and one is not trial]
    new = [one for one in stay if one.settings is settings]
    return Staff(
        wanted=settings.workers,
        old=[one for one in stay if one.settings is not settings],
        new=new,
        coming=[one for one in new if not one.ready],
    )


def cause(gone: Worker, how: int) -> str:
    """Say why a worker has ended, from its exit code or minus its signal."""
    if gone.refusal:
        return f"cannot work as configured: {gone.refusal}"
    if how == -signal.SIGKILL:
        return "was killed by SIGKILL, perhaps for lack of memory"
    if how < 0:
        return f"was killed by {signal.Signals(-how).name}"
    return f"has ended with exit code {how}"
