# SPDX-License-Identifier: Apache-2.0
"""A privsep context: functions that share a helper and its capabilities.

An agent that runs as root executes them in its own process.  Any other
user's agent has a helper for each context, a process of root's that keeps
the context's capabilities and gives all others up.

For a helper that runs programs that is not enough: a program executed by
root gets every capability back (``capabilities(7)``, Capabilities and
execution of programs by root).  So the helper first sets no_new_privs
(``prctl(2)``), and what it runs has what the helper has, or less.
"""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from oslo_config import cfg
from oslo_privsep import daemon, priv_context

from virtman.exception import NoPrivileges

F = TypeVar("F", bound=Callable[..., Any])
# How many functions a helper runs at once.  oslo.privsep's own default is the
# number of CPUs: one program that hangs would keep all others waiting.
_THREADS = 32
_PR_SET_NO_NEW_PRIVS = 38  # linux/prctl.h

# What only asks; everything else changes something, or is taken to.
_QUESTIONS = {
    "nbdinfo",
    "claimable",
    "head",
    "scsi_id",
    "modprobe",
    "initiator_name",
}
_ASKING = {
    "table",
    "status",
    "show",
    "discovery",
    "info",
    "session",
    "--getsz",
}


class Context(priv_context.PrivContext):  # type: ignore[misc]
    """A context that calls an observer after each change made in it.

    :param module: the module that holds it as ``context``, and the functions.
    :param section: of the configuration, where it can be given another
        ``helper_command``.
    """

    def __init__(
        self, module: str, section: str, capabilities: Iterable[int]
    ) -> None:
        super().__init__(
            module,
            cfg_section=section,
            pypath=f"{module}.context",
            capabilities=capabilities,
        )
        cfg.CONF.set_default("thread_pool_size", _THREADS, group=section)
        self.tell: Callable[[str], None] = lambda change: None

    def function(self, function: F) -> F:
        """Mark a function as one that runs with privileges; keep its type."""
        wrapped: F = self.entrypoint(function)
        return wrapped

    def run_in_process(self) -> None:
        """Execute in this process from now on: it is root's."""
        self.client_mode = False

    def set_client_mode(self, enabled: bool) -> None:
        """Note oslo.privsep's call: ``False`` means this process is a helper.

        It says so once the capabilities are given up and before there are
        threads; no_new_privs is a thread's, and its children's.
        """
        if not enabled:
            confine()
        super().set_client_mode(enabled)

    def _wrap(
        self, func: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> Any:
        """Run an entry point, by the helper or here; then call the observer.

        :raises NoPrivileges: the helper has ended and gives no answer.
        """
        try:
            answer = super()._wrap(func, *args, **kwargs)
        except (OSError, daemon.FailedToDropPrivileges) as error:
            if not self.client_mode or _is_of_function(error):
                raise
            raise NoPrivileges(
                f"the helper {self.pypath} ended during {func.__name__}, or "
                f"does not start ({error}); the next call starts it anew, and "
                "the log has its output"
            ) from error
        if not _is_question(func.__name__, args):
            self.tell(" ".join(map(str, (func.__name__, *args))))
        return answer


def confine() -> None:
    """Give up for good the rights that a helper no longer needs.

    oslo.privsep leaves a umask of 0, with which a file of root's could be
    written by everybody.  Ctrl-C at a terminal is meant for the agent: a
    helper ends when the agent has.

    :raises OSError: the kernel refuses to take a right away.
    """
    os.umask(0o022)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    kernel = ctypes.CDLL(None, use_errno=True)
    if kernel.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "no_new_privs")


def _is_of_function(error: Exception) -> bool:
    """Tell whether an error is the function's own, not the channel's.

    oslo.privsep raises an OSError without a number when a helper ends, and
    writing to one that has ended is a broken pipe.
    """
    pipe = isinstance(error, BrokenPipeError)
    return isinstance(error, OSError) and bool(error.errno) and not pipe


def _is_question(name: str, args: tuple[Any, ...]) -> bool:
    # The first free loop device is asked for by "losetup --find" alone.
    # And a node's record by three options with a value each.
    asking = (
        _ASKING.intersection(args)
        or args == ("--find",)
        or (name, *args[::2]) == ("iscsiadm", "-m", "-T", "-p")
    )
    return name in _QUESTIONS or bool(asking)
