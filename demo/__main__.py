# SPDX-License-Identifier: Apache-2.0
"""``python -m demo``: the main job on real kernels, with a verdict.

Exit codes: 0 all held, 1 something did not (the table says what), 2 the host
lacks something, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from demo import telling
from demo.story import Story
from demo.telling import Teller
from demo.tools import ImageError
from lab.errors import LabError

CHECKOUT = Path(__file__).resolve().parent.parent
# Two children may read the image server at fan-out 2; 5 % is what TCP, iSCSI
# and the first looks at a new disk add.
MOST_IMAGES = 2.1


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demo and print its table."""
    options = _parser().parse_args(argv)
    if os.geteuid():
        print(
            "demo: needs root: it makes a network namespace", file=sys.stderr
        )
        return 2
    teller = Teller(sys.stdout)
    story = Story(options.build / "demo", options.size, teller)
    try:
        story.run()
    except KeyboardInterrupt:
        print("\ndemo: interrupted; everything is taken down", file=sys.stderr)
        return 130
    except (LabError, ImageError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 2
    except (RuntimeError, TimeoutError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    facts = {**story.facts, "seconds": teller.seconds}
    file = options.build / "demo.json"
    file.write_text(json.dumps(facts, indent=2) + "\n")
    rows = verdicts(facts)
    print(telling.table(rows))
    print(f"{teller.elapsed:.0f} s in all; figures in {file}")
    return 0 if all(row[2] != "FAILED" for row in rows) else 1


def verdicts(facts: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return the summary table's rows: what, value, verdict."""
    size = facts["image_bytes"]
    nodes = ", ".join(
        f"{name} {sent / size:.2f}"
        for name, sent in facts["node_sent_bytes"].items()
    )
    sent = facts["root_sent_images"]
    total = facts["vms"]
    checks = [
        ("tree depth", str(facts["depth"]), facts["depth"] >= 2),
        (
            "images sent by the image server",
            f"{sent} for {facts['nodes']} nodes",
            sent <= MOST_IMAGES,
        ),
        ("images sent by the nodes", nodes, None),
        (f"SHA-256 of {total} VM disks", "", facts["digests_ok"]),
        ("a write is seen in its own disk only", "", facts["isolation_ok"]),
        ("a VM boots from its disk", "", facts["vm_booted"]),
        ("leftovers", str(facts["leftovers"]), facts["leftovers"] == 0),
    ]
    words = {None: "", True: "ok", False: "FAILED"}
    return [(what, value, words[held]) for what, value, held in checks]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m demo",
        description="Start six VM disks on three emulated nodes from one "
        "image through a tree of caches, on real kernels; check every byte, "
        "boot one VM, take everything down again.",
        epilog="Exit codes: 0 all held, 1 something did not, 2 the host "
        "lacks something, 130 interrupted.",
    )
    parser.add_argument(
        "--size", type=int, default=200, metavar="MIB",
        help="size of the disk image (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--build", type=Path, default=CHECKOUT / "build", metavar="DIR",
        help="where image, logs and demo.json go (default: build/)",
    )  # fmt: skip
    return parser


if __name__ == "__main__":
    sys.exit(main())
