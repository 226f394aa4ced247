# SPDX-License-Identifier: Apache-2.0
"""``python -m bench.volt``: measures, prints tables, writes a file.

Exit codes: 0 measured, whatever the figures; 1 volt answered wrongly.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.volt import kernel, report
from bench.volt.checks import NotRight
from bench.volt.databases import NAMES, SQLITE, missing, opened
from bench.volt.plan import FULL, QUICK, Plan
from bench.volt.run import Run

CHECKOUT = Path(__file__).resolve().parents[2]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and report; return the exit code."""
    options = _parser().parse_args(argv)
    # Ended from outside, it still ends what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    plan = QUICK if options.quick else FULL
    results: dict[str, Any] = {"machine": _machine(), "databases": {}}
    for name in options.database or NAMES:
        lacking = missing(name)
        if lacking:
            print(f"{name} is left out: {lacking}")
            continue
        _say(name)
        try:
            results["databases"][name] = _measure(name, plan)
        except NotRight as error:
            print(f"bench.volt: {error}", file=sys.stderr)
            return 1
    results["machine"]["load_after"] = kernel.load()
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(results, indent=1) + "\n")
    for database, result in results["databases"].items():
        print("\n\n".join(report.parts(database, result)))
    print(f"\n{results['machine']}\nfigures: {options.output}")
    return 0


def _measure(name: str, plan: Plan) -> dict[str, Any]:
    mine = plan if name == SQLITE else plan.fewer()
    with opened(name) as (folder, fresh):
        return Run(mine, folder, fresh, _say).result()


def _say(text: str) -> None:
    print(f"[load {kernel.load()[0]:.2f}] {text}", flush=True)


def _machine() -> dict[str, object]:
    return {
        "date": time.strftime("%Y-%m-%d %H:%M:%S"),
        "cpus": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_before": kernel.load(),
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench.volt",
        description="Measure what volt costs: the time that its clients see, "
        "its CPU time, its memory, its SQL.",
        epilog="Exit codes: 0 measured, whatever the figures; 1 volt "
        "answered wrongly.",
    )
    parser.add_argument(
        "--quick", action="store_true", help="a little of everything"
    )
    parser.add_argument(
        "--database",
        action="append",
        choices=NAMES,
        help="may be given again; default: all whose programs are here",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=CHECKOUT / "build" / "bench-volt.json",
        metavar="FILE",
        help="default: build/bench-volt.json",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
