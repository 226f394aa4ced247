# SPDX-License-Identifier: Apache-2.0
"""The QEMU process of one node: its command line, its start and its end."""

import dataclasses
from pathlib import Path

from lab import processes, tools
from lab.errors import NodeDown, ToolFailed
from lab.network import Network
from lab.spec import NodeSpec

_KERNEL_ARGUMENTS = (
    "console=ttyS0 quiet panic=-1 mitigations=off nokaslr tsc=reliable"
)


@dataclasses.dataclass(frozen=True)
class Boot:
    """What every machine of a cluster starts from."""

    kernel: Path
    initramfs: Path
    accelerator: tuple[str, ...]


class Machine:
    """One QEMU; ``position`` from 1 makes its tap and hardware address."""

    def __init__(
        self,
        spec: NodeSpec,
        position: int,
        folder: Path,
        share: Path,
        network: Network,
    ) -> None:
        self.spec, self.position = spec, position
        self.folder, self.share, self.network = folder, share, network
        self.tap = f"tap{position}"
        self.mark = f"guest={network.namespace}.{spec.name}"
        self.disk = folder / "disk.raw"
        self.console = folder / "console.log"
        self._pid: int | None = None

    def prepare(self) -> None:
        """Make the disk, with an empty file system, and the tap."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.disk.open("wb") as file:
            file.truncate(self.spec.disk << 20)
        label = ["-L", "virtman", "-E", "lazy_itable_init=1,nodiscard"]
        tools.run(["mkfs.ext4", "-q", "-F", *label, str(self.disk)])
        self.network.add_tap(self.tap)

    def pid(self) -> int | None:
        """Return the number of the QEMU process; None without power."""
        if self._pid is None or not processes.carries(self._pid, self.mark):
            self._pid = next(iter(processes.find(self.mark)), None)
        return self._pid

    @property
    def ready(self) -> Path:
        """Return the file that the node makes when it is up."""
        return self.share / ".lab" / "ready" / self.spec.name

    def start(self, boot: Boot) -> None:
        """Power on; raise NodeDown with QEMU's words if it refuses."""
        self.ready.unlink(missing_ok=True)
        try:
            tools.run(self.network.enter(self.command(boot)), cwd=self.folder)
        except ToolFailed as error:
            told = f"node {self.spec.name} does not start: {error.said}"
            raise NodeDown(told) from error

    def kill(self) -> None:
        """Cut the power: end QEMU at once and wait until it is gone."""
        processes.kill(self.mark)

    def command(self, boot: Boot) -> list[str]:
        """Return QEMU's command line; the cluster's mark is in -name."""
        spec = self.spec
        words = f"{_KERNEL_ARGUMENTS} lab.node={spec.name}"
        return [
            *("qemu-system-x86_64", "-name", self.mark, "-daemonize"),
            *("-machine", "q35", *boot.accelerator),
            *("-m", str(spec.memory), "-smp", str(spec.cpus)),
            *("-nodefaults", "-no-reboot", "-display", "none"),
            *("-kernel", str(boot.kernel), "-initrd", str(boot.initramfs)),
            *("-append", words),
            *self._console(),
            *self._folders(),
            *self._disk(),
            *self._wire(),
        ]

    def _console(self) -> tuple[str, ...]:
        return (
            *("-chardev", "file,id=tty,path=console.log,append=on"),
            *("-serial", "chardev:tty"),
            *("-chardev", "socket,id=bell,path=bell.sock,server=on,wait=off"),
            *("-serial", "chardev:bell"),
        )

    def _folders(self) -> tuple[str, ...]:
        common = "local,security_model=none,multidevs=remap"
        share = str(self.share).replace(",", ",,")
        return (
            *("-virtfs", f"{common},path=/,mount_tag=hostroot,readonly=on"),
            *("-virtfs", f"{common},path={share},mount_tag=share"),
        )

    def _disk(self) -> tuple[str, ...]:
        # cache=unsafe: what the guest flushed is in the host's page cache,
        # which a killed QEMU leaves whole; no need to wait for real disks.
        drive = "id=disk,if=none,format=raw,cache=unsafe,discard=unmap"
        return (
            *("-drive", f"file=disk.raw,{drive}"),
            *("-device", "virtio-blk-pci,drive=disk"),
        )

    def _wire(self) -> tuple[str, ...]:
        net = f"tap,id=net,ifname={self.tap},script=no,downscript=no"
        mac = f"52:54:00:77:00:{self.position:02x}"
        card = f"virtio-net-pci,netdev=net,mac={mac},romfile="
        return ("-netdev", net, "-device", card)

    def console_tail(self, lines: int = 30) -> str:
        """Return the last lines the node printed on its console."""
        if not self.console.exists():
            return ""
        text = self.console.read_bytes().decode(errors="replace")
        return "\n".join(text.splitlines()[-lines:])
