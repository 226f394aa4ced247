# SPDX-License-Identifier: Apache-2.0
"""The options of ``python -m demo``."""

from __future__ import annotations

import argparse
from pathlib import Path

from demo import machine, plan


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(
        prog="python -m demo",
        description="Start six VM disks on three nodes from one image "
        "through a tree of caches, on real kernels; check every byte, "
        "boot one VM, take everything down again.",
        epilog="Exit codes: 0 all held, 1 something did not, 2 the host "
        "lacks something, 130 interrupted.",
    )
    made.add_argument(
        "--machine", choices=machine.ASKED, default="auto",
        help="what runs the nodes' kernels: user-mode Linux, or QEMU with "
        "the stock kernel; auto: uml if that works here, else qemu "
        "(default: %(default)s)",
    )  # fmt: skip
    made.add_argument(
        "--size", type=int, default=200, metavar="MIB",
        help="size of the disk image (default: %(default)s)",
    )  # fmt: skip
    made.add_argument(
        "--build", type=Path, default=plan.CHECKOUT / "build", metavar="DIR",
        help="where image, logs and demo.json go (default: build/)",
    )  # fmt: skip
    return made
