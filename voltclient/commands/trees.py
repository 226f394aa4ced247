# SPDX-License-Identifier: Apache-2.0
"""``volt tree``: the peers of a volume, and their parents."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import autopage
from cliff.formatters import value

from voltclient.branches import Branches
from voltclient.commands import base, drawing, formats, portals, selection
from voltclient.commands.values import Seconds
from voltclient.commands.volumes import add_volume
from voltclient.exceptions import CommandError
from voltclient.trees import Tree, TreePeer


class ShowTree(base.List):
    """Draw the tree of a volume: each node below the one it reads from.

    The image servers are the root.  Each node is drawn with its state (OK,
    or pending as long as it only has its place), its depth and how long ago
    it was heard of.  A node reads from the one above it first; its standby
    sources are not drawn.

    The tree is fetched while it is drawn, a page at a time, so a large one
    begins at once and takes little memory; -f csv, json, yaml and value do
    the same, level by level.  -f table has to gather all rows first.
    """

    columns = (
        'peer_id', 'host', 'status', 'depth', 'position', 'parent', 'member',
        'age',
    )  # fmt: skip
    examples = (
        "tree volume-image1",
        "tree volume-image1 --depth 3",
        "tree volume-image1 --host 192.168.137.11",
        "tree volume-image1 -f json -c host -c parent",
    )

    @property
    def formatter_default(self) -> str:
        """The format without -f: a drawing."""
        return "tree"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the arguments that name the volume and the part to draw."""
        parser = super().get_parser(prog_name)
        add_volume(parser)
        parser.add_argument(
            "--depth",
            type=_depth,
            metavar="N",
            help="only the first N levels; nodes under the image servers "
            "are level 1",
        )
        parser.add_argument(
            "--host",
            metavar="H",
            help="only the branch of node H: the nodes above it, itself, and "
            "the nodes below it",
        )
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[Sequence[str], Iterable[Any]]:
        """Return a row for each peer, or a line of the drawing."""
        branches = Branches(self.client.trees, parsed_args.volume)
        part = selection.Part(branches, parsed_args.depth, parsed_args.host)
        if parsed_args.formatter == "tree":
            return ("tree",), self._drawn(branches.tree, part)
        return self.columns, (self._row(peer) for peer in part.peers())

    def produce_output(
        self,
        parsed_args: argparse.Namespace,
        column_names: Sequence[str],
        data: Any,
    ) -> int:
        """Print the rows; on a terminal, a drawing goes through a pager."""
        pager = autopage.AutoPager(self.app.stdout)
        if parsed_args.formatter != "tree" or not pager.to_terminal():
            return super().produce_output(parsed_args, column_names, data)
        with pager as out:
            self.formatter.emit_list(column_names, data, out, parsed_args)
        return pager.exit_code()

    def _load_formatter_plugins(self) -> Any:
        return formats.of_lists(tree=value.ValueFormatter())

    def _run_before_hooks(
        self, parsed_args: argparse.Namespace
    ) -> argparse.Namespace:
        """Refuse options of columns for a drawing."""
        asked = parsed_args.columns or parsed_args.sort_columns
        if parsed_args.formatter == "tree" and asked:
            raise CommandError(
                "a drawing has no columns; add -f table, or another format"
            )
        return super()._run_before_hooks(parsed_args)

    def _row(self, peer: TreePeer) -> list[Any]:
        facts = [getattr(peer, name) for name in self.columns[:-1]]
        return [*facts, Seconds(peer.age)]

    def _drawn(self, tree: Tree, part: selection.Part) -> Iterator[tuple[str]]:
        servers = portals.sources(self.client, tree.id)
        pen = drawing.pen_for(self.app.stdout.encoding)
        drawn = -drawing.HEAD
        for line in drawing.draw(tree, servers, part.twigs(), pen):
            yield (line,)
            drawn += 1
        if part.whole and drawn != tree.count:
            print(
                f"volt: the tree changed while it was drawn: {drawn} peers "
                f"instead of {tree.count}",
                file=self.app.stderr,
            )


def _depth(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: give 1 or more")
    return int(text)
