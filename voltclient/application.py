# SPDX-License-Identifier: Apache-2.0
"""The application ``volt``: shared options, help, and the client."""

from __future__ import annotations

import argparse
import functools
import importlib.metadata
import warnings

import autopage.argparse
from cliff import app, help

from voltclient import commands, environment, options
from voltclient.client import Client


class Application(app.App):
    """The application ``volt``, with the variables in ``environ``."""

    NAME = "volt"

    def __init__(self, environ: environment.Environ) -> None:
        self._environ = environ
        super().__init__(
            description=options.DESCRIPTION,
            version=importlib.metadata.version("vmthunder"),
            command_manager=commands.Commands(),
            # "volt tree --help" is about the tree.
            deferred_help=True,
        )

    @functools.cached_property
    def client(self) -> Client:
        """The client that options and environment ask for."""
        given = self.options
        if given.insecure or environment.truth(
            self._environ, environment.INSECURE
        ):
            # The operator chose it; a warning with each request does not help.
            warnings.filterwarnings("ignore", "Unverified HTTPS request")
        return Client.from_environment(
            given.url,
            token_file=given.token_file,
            cacert=given.cacert,
            cert_file=given.cert,
            key_file=given.key,
            insecure=given.insecure,
            within=given.timeout,
            environ=self._environ,
        )

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
                # A command's options must not be taken for half a one here.
                "allow_abbrev": False,
            },
        )
        options.add(parser)
        debug = environment.text(self._environ, environment.DEBUG)
        parser.set_defaults(debug=bool(debug))
        return parser

    def print_help_if_requested(self) -> None:
        """Print the help with the table of commands, if it is asked for."""
        if not self.options.deferred_help:
            return
        self.parser.epilog = commands.overview() + options.MORE
        with autopage.argparse.help_pager(self.stdout) as out:
            self.parser.print_help(out)
        raise help.HelpExit

    def interact(self) -> None:
        """Refuse a command line without a command."""
        self.parser.error("name a command; 'volt --help' lists them")

    def run_subcommand(self, argv: list[str]) -> int:
        """Run a command; an unknown one is a wrong command line."""
        named = argv[1:] if argv[0] == "help" else argv
        try:
            if named:
                self.command_manager.find_command(named)
        except ValueError:
            self.parser.error(commands.unknown(named))
        return super().run_subcommand(argv)
