# SPDX-License-Identifier: Apache-2.0
"""``virtman check`` prints what the doctor's checks find on the host."""

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
        """Return the parser, with the option for problems alone."""
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
        """Run all checks; return the columns, and a row for each finding."""
        return self.columns, list(self._rows(parsed_args.problems))

    def _rows(self, problems: bool) -> Iterator[tuple[str, ...]]:
        for finding in doctor.examine(self.settings):
            if finding.level is Level.ERROR:
                self.status = base.WRONG
            if finding.level is not Level.OK or not problems:
                yield (
                    finding.check, finding.level.value, finding.text,
                    finding.remedy,
                )  # fmt: skip
