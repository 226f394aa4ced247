# SPDX-License-Identifier: Apache-2.0
"""Writes secrets into the records that open-iscsi keeps of targets.

``iscsiadm -o update -v SECRET`` would show it to every user who looks at the
list of processes.  A record is a file of lines ``name = value``, below
``/etc/iscsi/nodes/<iSCSI name>/``: ``<host>,<port>,<group>/<interface>``, or
``<host>,<port>`` when no discovery has told the group (``usr/idbm.c`` of
open-iscsi).  Only root may read it.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from virtman import formats
from virtman.exception import LayerError
from virtman.quoting import quoted

FOLDERS = (Path("/etc/iscsi/nodes"), Path("/var/lib/iscsi/nodes"))
NAME = Path("/etc/iscsi/initiatorname.iscsi")
_NAME = re.compile(r"^InitiatorName\s*=\s*(\S+)\s*$", re.MULTILINE)


def initiator() -> str:
    """Return this host's name as an initiator; empty without one."""
    match = _NAME.search(NAME.read_text()) if NAME.exists() else None
    return match[1] if match else ""


def write(iqn: str, portal: str, values: Mapping[str, str]) -> int:
    """Set values in the records of a target; return how many there are.

    :param portal: ``host,port``, as in the name of the file.
    :raises LayerError: a name of a folder or a line that would be two.
    """
    if not formats.is_iscsi_name(iqn):
        raise LayerError(
            f"{quoted(iqn)} is not the name of a folder of open-iscsi"
        )
    for text in (portal, *values, *values.values()):
        if not formats.is_line(text):
            raise LayerError(f"a record of {iqn}: a value is not one line")
    files = list(_files(iqn, portal))
    for file in files:
        _rewrite(file, values)
    return len(files)


def _files(iqn: str, portal: str) -> Iterator[Path]:
    for folder in FOLDERS:
        target = folder / iqn
        entries = sorted(target.iterdir()) if target.is_dir() else []
        for entry in entries:
            if entry.name == portal or entry.name.startswith(f"{portal},"):
                yield from (
                    sorted(entry.iterdir()) if entry.is_dir() else [entry]
                )


def _rewrite(file: Path, values: Mapping[str, str]) -> None:
    """Write a record whole: iscsiadm may read it at any moment.

    The new one is made outside of the folders in which it looks for some.
    """
    lines = file.read_text().splitlines()
    kept = [line for line in lines if line.partition(" ")[0] not in values]
    # The first lines are a comment that names the version.
    end = next(
        (n for n, line in enumerate(kept) if line.startswith("# END")),
        len(kept),
    )
    kept[end:end] = [f"{name} = {values[name]}" for name in values]
    handle, fresh = tempfile.mkstemp(dir=file.parents[2], prefix=".virtman")
    with os.fdopen(handle, "w") as out:
        out.write("\n".join([*kept, ""]))
    Path(fresh).replace(file)
