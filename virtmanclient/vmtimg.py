# SPDX-License-Identifier: Apache-2.0
"""The command ``vmtimg``: image targets on image servers, from a file."""

from __future__ import annotations

import sys

from virtmanclient.batch import plan, shell

COMMAND = shell.Command(
    name="vmtimg",
    default_file="image.cfg",
    grammar=plan.IMAGE_CFG,
    help="Create, destroy and list the image targets of image servers, "
    "by a file of steps.",
    details="""\
the file, one step a line:
  + IMAGE_SERVER IMAGE FILE   export FILE, a RAW image on that server
  - IMAGE_SERVER IMAGE        stop exporting it; the file stays
  @ IMAGE_SERVER              list the targets of that server
  # anything                  a comment

Image servers are worked side by side, the steps of one server in the order
of the file.  Progress goes to standard error, the table at the end to
standard output.  A step is "ok" only if the server answered "0:".

example:
  + 192.168.137.102 image1 /srv/images/image1.img
  @ 192.168.137.102
""",
)


def main() -> int:
    """Run ``vmtimg``; return its exit status."""
    return shell.main(COMMAND)


if __name__ == "__main__":
    sys.exit(main())
