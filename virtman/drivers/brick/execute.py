# SPDX-License-Identifier: Apache-2.0
"""Executes os-brick's commands: the few that a login takes, and no others.

os-brick has a privsep context of its own, whose helper executes any command
as root.  With this module in its place that helper is not needed, and each
change that os-brick makes is observed like every other.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from oslo_concurrency.processutils import ProcessExecutionError

from virtman import privsep
from virtman.exception import CommandError, LayerError


def execute(
    program: str,
    *words: str,
    process_input: str = "",
    check_exit_code: bool | int | Collection[int] = 0,
    **_: Any,
) -> tuple[str, str]:
    """Execute a command, as ``oslo_concurrency.processutils.execute`` does.

    :param process_input: the program's standard input.
    :param check_exit_code: the exit codes that are no failure; False: all.
    :returns: the program's standard output and standard error.
    :raises ProcessExecutionError: the program failed, or a login has no use
        for it.
    """
    try:
        return _PROGRAMS.get(program, _refuse)(process_input, *words), ""
    except CommandError as error:
        if _is_fine(error.code, check_exit_code):
            return error.out, error.err
        raise ProcessExecutionError(
            error.out, error.err, error.code, " ".join((program, *words))
        ) from error
    except LayerError as error:
        raise ProcessExecutionError(
            "", str(error), 1, " ".join((program, *words))
        ) from error


def _is_fine(code: int | None, wanted: bool | int | Collection[int]) -> bool:
    if isinstance(wanted, bool):
        return not wanted
    return code in ([wanted] if isinstance(wanted, int) else wanted)


def _iscsiadm(_: str, *words: str) -> str:
    return privsep.iscsiadm(*words)


def _blockdev(_: str, *words: str) -> str:
    return privsep.blockdev(*words)


def _tee(text: str, *words: str) -> str:
    """Write a text to a file of /sys, for os-brick's "tee -a FILE"."""
    privsep.tell_scsi(words[-1], text)
    return text


def _refuse(_: str, *words: str) -> str:
    raise LayerError(f"a login has no use for {' '.join(words)}")


_PROGRAMS: dict[str, Callable[..., str]] = {
    "iscsiadm": _iscsiadm,
    "blockdev": _blockdev,
    "tee": _tee,
}
