# SPDX-License-Identifier: Apache-2.0
"""The command ``python -m demo``: the main job on real kernels.

Exit codes: 0 all checks held, 1 a check failed (the table names it), 2 the
host lacks something, 130 interrupted.
"""

from __future__ import annotations

import json
import os
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from typing import Any

from demo import interrupt, live, machine, options, telling
from demo.machine import Choice
from demo.story import Story
from demo.telling import Teller
from demo.tools import ImageError
from demo.verdict import verdicts
from lab import accelerator, initramfs, usermode, xstate
from lab.errors import LabError


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demo, print its table; return the exit code."""
    given = options.parser().parse_args(argv)
    if os.geteuid():
        return _fail("needs root: it makes a network namespace", 2)
    interrupt.enable()
    try:
        choice = machine.choose(given.machine, _trouble)
        print(machine.sentence(choice), flush=True)
        facts, elapsed = _run(given, choice)
    except KeyboardInterrupt:
        return _fail("interrupted; everything is taken down", 130)
    except (LabError, ImageError) as error:
        return _fail(str(error), 2)
    except (RuntimeError, TimeoutError) as error:
        return _fail(str(error), 1)
    return _tell(given, facts, elapsed)


def _run(given: Namespace, choice: Choice) -> tuple[dict[str, Any], float]:
    """Run the story with a display; return its figures and its seconds."""
    display = live.on(sys.stdout, os.environ.get("TERM", ""))
    try:
        teller = Teller(sys.stdout, display)
        story = Story(given.build / "demo", given.size, choice.machine, teller)
        story.run()
    finally:
        display.close()
    return {**story.facts, "seconds": teller.seconds}, teller.elapsed


def _tell(given: Namespace, facts: Mapping[str, Any], elapsed: float) -> int:
    """Write the figures, print the table; return the exit code."""
    file = given.build / "demo.json"
    file.write_text(json.dumps(facts, indent=2) + "\n")
    rows = verdicts(facts)
    how = () if facts["machine"] == "uml" else _accelerator(given)
    title = machine.title(facts["machine"], how)
    print(f"\n{telling.table(rows, f'On {title}')}")
    print(f"{elapsed:.0f} s in all; figures in {file}")
    return 0 if all(row[2] != "FAILED" for row in rows) else 1


def _trouble() -> str | None:
    return usermode.trouble(xstate.library())


def _accelerator(given: Namespace) -> tuple[str, ...]:
    """Return the QEMU arguments with which the lab ran the machines."""
    cache = given.build / "lab" / ".cache"
    return accelerator.choose(cache, *initramfs.build(cache))


def _fail(text: str, code: int) -> int:
    print(f"demo: {text}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
