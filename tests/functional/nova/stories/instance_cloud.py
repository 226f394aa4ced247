# SPDX-License-Identifier: Apache-2.0
"""A cloud in one process: Nova's own fixtures, and agents of ours.

Runs in Nova's environment, not in ours.  libvirt, Cinder, Glance and Neutron
are Nova's doubles; api, conductor, scheduler, compute and the libvirt driver
are the real ones.  Each compute node has an agent behind its own socket, in
the process that started this one (recording_agents.py).
"""

# isort: off
# First: it settles that Nova runs on threads, before anything else of it.
import nova.tests.functional  # noqa: F401

# isort: on
import copy
import os
import pathlib
import sys
import time
import xml.etree.ElementTree as ElementTree

import fixtures
from nova.conf import CONF
from nova.tests.fixtures import cinder
from nova.tests.functional.api.client import OpenStackApiException
from nova.tests.functional.libvirt import base
from nova.virt.libvirt import host as libvirt_host

from virtmanclient.agent import Agent
from virtmanclient.nova import options

SOCKETS = os.environ["VIRTMAN_TEST_SOCKETS"]
VOLUME = "11111111-2222-4333-8444-555555555555"
SECOND = "22222222-2222-4333-8444-555555555555"
STORE = "/dev/disk/by-path/ip-10.0.0.9:3260-iscsi-iqn.2010-10.org.x:cow-lun-1"
CONNECTION = {
    "target_portal": "10.0.0.9:3260",
    "target_iqn": "iqn.2010-10.org.openstack:volume-cafe",
    "target_lun": 1,
}
SERVED = {
    "target_portal": "10.0.0.9:3260",
    "target_iqn": f"iqn.2010-10.org.openstack:cow-{VOLUME}",
    "target_lun": 1,
}
DATA = {
    "access_mode": "rw",
    "encrypted": False,
    "qos_specs": None,
    "image_name": "volume-cafe",
    "image_connections": [CONNECTION],
}


class Control(Agent):
    """Asks the door that steers the agents."""

    def __getattr__(self, verb):
        return lambda **arguments: self._call(verb, **arguments)


class Cloud(base.ServersTestBase):
    """A story told of one or two compute nodes."""

    microversion = "latest"
    ADMIN_API = True

    def setUp(self):
        # Where the wheel puts it; Nova's own tests have it in the tree.
        paste = pathlib.Path(sys.prefix, "etc/nova/api-paste.ini")
        self.flags(api_paste_config=str(paste), group="wsgi")
        options.agent_of(CONF)
        self.agents = Control(self.socket("control"), 10)
        self.agents.fresh()
        self.said = {name: self.info() for name in (VOLUME, SECOND, "fake")}
        self.useFixture(
            fixtures.MockPatchObject(
                cinder.CinderFixture, "VOLUME_CONNECTION_INFO", self.said
            )
        )
        self.xml = []
        self._record_xml()
        super().setUp()

    @staticmethod
    def socket(name):
        return f"{SOCKETS}/{name}.sock"

    @staticmethod
    def info(**changes):
        """Return what Cinder says of a volume of ours."""
        data = copy.deepcopy(DATA) | changes
        return {"driver_volume_type": "virtman", "data": data}

    def say(self, volume=VOLUME, **changes):
        """Have Cinder say something else of a volume."""
        self.said[volume] = self.info(**changes)

    def _setup_compute_service(self):
        self.flags(compute_driver="virtman.VirtmanLibvirtDriver")

    def start(self, *hosts):
        """Start nova-compute on hosts, each with its own agent."""
        for host in hosts or ("compute1",):
            self.flags(agent_socket=self.socket(host), group="virtman")
            self.start_compute(host)
            # They are one host to Nova's my_ip.
            driver = self.computes[host].driver
            driver.get_host_ip_addr = lambda host=host: f"{host}.example"

    def _record_xml(self):
        write = libvirt_host.Host.write_instance_config

        def record(host, xml):
            self.xml.append(xml)
            return write(host, xml)

        self.useFixture(
            fixtures.MockPatchObject(
                libvirt_host.Host, "write_instance_config", record
            )
        )

    def boot(self, volume=VOLUME, state="ACTIVE", **more):
        """Boot a server from a volume."""
        server = self._build_server(networks="none")
        server.pop("imageRef", None)
        server["block_device_mapping_v2"] = [
            {
                "boot_index": 0,
                "uuid": volume,
                "source_type": "volume",
                "destination_type": "volume",
            }
        ]
        server = self.api.post_server({"server": server | more})
        return self._wait_for_state_change(server, state)

    def verbs(self, host="compute1"):
        """Return what an agent was asked since this was asked last."""
        return [
            (verb, given["instance"])
            for verb, given in self.agents.calls(host=host)
        ]

    def disks(self, xml=None):
        """Return the disks of a guest, of the last one unless told."""
        return ElementTree.fromstring(xml or self.xml[-1]).findall(
            "./devices/disk"
        )

    def device(self, disk):
        return disk.find("source").get("dev")

    def where(self, server):
        return self.api.get_server(server["id"])["OS-EXT-SRV-ATTR:host"]

    def fault(self, server):
        return self.api.get_server(server["id"])["fault"]["message"]

    def told(self, server):
        """Return what the events of a server's actions say went wrong."""
        actions = self.api.get_instance_actions(server["id"])
        shown = [
            self.api.get_instance_action_details(
                server["id"], action["request_id"]
            )
            for action in actions
        ]
        events = [event for one in shown for event in one["events"]]
        return " ".join(str(event.get("details")) for event in events)

    def until(self, condition):
        """Wait for what Nova does by itself."""
        deadline = time.monotonic() + 120
        while not condition():
            self.assertLess(time.monotonic(), deadline, "it never came")
            time.sleep(0.2)

    def refused(self, call, *words, **more):
        """Make a call that fails; casts are calls in Nova's fixtures."""
        self.assertRaises(OpenStackApiException, call, *words, **more)

    def ready_to_move(self, server):
        """Let a cold migration reach its destination without ssh."""
        pathlib.Path(CONF.instances_path, server["id"]).mkdir()
        remote = "nova.virt.libvirt.volume.remotefs.RemoteFilesystem"
        for name in ("create_dir", "create_file", "remove_file"):
            self.useFixture(fixtures.MockPatch(f"{remote}.{name}"))
        self.useFixture(
            fixtures.MockPatch(
                "nova.virt.libvirt.driver.LibvirtDriver._is_path_shared_with",
                return_value=True,
            )
        )


def path(volume=VOLUME):
    return f"/dev/mapper/snapshot_{volume}"
