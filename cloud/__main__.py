# SPDX-License-Identifier: Apache-2.0
"""``python -m cloud``: a real OpenStack on real kernels, with a verdict.

Exit codes: 0 all held, 1 something did not (the table says what), 2 the host
lacks something, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cloud.errors import CloudError
from cloud.plan import CHECKOUT
from cloud.run import CloudRun
from cloud.story import launch
from demo import telling
from demo.telling import Teller
from lab.errors import LabError

# Figure, and what it has to be.
_WANTED: dict[str, Any] = {
    "all_active": True,
    "hosts": 2,
    "sources_on_snapshot": True,
    "console_marker": True,
    "digests_ok": True,
    "reboot_ok": True,
    "power_cut_ok": True,
    "evacuate_ok": True,
    "horizon_ok": True,
    "deleted_ok": True,
    "faults_ok": True,
    "leftovers": 0,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the story and print its table, or let it stand."""
    options = _parser().parse_args(argv)
    if os.geteuid():
        print(
            "cloud: needs root: it makes a network namespace", file=sys.stderr
        )
        return 2
    # Both signals end this program in order; a shell makes the programs that
    # it runs in the background ignore Ctrl-C.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)
    teller = Teller(sys.stdout)
    run = CloudRun(options.build / "openstack", teller)
    try:
        if options.action == "up":
            return _let_stand(run, teller)
        run.story()
    except KeyboardInterrupt:
        print("\ncloud: interrupted; everything is down", file=sys.stderr)
        return 130
    except (CloudError, LabError) as error:
        print(f"cloud: {error}", file=sys.stderr)
        return 2
    facts = {
        **run.facts,
        "failures": run.failures,
        "steps": teller.seconds,
        "seconds": round(teller.elapsed),
    }
    file = options.build / "openstack.json"
    file.write_text(json.dumps(facts, indent=2) + "\n")
    rows = verdicts(facts)
    print(telling.table(rows))
    print(f"{teller.elapsed:.0f} s in all; figures in {file}")
    return 0 if all(row[2] == "ok" for row in rows) else 1


def verdicts(facts: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return the summary table's rows: name, value, verdict."""
    rows = [
        (name, facts.get(name), facts.get(name) == wanted)
        for name, wanted in _WANTED.items()
    ]
    sent = facts.get("root_sent_images")
    few = sent is not None and sent <= launch.MOST_IMAGES
    rows.insert(2, ("root_sent_images", sent, few))
    rows += [(name, why, False) for name, why in facts["failures"].items()]
    return [
        (name, str(value).splitlines()[0][:60], "ok" if held else "FAILED")
        for name, value, held in rows
    ]


def _let_stand(run: CloudRun, teller: Teller) -> int:
    """Take the cloud up and wait for Ctrl-C."""
    with run.standing() as stage:
        teller.say(
            "It stands; Ctrl-C takes it down.  From another terminal:\n"
            f"  nsenter --net=/run/netns/"
            f"{stage.machines.site.cluster.name} bash\n"
            f"with OS_AUTH_URL={stage.plan.url('keystone')}; passwords of "
            f"this run: {stage.plan.folder}/conf"
        )
        while True:
            signal.pause()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m cloud",
        description="Take up a real OpenStack beside emulated nodes with real "
        "kernels, launch servers as an ordinary member, look at their disks, "
        "reboot them, cut a node's power, delete everything, and count what "
        "is left.",
        epilog="Exit codes: 0 all held, 1 something did not, 2 the host "
        "lacks something, 130 interrupted.",
    )
    parser.add_argument(
        "action", nargs="?", choices=("run", "up"), default="run",
        help="run: the whole story (default); up: take it up and let it "
        "stand until Ctrl-C",
    )  # fmt: skip
    parser.add_argument(
        "--build", type=Path, default=CHECKOUT / "build", metavar="DIR",
        help="where logs, pictures and openstack.json go (default: build/)",
    )  # fmt: skip
    return parser


if __name__ == "__main__":
    sys.exit(main())
