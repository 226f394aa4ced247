# SPDX-License-Identifier: Apache-2.0
"""The application ``virtman``: the options and the help of all commands."""

from __future__ import annotations

import argparse
import functools
import importlib.metadata
import os

from cliff import app, command, help

from virtman import conf, privsep
from virtman.cli import table
from virtman.cli.asking import BROKER, ENVIRONMENT, Asking
from virtman.conf import Settings
from virtman.exception import ConfigError
from virtmanclient.agent import SOCKET

DESCRIPTION = """
Make, list and remove the VM disks of a host on which virtman-server runs, and
look the host over.

check and purge look for themselves at this host, as root and with the agent's
own configuration; the others ask the agent, over its Unix socket, or that of
another host through the agents' broker (--node).
"""
MORE = """
exit status:
  0    nothing is wrong
  1    an error was found, or something could not be done, or no agent answers
  2    the command line or the configuration is wrong, or this is not root
  130  interrupted by Ctrl-C
"""


class Application(app.App):
    """``virtman``."""

    NAME = "virtman"

    def __init__(self) -> None:
        super().__init__(
            description=DESCRIPTION,
            version=importlib.metadata.version("vmthunder"),
            command_manager=table.Commands(),
            # "virtman check --help" is about the check.
            deferred_help=True,
        )

    @functools.cached_property
    def settings(self) -> Settings:
        """The agent's options, from the files that the agent reads.

        :raises ConfigError: an option is wrong, or this process is not root's.
        """
        if os.geteuid() != 0:
            raise ConfigError(
                "this asks tgtd and device-mapper, which answer root alone; "
                "run it as root ('sudo virtman ...')"
            )
        privsep.run_in_process()
        files = (
            f"--config-file={name}" for name in self.options.config_file or ()
        )
        return conf.settings(conf.parse([*files]))

    def build_option_parser(
        self,
        description: str | None,
        version: str | None,
        argparse_kwargs: dict[str, object] | None = None,
    ) -> argparse.ArgumentParser:
        """Return the parser of the options that all commands share."""
        parser = super().build_option_parser(
            description,
            version,
            {
                "prog": self.NAME,
                "usage": "%(prog)s [OPTIONS] COMMAND [ARGUMENTS]",
                "formatter_class": argparse.RawDescriptionHelpFormatter,
                # Otherwise a command's option could be taken for the short
                # form of an option here.
                "allow_abbrev": False,
            },
        )
        # Log warnings and errors; with -v also each step.
        parser.set_defaults(verbose_level=0)
        parser.add_argument(
            "--config-file",
            action="append",
            metavar="FILE",
            help="a file of options of the agent's, in place of "
            f"{conf.DEFAULT_FILE}; may be given again",
        )
        _add_doors(parser)
        return parser

    def print_help_if_requested(self) -> None:
        """Print the help with an overview of the commands, if asked for."""
        if not self.options.deferred_help:
            return
        self.parser.epilog = table.overview() + MORE
        self.parser.print_help(self.stdout)
        raise help.HelpExit

    def prepare_to_run_command(self, cmd: command.Command) -> None:
        """Refuse a command that works on this host if --node names another."""
        if self.options.node is not None and not isinstance(cmd, Asking):
            self.parser.error(
                f"--node: {cmd.cmd_name} does not ask an agent; log in to "
                f"{self.options.node} and run it there"
            )

    def interact(self) -> None:
        """Refuse a command line without a command."""
        self.parser.error("name a command; 'virtman --help' lists them")

    def run_subcommand(self, argv: list[str]) -> int:
        """Run a command; an unknown one is an error of the command line."""
        named = argv[1:] if argv[0] == "help" else argv
        try:
            if named:
                self.command_manager.find_command(named)
        except ValueError:
            self.parser.error(
                f"there is no command {named[0]!r}; 'virtman --help' lists "
                "them"
            )
        return super().run_subcommand(argv)


def _add_doors(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose an agent and its door."""
    door = parser.add_mutually_exclusive_group()
    door.add_argument(
        "--socket",
        metavar="PATH",
        help="the agent's local_socket; by default the environment's "
        f"{ENVIRONMENT}, or {SOCKET}",
    )
    door.add_argument(
        "--node",
        metavar="HOST",
        help="ask the agent whose option host is this, through the broker "
        f"that the environment's {BROKER} names",
    )
