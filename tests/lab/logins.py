# SPDX-License-Identifier: Apache-2.0
"""Logins from a node of the lab, and the records of those that it has made."""

from __future__ import annotations

import json

STRANGER = "iqn.2026-01.lab:stranger"
# What a record says of a login: its own file, as a JSON object.
RECORD = """
import glob, json, os, sys
name = f"iscsi/nodes/{sys.argv[1]}/{sys.argv[2]},3260*"
found = glob.glob(f"/etc/{name}") + glob.glob(f"/var/lib/{name}")
files = [f"{f}/default" if os.path.isdir(f) else f for f in found]
lines = [line.split(" = ") for file in files for line in open(file)]
print(json.dumps({pair[0]: pair[1].strip() for pair in lines
                  if len(pair) == 2} |
                 {"modes": [oct(os.stat(f).st_mode & 0o777) for f in files]}))
"""


# Logs in from an interface of its own, which has another name, and out again;
# with records of its own, too: the node's are for its own sessions.  Debian
# has them in /var/lib since 13.
LOGIN = """
records=/etc/iscsi/nodes
test ! -d /var/lib/iscsi || records=/var/lib/iscsi/nodes
mkdir -p $records
mount -t tmpfs none $records
iscsiadm -m iface -I other -o new
iscsiadm -m iface -I other -o update -n iface.initiatorname -v $1
record="-m node -T $2 -p $3 -I other"
iscsiadm $record -o new
set -- $4 $5
iscsiadm $record -o update -n node.session.initial_login_retry_max -v 1 \\
  ${1:+-n node.session.auth.authmethod -v CHAP} \\
  ${1:+-n node.session.auth.username -v $1} \\
  ${1:+-n node.session.auth.password -v $2}
iscsiadm $record --login
code=$?
test $code != 0 || iscsiadm $record --logout
iscsiadm $record -o delete
iscsiadm -m iface -I other -o delete
exit $code
"""


def logs_in(node, source, iqn, name=STRANGER, login=()):
    """Tell whether a node can log in under this name, as this user."""
    script = ["unshare", "-m", "sh", "-c", LOGIN, "login"]
    argv = [*script, name, iqn, source.address, *login]
    done = node.run(argv, check=False, timeout=120)
    # That it begins is said by open-iscsi before 2.1.11 only.
    text = done.stdout + done.stderr
    assert done.code == 0 or "Could not login to" in text, "it was tried"
    return done.code == 0


def record(node, source, iqn):
    """Return what a node's record of a source says."""
    ask = ["python3", "-S", "-c", RECORD, iqn, source.address]
    return json.loads(node.run(ask).stdout)


def credentials(node, source, iqn):
    """Return the user and the secret of a node's session."""
    found = record(node, source, iqn)
    key = "node.session.auth."
    return found[f"{key}username"], found[f"{key}password"]
