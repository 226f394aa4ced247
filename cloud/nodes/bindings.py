# SPDX-License-Identifier: Apache-2.0
"""Puts Debian's libvirt binding for Python into Nova's environment.

PyPI has it as source only, which needs libvirt's headers; Debian's is built
for the very library that libvirtd is of.
"""

from __future__ import annotations

from pathlib import Path

from cloud.errors import CloudError

_DEBIAN = Path("/usr/lib/python3/dist-packages")


def link(venv: Path) -> None:
    """Link the binding into an environment, unless it is there.

    :raises CloudError: it is not installed, or is for another Python.
    """
    files = [*_DEBIAN.glob("libvirt*.py"), *_DEBIAN.glob("libvirtmod*.so")]
    if not files:
        raise CloudError(
            "there is no libvirt binding for Python; as root: "
            "tools/system-packages openstack"
        )
    (packages,) = venv.glob("lib/python3*/site-packages")
    for file in files:
        here = packages / file.name
        if not here.exists():
            here.symlink_to(file)
