# SPDX-License-Identifier: Apache-2.0
"""The options of a node's services, beside those that all services share."""

from __future__ import annotations

from typing import Any

from cloud.plan import HOST, Plan
from demo.site import DOOR_KEY
from lab.node import Node

Sections = dict[str, dict[str, Any]]
STATE = "/var/lib/virtman"
"""The node's disk (lab), whose files outlive a power cut."""
IMAGES = f"{STATE}/cinder"
STORES = f"{STATE}/stores"
_NETWORK = f"{HOST.rpartition('.')[0]}.0/24"


def compute(plan: Plan, node: Node, file: str) -> Sections:
    """Return the options of nova-compute.

    :param file: this configuration, in the node.
    """
    elevated = _elevated(plan, "nova", file)
    return {
        "DEFAULT": {
            "host": node.name,
            "my_ip": node.address,
            "state_path": f"{STATE}/nova",
            "instances_path": f"{STATE}/nova/instances",
            "compute_driver": "virtman.VirtmanLibvirtDriver",
            "resume_guests_state_on_host_boot": True,
            # A node that has lost its power comes back under the same name.
            "graceful_shutdown_timeout": 5,
            "manager_shutdown_timeout": 0,
        },
        "libvirt": {"virt_type": "qemu", "cpu_mode": "none"},
        "vnc": {"enabled": False},
        "privsep_osbrick": elevated,
        "nova_sys_admin": elevated,
        "workarounds": {"disable_rootwrap": True},
        "oslo_concurrency": {"lock_path": f"{STATE}/nova/lock"},
    }


def volume(plan: Plan, node: Node, file: str) -> Sections:
    """Return cinder-volume's configuration, for the image server."""
    return {
        "DEFAULT": {
            "host": node.name,
            "my_ip": node.address,
            "state_path": f"{STATE}/cinder-state",
        },
        "virtman": {
            "volume_driver": "virtmanclient.cinder.VirtmanDriver",
            "volume_backend_name": "virtman",
            "virtman_image_dir": IMAGES,
            "virtman_agent_networks": _NETWORK,
            "virtman_agent_token_file": DOOR_KEY,
            # An image that nothing needs goes while the story lasts.
            "virtman_image_idle": 60,
        },
        "cinder_sys_admin": _elevated(plan, "cinder", file),
        "oslo_concurrency": {"lock_path": f"{STATE}/cinder-state/lock"},
    }


def _elevated(plan: Plan, service: str, file: str) -> dict[str, Any]:
    """Return the options by which a root's service starts its helper."""
    helper = plan.program(service, "privsep-helper")
    files = (plan.conf(service) / f"{service}.conf", file)
    words = " ".join(f"--config-file {file}" for file in files)
    return {"helper_command": f"{helper} {words}"}
