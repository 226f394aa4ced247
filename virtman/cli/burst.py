# SPDX-License-Identifier: Apache-2.0
"""``virtman burst`` boots many servers of one image, through Nova.

The burst itself is a client's: :mod:`virtmanclient.openstack.burst`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from virtman.cli import base
from virtmanclient.openstack import burst, options, report
from virtmanclient.openstack.errors import CloudError

INTERRUPTED = 130


class Burst(base.List):
    """Boot many servers of one image through Nova, or take them away.

    Asks for COUNT servers, each with a root disk of its own, waits until all
    are ACTIVE or have failed, and prints a line for each: its host, the
    result, when Nova took the request and when it was done (seconds into the
    run), and why it failed, in Nova's words.
    """

    columns = report.COLUMNS

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser."""
        parser = super().get_parser(prog_name)
        burst.add_arguments(parser)
        return parser

    def get_epilog(self) -> str:
        """Return the details, the exit statuses and the columns."""
        columns = super().get_epilog()
        return "\n".join(
            [
                burst.DETAILS + options.CREDENTIALS + options.EXIT_STATUS,
                columns,
            ]
        )

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run the command; an error before its first request is of usage."""
        try:
            return super().run(parsed_args)
        except CloudError as error:
            return self.fail(error, base.USAGE)

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[Sequence[str], list[tuple[object, ...]]]:
        """Boot or delete the servers; return the columns and a row each."""
        outcome = burst.run(parsed_args, self.app.stderr)
        if not outcome.all_good:
            self.status = base.WRONG
        if outcome.interrupted:
            self.status = INTERRUPTED
        return self.columns, list(outcome.rows)
