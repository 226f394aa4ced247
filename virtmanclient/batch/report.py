# SPDX-License-Identifier: Apache-2.0
"""Report how a run ended: a table to read, or JSON to process.

The table is not prettytable's: that pads the last column, and a message of
some length then wraps every row of a terminal.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from virtmanclient.batch.plan import Plan
from virtmanclient.batch.runner import Outcome, Result

HEADINGS = ("line", "node", "step", "result", "seconds", "message")


def table(results: Sequence[Result]) -> str:
    """Return the table of results, one row a step.

    The last column is as wide as its longest cell.
    """
    rows = [HEADINGS, *(_row(result) for result in results)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(_aligned(row, widths) for row in rows)


def verdict(plan: Plan, results: Sequence[Result]) -> str:
    """Return the last line: how many steps went well, failed, and so on."""
    good = sum(result.outcome is Outcome.OK for result in results)
    text = f"{good} of {len(results)} steps ok"
    for outcome in Outcome:
        count = sum(result.outcome is outcome for result in results)
        if count and outcome is not Outcome.OK:
            text += f", {count} {outcome}"
    if plan.bad_lines:
        lines = "line" if len(plan.bad_lines) == 1 else "lines"
        text += f"; {len(plan.bad_lines)} bad {lines} left out"
    return text


def as_json(plan: Plan, results: Sequence[Result], status: int) -> str:
    """Return plan, results and exit status as one JSON object.

    ``{"file", "exit_status", "steps": [{"line", "node", "method",
    "arguments", "result", "seconds", "message"}], "bad_lines": [{"line",
    "text", "remedy"}]}``
    """
    report = {
        "file": plan.file,
        "exit_status": status,
        "steps": [_step(result) for result in results],
        "bad_lines": [
            {"line": bad.line, "text": bad.text, "remedy": bad.remedy}
            for bad in plan.bad_lines
        ],
    }
    return json.dumps(report, indent=2)


def _row(result: Result) -> tuple[str, ...]:
    return (
        str(result.step.line),
        result.step.node,
        str(result.step),
        result.outcome,
        f"{result.seconds:.2f}",
        " ".join(result.message.split()),
    )


def _aligned(row: tuple[str, ...], widths: list[int]) -> str:
    line, node, step, outcome, seconds, message = row
    cells = (
        line.rjust(widths[0]),
        node.ljust(widths[1]),
        step.ljust(widths[2]),
        outcome.ljust(widths[3]),
        seconds.rjust(widths[4]),
        message,
    )
    return "  ".join(cells).rstrip()


def _step(result: Result) -> dict[str, object]:
    return {
        "line": result.step.line,
        "node": result.step.node,
        "method": result.step.method,
        "arguments": list(result.step.arguments),
        "result": str(result.outcome),
        "seconds": round(result.seconds, 3),
        "message": result.message,
    }
