# SPDX-License-Identifier: Apache-2.0
"""Read image.cfg and nodelist.cfg into typed steps.

Both have one step a line, its fields separated by blanks.  The first field is
the symbol: ``+`` create, ``-`` destroy, ``@`` list.  Empty lines are passed
over, and the rest of a line from a field on that starts with ``#``.  A line
that fits no form becomes a BadLine; the good lines around it still count.
"""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Iterator, Mapping

from virtmanclient.batch import steps
from virtmanclient.batch.steps import Step


@dataclasses.dataclass(frozen=True, slots=True)
class Form:
    """One kind of line: the step it makes and the fields after the symbol.

    ``loose``: more fields may follow and are passed over, so that old files
    still work.
    """

    step: type[Step]
    fields: tuple[str, ...]
    loose: bool = False

    def __str__(self) -> str:
        """Return the form as a user writes it."""
        return " ".join((self.step.symbol, *self.fields))

    def fits(self, fields: list[str]) -> bool:
        """Tell whether fields make a line of this form."""
        extra = len(fields) - len(self.fields)
        return extra == 0 or (self.loose and extra > 0)


@dataclasses.dataclass(frozen=True, slots=True)
class BadLine:
    """A line that was left out, and the remedy."""

    file: str
    line: int
    text: str
    remedy: str

    def __str__(self) -> str:
        """Return the report on the line, in the form editors jump to."""
        return f"{self.file}:{self.line}: {self.text!r}: {self.remedy}"


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """The good lines of a file, in its order, and the bad ones."""

    file: str
    steps: tuple[Step, ...]
    bad_lines: tuple[BadLine, ...]

    def by_node(self) -> dict[str, list[Step]]:
        """Return each node's steps, nodes and steps in file order."""
        nodes: dict[str, list[Step]] = {}
        for step in self.steps:
            nodes.setdefault(step.node, []).append(step)
        return nodes


Grammar = Mapping[str, Form]


def _grammar(*forms: Form) -> Grammar:
    return {form.step.symbol: form for form in forms}


IMAGE_CFG = _grammar(
    Form(steps.CreateTarget, ("image_server_ip", "image_name", "file_path")),
    Form(steps.DestroyTarget, ("image_server_ip", "image_name"), loose=True),
    Form(steps.ListTargets, ("image_server_ip",)),
)
NODELIST_CFG = _grammar(
    Form(
        steps.CreateInstance,
        ("node_ip", "vm_name", "image_server_ip", "image_name"),
    ),
    Form(steps.DestroyInstance, ("node_ip", "vm_name"), loose=True),
    Form(steps.ListInstances, ("node_ip",)),
)


def load(path: pathlib.Path, grammar: Grammar) -> Plan:
    """Read a file of steps.

    :raises OSError: the file cannot be read
    """
    return parse(path.read_bytes(), grammar, str(path))


def parse(content: bytes, grammar: Grammar, file: str) -> Plan:
    """Read the content of a file of steps; ``file`` is its name."""
    good: list[Step] = []
    bad: list[BadLine] = []
    for number, text, fields in _lines(content):
        remedy = _remedy(grammar, text, fields)
        if remedy:
            bad.append(BadLine(file, number, text, remedy))
        else:
            form = grammar[fields[0]]
            values = fields[1 : 1 + len(form.fields)]
            good.append(form.step(number, *values))
    return Plan(file, tuple(good), tuple(bad))


def _lines(content: bytes) -> Iterator[tuple[int, str, list[str]]]:
    """Yield number, text and fields of each line that has a step."""
    text = content.decode("utf-8-sig", errors="surrogateescape")
    for number, line in enumerate(text.split("\n"), 1):
        line = line.strip().replace("\t", " ")
        fields = line.split()
        for index, field in enumerate(fields):
            if field.startswith("#"):
                del fields[index:]
                break
        if fields:
            yield number, line, fields


def _remedy(grammar: Grammar, text: str, fields: list[str]) -> str:
    """Return how a bad line should be written; empty for a good one."""
    form = grammar.get(fields[0])
    if form is None:
        forms = ", ".join(f'"{form}"' for form in grammar.values())
        return f"write one of {forms}"
    if not form.fits(fields[1:]):
        return f'write "{form}"'
    if not text.isprintable():
        return "write it in UTF-8, without control characters"
    return ""
