# SPDX-License-Identifier: Apache-2.0
"""The sample VM, under a libvirt of its own, from the image of the demo.

A mount namespace hides this machine's libvirt: /run and /var are empty
there, so two daemons can run without meeting the others.
"""

import os
import pathlib
import shutil
import subprocess

import pytest

from demo import image

pytestmark = pytest.mark.lab

SAMPLE = pathlib.Path(__file__).parents[2] / "etc/virtman/vm.xml.sample"
PLACE = "/dev/mapper/snapshot_vm1"
# Each step must do what the tutorial shows; "sleep" waits for a condition.
SESSION = r"""
set -eu
mount --make-rprivate /
for folder in /run /var/lib/libvirt /var/cache/libvirt /var/log/libvirt; do
    mount -t tmpfs -o mode=755 none $folder
done
mkdir -p /run/lock /var/lib/libvirt/qemu
virtlogd >virtlogd.log 2>&1 & logger=$!
libvirtd >libvirtd.log 2>&1 & daemon=$!
trap 'virsh -q destroy vm1 || true; kill $daemon $logger; wait' EXIT
n=0
until virsh -q list >/dev/null 2>&1; do
    n=$((n + 1)); [ $n -lt 240 ]; sleep 0.25
done
virsh create --validate vm.xml
virsh list
virsh vncdisplay vm1
n=0
console=$(virsh ttyconsole vm1)
timeout 240 grep -m 1 VMTHUNDER-GUEST- <$console
virsh destroy vm1
trap 'kill $daemon $logger; wait' EXIT
virsh -q list --all | grep vm1 && exit 1
echo gone
"""


@pytest.fixture
def disk(tmp_path):
    """Return a block device that holds the image, as a node would."""
    if os.geteuid() or not shutil.which("libvirtd", path="/usr/sbin"):
        pytest.skip("needs root and libvirt-daemon-system")
    path = tmp_path / "vm.raw"
    image.build(path, progress=print)
    attach = ["losetup", "--find", "--show", str(path)]
    found = subprocess.run(attach, capture_output=True, text=True, timeout=30)
    if found.returncode:
        pytest.skip(f"this machine has no loop device: {found.stderr}")
    device = found.stdout.strip()
    yield device
    subprocess.run(["losetup", "--detach", device], check=True, timeout=30)


def test_virsh_creates_lists_shows_and_destroys_the_sample(disk, tmp_path):
    text = SAMPLE.read_text()
    assert text.count(PLACE) == 1
    (tmp_path / "vm.xml").write_text(text.replace(PLACE, disk))
    done = subprocess.run(
        ["unshare", "--mount", "bash", "-c", SESSION],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=400,
    )
    said = done.stdout
    assert done.returncode == 0, said + done.stderr
    assert "Domain 'vm1' created" in said
    assert "running" in said
    assert "127.0.0.1:1\n" in said
    assert "VMTHUNDER-GUEST-UP" in said
    assert "Domain 'vm1' destroyed" in said
    assert said.endswith("gone\n")
