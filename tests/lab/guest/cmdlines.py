# SPDX-License-Identifier: Apache-2.0
"""Write down every command line that is ever seen in the list of processes.

Runs inside a node, without a pause, until the file STOPFILE is there.

    cmdlines.py STOPFILE
"""

import pathlib
import sys

seen = set()
while not pathlib.Path(sys.argv[1]).exists():
    for process in pathlib.Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                said = (process / "cmdline").read_bytes()
            except OSError:
                continue
            seen.add(said.replace(b"\0", b" "))
for line in sorted(seen):
    print(line.decode(errors="replace"))
