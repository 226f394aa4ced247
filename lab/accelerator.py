# SPDX-License-Identifier: Apache-2.0
"""Choose between KVM and emulation by trying, not by looking.

A /dev/kvm can be there and useless: QEMU aborts, or the guest hangs at full
load.  So KVM is used once a machine booted with it has said a word within
seconds; what was found is kept with the other things in the cache.
"""

import json
import subprocess
from pathlib import Path

from lab import tools

# The fewer vector instructions a guest finds, the fewer QEMU has to emulate
# one by one: SHA-256 takes half the time, an iSCSI read two thirds of what
# "-cpu max" takes.  rdrand fills the entropy pool at once.
TCG = ("-accel", "tcg,thread=multi", "-cpu", "qemu64,+rdrand,+fsgsbase")
KVM = ("-accel", "kvm", "-cpu", "max")
_WORD = b"lab: alive"
_PATIENCE = 5.0


def choose(cache: Path, kernel: Path, initramfs: Path) -> tuple[str, ...]:
    """Return QEMU's arguments for this machine, probed once a boot."""
    if not Path("/dev/kvm").exists():
        return TCG
    known = cache / "kvm.json"
    key = [_boot_id(), initramfs.name]
    try:
        found = json.loads(known.read_text())
    except (FileNotFoundError, ValueError):
        found = {}
    if found.get("key") != key:
        found = {"key": key, "works": kvm_works(kernel, initramfs)}
        known.write_text(json.dumps(found) + "\n")
    return KVM if found["works"] else TCG


def kvm_works(kernel: Path, initramfs: Path) -> bool:
    """Boot a machine with KVM and tell whether it spoke in time."""
    command = [
        str(tools.which("qemu-system-x86_64")),
        *(*KVM, "-machine", "q35", "-m", "256"),
        *("-nodefaults", "-no-reboot", "-display", "none"),
        *("-serial", "stdio", "-kernel", str(kernel)),
        *("-initrd", str(initramfs)),
        *("-append", "console=ttyS0 quiet panic=-1 lab.probe"),
    ]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return _WORD in done.stdout


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
