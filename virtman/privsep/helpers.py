# SPDX-License-Identifier: Apache-2.0
"""Starts the helpers of an agent that another user than root runs.

``virtman-privsep-helper`` of this very installation is started by
``root_helper``, once for each context, at the agent's start: a rule that is
missing shows at once.  oslo.privsep's own helper would serve any context of
any package, with the capabilities that a file says: whoever may start that
one is root.  This one takes a context of the agent and a socket, and nothing
else.
A helper ends when the agent at the other end of its socket has, however.
"""

from __future__ import annotations

import os
import pwd
import shlex
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from oslo_config import cfg
from oslo_privsep import daemon

from virtman.exception import CommandError, NoPrivileges
from virtman.privsep import command
from virtman.privsep.context import Context

PROGRAM = "virtman-privsep-helper"
_CONTEXT, _SOCKET = "--privsep_context", "--privsep_sock_path"
_REMEDY = (
    "let that command be started: adapt etc/sudoers.d/virtman, put it into "
    "/etc/sudoers.d (Debian package sudo), and see that 'virtman check' finds "
    "no fault; or run the agent as root"
)
# What oslo.privsep would put in its place, for asking whether it may.
_EXAMPLE = "/tmp/tmpexample/privsep.sock"  # noqa: S108 - nothing is made


def start(
    contexts: Sequence[Context], root_helper: str, given: Mapping[str, str]
) -> None:
    """Start a helper for each context, all at once.

    :param root_helper: what goes before the helper's path.
    :param given: whole commands in its place, by section.
    :raises NoPrivileges: those that did not start, and the remedy.
    """
    for context in contexts:
        cfg.CONF.set_default(
            "helper_command",
            given.get(context.cfg_section, shlex.join(_command(root_helper))),
            group=context.cfg_section,
        )
    with ThreadPoolExecutor(len(contexts)) as pool:
        failed = sorted(set(filter(None, pool.map(_start, contexts))))
    if failed:
        raise NoPrivileges(
            f"{user(os.geteuid())} gets no privileges: "
            f"{'; '.join(failed)}; the log has the helper's output; {_REMEDY}"
        )


def refused(
    context: Context, root_helper: str, given: Mapping[str, str], user: str
) -> str | None:
    """Return why sudo would not start a helper for a user; None if it would.

    To be asked by root.  Of another program than sudo it cannot be told:
    then None, too.
    """
    words = _command(root_helper)
    if context.cfg_section in given:
        words = shlex.split(given[context.cfg_section])
    if Path(words[0]).name != "sudo":
        return None
    while words[1].startswith("-"):
        del words[1]
    words += [_CONTEXT, str(context.pypath), _SOCKET, _EXAMPLE]
    try:
        command.run([words[0], "-n", "-l", "-U", user, "--", *words[1:]])
    except CommandError as error:
        return error.err.strip() or "no rule allows it"
    return None


def serve(words: Sequence[str], contexts: Sequence[Context]) -> int:
    """Run as a helper: begin a process that serves; return the exit code."""
    names = {context.pypath for context in contexts}
    match words:
        case [first, name, second, _] if (first, second) == (
            _CONTEXT, _SOCKET
        ) and name in names:  # fmt: skip
            sys.argv[1:] = words
            daemon.helper_main()
            return 0
    print(
        f"{PROGRAM}: virtman-server starts it, with {_CONTEXT}, one of "
        f"{', '.join(sorted(map(str, names)))}, and {_SOCKET}",
        file=sys.stderr,
    )
    return 2


def user(number: int) -> str:
    """Return the name of a user; sudo takes ``#number``, too."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"#{number}"


def _command(root_helper: str) -> list[str]:
    helper = Path(sys.executable).with_name(PROGRAM)
    return [*shlex.split(root_helper), str(helper)]


def _start(context: Context) -> str | None:
    """Start the helper of a context; return its error as text."""
    try:
        context.start()
    except (daemon.FailedToDropPrivileges, OSError) as error:
        return f"{context.conf.helper_command}: {error}"
    return None
