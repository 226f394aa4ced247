# SPDX-License-Identifier: Apache-2.0
"""Base class of the commands that need no agent, and the output formats."""

from __future__ import annotations

import abc
import argparse
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, Protocol, cast

from cliff import lister
from cliff.formatters import (
    commaseparated,
    json_format,
    table,
    value,
    yaml_format,
)
from oslo_config import cfg

from virtman.conf import Settings
from virtman.exception import ConfigError, VirtmanError

GOOD, WRONG, USAGE = 0, 1, 2


class HasSettings(Protocol):
    """What a command needs of the application besides cliff's part."""

    @property
    def settings(self) -> Settings:
        """The agent's options."""


class Formats:
    """cliff's formats, in the form in which it holds its plugins.

    Named here because cliff would look for others in all that is installed.

    :param lists: whether csv is one, which is for lists alone.
    """

    def __init__(self, lists: bool = True) -> None:
        formats = {
            "json": json_format.JSONFormatter(),
            "table": table.TableFormatter(),
            "value": value.ValueFormatter(),
            "yaml": yaml_format.YAMLFormatter(),
        }
        if lists:
            formats["csv"] = commaseparated.CSVLister()
        self._formats = {
            name: SimpleNamespace(obj=formatter)
            for name, formatter in sorted(formats.items())
        }

    def names(self) -> list[str]:
        """Return the names of the formats."""
        return list(self._formats)

    def __iter__(self) -> Any:
        """Go through the formats."""
        return iter(self._formats.values())

    def __getitem__(self, name: str) -> SimpleNamespace:
        """Return the format of this name."""
        return self._formats[name]


class List(lister.Lister, metaclass=abc.ABCMeta):
    """A command that prints rows, and whose status says whether all is well.

    ``status`` is set by the command while it makes its rows.
    """

    columns: Sequence[str] = ()
    status = GOOD

    @property
    def settings(self) -> Settings:
        """The agent's options."""
        return cast(HasSettings, self.app).settings

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run the command; return the exit status."""
        try:
            super().run(parsed_args)
        except (ConfigError, cfg.Error) as error:
            return self.fail(error, USAGE)
        except VirtmanError as error:
            return self.fail(error, WRONG)
        return self.status

    def fail(self, error: object, status: int) -> int:
        """Print an error in one line; return the exit status for it."""
        print(f"virtman: {error}", file=self.app.stderr)
        return status

    def get_epilog(self) -> str:
        """Return the names of the columns, as a line of the help."""
        return f"columns: {', '.join(self.columns)}"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the command's parser; descriptions keep their lines."""
        parser = super().get_parser(prog_name)
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        parser.allow_abbrev = False
        # On a terminal a table is as wide as the terminal, so that its lines
        # do not wrap; elsewhere it keeps its own width.
        parser.set_defaults(fit_width=True)
        return parser

    def _load_formatter_plugins(self) -> Any:
        return Formats()

    def _load_hooks(self) -> None:
        self._hooks = []
