# SPDX-License-Identifier: Apache-2.0
"""Every shell script is read by its shell without an error."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = (".ci", "bench", "demo", "devstack", "lab", "tests", "tools")
# DevStack's bash reads these; they are never started by themselves.
SOURCED = (
    "devstack/override-defaults",
    "devstack/plugin.sh",
    "devstack/settings",
    "devstack/lib/vmthunder",
    "devstack/lib/virtman-cinder",
    "devstack/lib/virtman-nova",
)


def scripts():
    """Yield (path, shell) of each script, by its first line."""
    for name in SOURCED:
        yield name, "bash"
    for folder in FOLDERS:
        for file in sorted((ROOT / folder).rglob("*")):
            if not file.is_file() or file.suffix in (".py", ".pyc"):
                continue
            with file.open("rb") as handle:
                first = handle.readline(80).decode(errors="replace")
            shell = Path(first.strip().partition(" ")[0]).name
            if first.startswith("#!") and shell in ("sh", "bash", "busybox"):
                yield str(file.relative_to(ROOT)), shell


def reader(shell):
    return ["busybox", "sh", "-n"] if shell == "busybox" else [shell, "-n"]


@pytest.mark.parametrize(("path", "shell"), list(scripts()))
def test_the_shell_can_read_it(path, shell):
    command = [*reader(shell), str(ROOT / path)]
    if shutil.which(command[0]) is None:
        pytest.skip(f"no {command[0]} on this machine")
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_scripts_are_found():
    found = {path for path, _ in scripts()}
    assert {".ci/run", "lab/guest/leftovers", *SOURCED} <= found
