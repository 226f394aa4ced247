# SPDX-License-Identifier: Apache-2.0
"""``virtman check``: what of the host is not as the agent needs it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from virtman import doctor
from virtman.cli import base
from virtman.doctor import Level


class Check(base.List):
    """Look the host over: is all as virtman-server needs it.

    Prints a line for each thing: which check looked, how it is (ok, warning
    or error), what it is, and the remedy.  Changes nothing.  The exit status
    is 1 if there is an error; warnings do not count.
    """

    columns = ("check", "level", "what", "remedy")

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--problems",
            action="store_true",
            help="leave out what is in order",
        )
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Return the columns and the rows."""
        return self.columns, list(self._rows(parsed_args.problems))

    def _rows(self, problems: bool) -> Iterator[tuple[str, ...]]:
        for found in doctor.examine(self.settings):
            if found.level is Level.ERROR:
                self.status = base.WRONG
            if found.level is not Level.OK or not problems:
                yield (
                    found.check, found.level.value, found.what, found.remedy
                )  # fmt: skip
