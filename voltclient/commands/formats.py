# SPDX-License-Identifier: Apache-2.0
"""The formats that commands print: cliff's, those of lists row by row.

cliff gathers all rows before it prints JSON or YAML; a tree may have a
hundred thousand.  csv and value come a row at a time as they are; a table
cannot, its columns are as wide as their widest row.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, TextIO

from cliff import columns
from cliff.formatters import (
    commaseparated,
    json_format,
    table,
    value,
    yaml_format,
)

Rows = Iterable[Sequence[Any]]


class Formats:
    """Formats by name, in the form in which cliff holds its plugins."""

    def __init__(self, formats: Mapping[str, Any]) -> None:
        self._known = {
            name: SimpleNamespace(obj=formatter)
            for name, formatter in formats.items()
        }

    def names(self) -> list[str]:
        """Return the names of the formats."""
        return list(self._known)

    def __iter__(self) -> Iterator[SimpleNamespace]:
        """Yield the formats."""
        return iter(self._known.values())

    def __getitem__(self, name: str) -> SimpleNamespace:
        """Return the format of this name."""
        return self._known[name]


class JSONRows(json_format.JSONFormatter):
    """A JSON list, printed row by row."""

    def emit_list(
        self,
        column_names: Sequence[str],
        data: Rows,
        stdout: TextIO,
        parsed_args: argparse.Namespace,
    ) -> None:
        """Print the rows as objects."""
        indent = None if parsed_args.noindent else 2
        before, end = "[", "[]\n"
        for row in data:
            text = json.dumps(plain(column_names, row), indent=indent)
            if indent:
                text = "\n  " + text.replace("\n", "\n  ")
            stdout.write(before + text)
            before, end = "," if indent else ", ", "\n]\n" if indent else "]\n"
        stdout.write(end)


class YAMLRows(yaml_format.YAMLFormatter):
    """A YAML list, printed a hundred rows at a time."""

    def emit_list(
        self,
        column_names: Sequence[str],
        data: Rows,
        stdout: TextIO,
        parsed_args: argparse.Namespace,
    ) -> None:
        """Print the rows as mappings; lists may be printed in pieces."""
        import yaml

        # Written in C, a tenth of the time; not in every build of PyYAML.
        dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
        rows = (plain(column_names, row) for row in data)
        piece = list(itertools.islice(rows, 100))
        if not piece:
            stdout.write("[]\n")
        while piece:
            yaml.dump(piece, stdout, dumper, default_flow_style=False)
            piece = list(itertools.islice(rows, 100))


def plain(names: Sequence[str], row: Sequence[Any]) -> dict[str, Any]:
    """Return a row as a mapping for programs."""
    return {
        name: cell.machine_readable()
        if isinstance(cell, columns.FormattableColumn)
        else cell
        for name, cell in zip(names, row, strict=True)
    }


def of_lists(**more: Any) -> Formats:
    """Return the formats of lists, and ``more`` of a single command."""
    return Formats(
        more
        | {
            "csv": commaseparated.CSVLister(),
            "json": JSONRows(),
            "table": table.TableFormatter(),
            "value": value.ValueFormatter(),
            "yaml": YAMLRows(),
        }
    )


def of_one() -> Formats:
    """Return the formats of single objects."""
    return Formats(
        {
            "json": json_format.JSONFormatter(),
            "table": table.TableFormatter(),
            "value": value.ValueFormatter(),
            "yaml": yaml_format.YAMLFormatter(),
        }
    )
