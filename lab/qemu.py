# SPDX-License-Identifier: Apache-2.0
"""QEMU as a node: the distribution's stock kernel on an emulated computer."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from lab import tools
from lab.machine import Machine
from lab.spec import CHECKOUT, HOST

_KERNEL_ARGUMENTS = (
    "console=ttyS0 quiet panic=-1 mitigations=off nokaslr tsc=reliable"
)


@dataclasses.dataclass(frozen=True)
class Qemu:
    """The kernel, initramfs and accelerator of a cluster's QEMU machines."""

    kernel: Path
    initramfs: Path
    accelerator: tuple[str, ...]

    def start(self, machine: Machine) -> None:
        """Start a machine in the background; raise ToolFailed on failure."""
        command = machine.network.enter(self.command(machine))
        tools.run(command, cwd=machine.folder)

    def command(self, machine: Machine) -> list[str]:
        """Return QEMU's command line; the cluster's mark is in -name."""
        spec = machine.spec
        words = f"{_KERNEL_ARGUMENTS} lab.node={spec.name}"
        return [
            *("qemu-system-x86_64", "-name", machine.mark, "-daemonize"),
            *("-machine", "q35", *self.accelerator),
            *("-m", str(spec.memory), "-smp", _processors(spec.cpus)),
            *("-nodefaults", "-no-reboot", "-display", "none"),
            *("-kernel", str(self.kernel), "-initrd", str(self.initramfs)),
            *("-append", words),
            *_console(),
            *_folders(machine),
            *_disk(),
            *_wire(machine),
        ]


def _processors(count: int) -> str:
    """Return ``-smp``'s value, with room for two CPUs at least.

    With room for one only, memory barriers of the guest have no effect.

    TCG leaves them out for a single processor (QEMU's mttcg_start_vcpu_thread:
    CF_PARALLEL only if max_cpus > 1), but its network card works in another
    thread: a notice was lost, and a node stood without network for good
    (``NETDEV WATCHDOG ... transmit queue 0 timed out``).
    """
    return f"{count},maxcpus={max(count, 2)}"


def _console() -> tuple[str, ...]:
    return (
        *("-chardev", "file,id=tty,path=console.log,append=on"),
        *("-serial", "chardev:tty"),
        *("-chardev", "socket,id=bell,path=bell.sock,server=on,wait=off"),
        *("-serial", "chardev:bell"),
    )


def _folders(machine: Machine) -> tuple[str, ...]:
    root = machine.spec.root
    folders = [
        *_folder(root, "hostroot", "readonly=on"),
        *_folder(machine.share, "share"),
    ]
    if root != HOST:
        folders += _folder(CHECKOUT, "checkout", "readonly=on")
    return tuple(folders)


def _folder(path: Path | str, tag: str, *more: str) -> tuple[str, str]:
    words = (
        *("local", "security_model=none", "multidevs=remap"),
        "path=" + str(path).replace(",", ",,"),
        *(f"mount_tag={tag}", *more),
    )
    return "-virtfs", ",".join(words)


def _disk() -> tuple[str, ...]:
    # cache=unsafe: what the guest flushed is in the host's page cache,
    # which a killed QEMU leaves whole; no need to wait for real disks.
    drive = "id=disk,if=none,format=raw,cache=unsafe,discard=unmap"
    return (
        *("-drive", f"file=disk.raw,{drive}"),
        *("-device", "virtio-blk-pci,drive=disk"),
    )


def _wire(machine: Machine) -> tuple[str, ...]:
    net = f"tap,id=net,ifname={machine.tap},script=no,downscript=no"
    mac = machine.hardware_address
    card = f"virtio-net-pci,netdev=net,mac={mac},romfile="
    return ("-netdev", net, "-device", card)
