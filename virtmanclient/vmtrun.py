# SPDX-License-Identifier: Apache-2.0
"""The command ``vmtrun``: VM disks on many nodes, from a file."""

import sys

from virtmanclient import plan, shell

COMMAND = shell.Command(
    name='vmtrun',
    default_file='nodelist.cfg',
    grammar=plan.NODELIST_CFG,
    help='Create, destroy and list the VM disks of compute nodes, as a '
    'file of steps says.',
    details="""\
the file, one step a line:
  + NODE VM IMAGE_SERVER IMAGE   make /dev/mapper/snapshot_VM on that node
  - NODE VM                      remove it, and what the VM wrote
  @ NODE                         list the VM disks of that node
  # anything                     a comment

Nodes are worked side by side, the steps of one node in the order of the
file.  Progress goes to standard error, the table at the end to standard
output.  A step is "ok" only if the node answered "0:".  IMAGE must be
exported by IMAGE_SERVER already (vmtimg); note that the server stands
before the image here, and after it in vmtapi.create.

example:
  + 192.168.137.103 vm1 192.168.137.102 image1
  + 192.168.137.104 vm1 192.168.137.102 image1
  @ 192.168.137.104
""",
)


def main() -> int:
    """Run the command and return its exit status."""
    return shell.main(COMMAND)


if __name__ == '__main__':
    sys.exit(main())
