# SPDX-License-Identifier: Apache-2.0
"""The start-up times of programs: ``python -m bench.startup REVISION``.

Runs ``virtman-server --help`` and ``volt --help`` of this tree and of another
revision of it in turn, and prints the least wall time of each and their
ratio.  An agent's start is felt by the operator and in every test.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.table import table

ROOT = Path(__file__).parents[1]
PROGRAMS = {
    "virtman-server": "virtman.cmd.server",
    "volt": "voltclient.shell",
}
_START = "import sys; from {} import main; sys.exit(main())"
# Seconds; some twenty times what was seen.
_PATIENCE = 60.0


def main(argv: Sequence[str] | None = None) -> int:
    """Print how long each program takes here and there; return 0."""
    parser = argparse.ArgumentParser(prog="bench.startup")
    parser.add_argument("revision", help="what to compare with, as git has it")
    parser.add_argument("--rounds", type=int, default=15)
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        there = Path(folder)
        _unpack(given.revision, there)
        print(f"seconds to --help, the least of {given.rounds}", flush=True)
        lines: list[tuple[str, ...]] = [
            ("program", given.revision, "this tree", "ratio")
        ]
        for name, module in PROGRAMS.items():
            before, after = _compare(module, (there, ROOT), given.rounds)
            ratio = f"{after / before:.2f}"
            lines.append((name, f"{before:.3f}", f"{after:.3f}", ratio))
        print(table(lines))
    return 0


def _unpack(revision: str, folder: Path) -> None:
    """Write a revision of this tree into a folder."""
    archive = folder / "tree.tar"
    subprocess.run(
        ["git", "-C", str(ROOT), "archive", "-o", str(archive), revision],
        check=True,
        timeout=_PATIENCE,
    )
    # tarfile of Debian 12's Python has no filters yet.
    subprocess.run(
        ["tar", "-x", "-f", str(archive), "-C", str(folder)],
        check=True,
        timeout=_PATIENCE,
    )


def _compare(
    module: str, trees: tuple[Path, Path], rounds: int
) -> tuple[float, float]:
    """Return the least seconds in each tree; the first run of each warms."""
    for tree in trees:
        _seconds(module, tree)
    pairs = [[_seconds(module, tree) for tree in trees] for _ in range(rounds)]
    return min(pair[0] for pair in pairs), min(pair[1] for pair in pairs)


def _seconds(module: str, tree: Path) -> float:
    """Return the wall time of one start of a program, to its help."""
    environment = os.environ | {"PYTHONPATH": str(tree)}
    begun = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", _START.format(module), "--help"],
        cwd=tree,
        env=environment,
        # Read to its end: without a pipe subprocess looks every 50 ms whether
        # the program has ended, and the figures come in such steps.
        stdout=subprocess.PIPE,
        check=True,
        timeout=_PATIENCE,
    )
    return time.perf_counter() - begun


if __name__ == "__main__":
    sys.exit(main())
