# SPDX-License-Identifier: Apache-2.0
"""The host programs that the lab needs: check, find and run them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lab.errors import MissingTool, ToolFailed

# Program: the Debian package that brings it.
PACKAGES = {
    "qemu-system-x86_64": "qemu-system-x86",
    "busybox": "busybox-static",
    "cpio": "cpio",
    "zstd": "zstd",
    "modprobe": "kmod",
    "ip": "iproute2",
    "tc": "iproute2",
    "mkfs.ext4": "e2fsprogs",
    "nsenter": "util-linux",
}

_TIMEOUT = 60  # seconds; each of the programs takes less than one


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
        raise MissingTool(
            "the lab makes network namespaces, which takes root: run it as "
            "root"
        )


def which(tool: str) -> str | None:
    """Find a program, in the administrator's folders too."""
    path = os.environ.get("PATH", os.defpath)
    return shutil.which(tool, path=f"{path}:/usr/sbin:/sbin")


def run(argv: Sequence[str], *, stdin: str | None = None, **more: Any) -> str:
    """Run a host program; return its output.

    Raises ToolFailed when it fails, MissingTool when it is not installed,
    subprocess.TimeoutExpired when it was late and has been killed.
    """
    data = None if stdin is None else stdin.encode()
    return run_bytes(argv, stdin=data, **more).decode(errors="replace")


def run_bytes(
    argv: Sequence[str],
    *,
    stdin: bytes | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float = _TIMEOUT,
) -> bytes:
    """Run a host program as ``run`` does, with bytes in and out.

    :param env: more variables than this process has.
    """
    program = which(argv[0])
    if program is None:
        package = PACKAGES.get(argv[0], argv[0])
        raise MissingTool(f"{argv[0]} is missing: apt-get install {package}")
    done = subprocess.run(
        [program, *argv[1:]],
        input=stdin,
        capture_output=True,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        timeout=timeout,
        check=False,
    )
    if done.returncode:
        output = (done.stderr or done.stdout).decode(errors="replace").strip()
        raise ToolFailed(" ".join(argv), done.returncode, output)
    return done.stdout
