# SPDX-License-Identifier: Apache-2.0
"""The host programs the lab stands on, and running one of them."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from lab.errors import LabError, MissingTool

# Program: the Debian package that brings it.
PACKAGES = {
    "qemu-system-x86_64": "qemu-system-x86",
    "busybox": "busybox-static",
    "cpio": "cpio",
    "modprobe": "kmod",
    "ip": "iproute2",
    "tc": "iproute2",
    "mkfs.ext4": "e2fsprogs",
    "nsenter": "util-linux",
}


def check() -> None:
    """Raise MissingTool naming every missing program and its package."""
    missing = {tool: p for tool, p in PACKAGES.items() if not which(tool)}
    if missing:
        lines = [f"  {tool} (package {p})" for tool, p in missing.items()]
        packages = " ".join(sorted(set(missing.values())))
        raise MissingTool(
            "the lab needs programs that are not installed:\n"
            + "\n".join(lines)
            + f"\ninstall them: apt-get install {packages}"
        )
    if os.geteuid() != 0:
        raise MissingTool("the lab makes network namespaces: run it as root")


def which(tool: str) -> str | None:
    """Find a program, in the administrator's folders too."""
    path = os.environ.get("PATH", os.defpath)
    return shutil.which(tool, path=f"{path}:/usr/sbin:/sbin")


def run(
    argv: Sequence[str], *, stdin: str | None = None, cwd: Path | None = None
) -> str:
    """Run a host program and return what it printed.

    Raises LabError with command, code and output when it fails.
    """
    done = subprocess.run(
        [which(argv[0]) or argv[0], *argv[1:]],
        input=stdin,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode:
        raise LabError(
            f"{' '.join(argv)}: exit code {done.returncode}: "
            f"{(done.stderr or done.stdout).strip()}"
        )
    return done.stdout
