# SPDX-License-Identifier: Apache-2.0
"""What commands have in common: formats, failures, and a quick start.

cliff asks all installed packages which of them a command came with, and for
hooks and formats; that took a third of the time of a whole command.  Ours are
known, so nothing is looked for.
"""

from __future__ import annotations

import abc
import argparse
from collections.abc import Sequence
from typing import Any, Protocol, cast

from cliff import command, lister, show

from voltclient import exceptions
from voltclient.client import Client
from voltclient.commands import failures, formats


class HasClient(Protocol):
    """What a command needs of the application besides cliff's part."""

    @property
    def client(self) -> Client:
        """The client that options and environment ask for."""


class Base(command.Command):
    """A command that reports a failure in one line."""

    examples: Sequence[str] = ()

    @property
    def client(self) -> Client:
        """The client that options and environment ask for."""
        return cast(HasClient, self.app).client

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run the command; return its exit status."""
        try:
            return super().run(parsed_args)
        except BrokenPipeError:
            raise
        except Exception as error:
            debug = self.app_args is not None and self.app_args.debug
            return failures.tell(error, self.app.stderr, debug)

    def get_epilog(self) -> str:
        """Return the help text of the examples."""
        lines = [f"  volt {example}" for example in self.examples]
        return "\n".join(["examples:", *lines]) if lines else ""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the command's parser; descriptions keep their lines."""
        parser = super().get_parser(prog_name)
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        parser.allow_abbrev = False
        return parser

    def _load_hooks(self) -> None:
        self._hooks = []


class Do(Base, metaclass=abc.ABCMeta):
    """A command that changes something and prints nothing."""


class Columns(Base, metaclass=abc.ABCMeta):
    """A command whose printed columns can be picked by name."""

    columns: Sequence[str] = ()

    def get_epilog(self) -> str:
        """Return the help text of the columns and the examples."""
        named = f"columns: {', '.join(self.columns)}"
        return f"{named}\n\n{super().get_epilog()}"

    def _run_before_hooks(
        self, parsed_args: argparse.Namespace
    ) -> argparse.Namespace:
        """Refuse unknown columns before any request is sent."""
        asked = set(parsed_args.columns)
        asked |= set(getattr(parsed_args, "sort_columns", ()))
        unknown = {name.lower() for name in asked} - set(self.columns)
        if unknown:
            raise exceptions.CommandError(
                f"unknown column {', '.join(sorted(unknown))}; "
                f"the columns are: {', '.join(self.columns)}"
            )
        return super()._run_before_hooks(parsed_args)


class List(Columns, lister.Lister, metaclass=abc.ABCMeta):
    """A command that prints rows."""

    def _load_formatter_plugins(self) -> Any:
        return formats.of_lists()


class Show(Columns, show.ShowOne, metaclass=abc.ABCMeta):
    """A command that prints the fields of one thing."""

    def _load_formatter_plugins(self) -> Any:
        return formats.of_one()
