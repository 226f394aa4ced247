# SPDX-License-Identifier: Apache-2.0
"""Install a boot loader on a disk, in a machine that boots for this alone.

extlinux installs itself only on a mounted file system, which in a machine
of its own needs neither root nor a loop device.  On two loaded cores user-mode
Linux took 2.5 s for it, QEMU's emulation of the stock kernel 42 s.
"""

from __future__ import annotations

import pathlib

from demo import initramfs
from demo.initramfs import GUEST
from demo.tools import ImageError, Kernel, run
from lab import usermode, xstate
from lab.accelerator import TCG

INSTALLED = "BOOT-LOADER-INSTALLED"
SECONDS = 300.0  # it takes 5 on a machine with nothing else to do
# As in guest/extlinux.conf: what saves an emulated CPU work.
ARGUMENTS = (
    "console=ttyS0 quiet panic=-1 tsc=reliable nokaslr mitigations=off "
    "cryptomgr.notests rodata=off init_on_alloc=0"
)


def install(disk: pathlib.Path, kernel: Kernel, scratch: pathlib.Path) -> None:
    """Write the initramfs and the boot loader to a disk.

    :param kernel: whose initramfs it is, and what QEMU boots
    :param scratch: a folder for files that are not kept
    :raises ImageError: it failed; with the end of the machine's console
    """
    preload = xstate.library()
    if usermode.trouble(preload) is None:
        console = _in_usermode(disk, kernel, scratch, preload)
    else:
        console = _in_qemu(disk, kernel, scratch)
    if INSTALLED not in console:
        raise ImageError(
            f"extlinux did not install itself; the console: {console[-1000:]}"
        )


def _in_usermode(
    disk: pathlib.Path,
    kernel: Kernel,
    scratch: pathlib.Path,
    preload: pathlib.Path | None,
) -> str:
    """Install in user-mode Linux; return the machine's console."""
    initrd = scratch / "initrd"
    initrd.write_bytes(initramfs.for_boot(kernel))
    words = [
        'mem=128M', 'quiet', 'con=null', 'con0=null,fd:1',
        'root=/dev/root', 'rootfstype=hostfs', 'rootflags=/', 'ro',
        f'init={GUEST}/install-usermode.sh', f'install.initrd={initrd}',
        f'ubd0={disk}',
    ]  # fmt: skip
    return run(
        usermode.PROGRAM,
        *words,
        stdin="",
        seconds=SECONDS,
        env=usermode.environment(preload),
    )


def _in_qemu(disk: pathlib.Path, kernel: Kernel, scratch: pathlib.Path) -> str:
    """Install in a machine that QEMU emulates; return its console."""
    archive = scratch / "install.cpio"
    archive.write_bytes(initramfs.for_install(kernel))
    return run(
        'qemu-system-x86_64', *TCG, '-m', '256', '-nodefaults', '-no-reboot',
        '-display', 'none', '-serial', 'stdio',
        '-kernel', str(kernel.file), '-initrd', str(archive),
        '-append', ARGUMENTS,
        '-drive', f'file={disk},format=raw,if=virtio',
        stdin='', seconds=SECONDS,
    )  # fmt: skip
