# SPDX-License-Identifier: Apache-2.0
"""Cinder in one process: its own fixtures, and agents of ours.

Runs in Cinder's environment, not in ours.  The volume manager, its flows, the
API and the database are the real ones, the RPC between them calls within the
process; Glance is a double.  The agents are behind their doors in the
process that started this one (compute_agents.py).
"""

# isort: off
# First: it settles whether Cinder runs on threads.
import cinder.tests.unit

# isort: on
import contextlib
import hashlib
import os
import pathlib
import subprocess
import time
import uuid

import cinder.privsep
import fixtures
from cinder import context, exception, objects
from cinder.db import api as db_api
from cinder.message import message_field
from cinder.scheduler import host_manager
from cinder.scheduler.filters import capacity_filter
from cinder.tests.unit import test
from cinder.tests.unit import utils as cinder_utils
from cinder.volume import api as volume_api
from cinder.volume import configuration, manager

import virtmanclient.cinder.driver
from virtmanclient.agent import Agent

SOCKETS = pathlib.Path(os.environ["VIRTMAN_TEST_SOCKETS"])
HOST = "image1@virtman"
ADDRESSES = {"compute1": "127.0.0.2", "compute2": "127.0.0.3"}
CONTENT = b"what is in the image" * 4096


class Control(Agent):
    """Asks the door that steers the agents."""

    def __getattr__(self, verb):
        return lambda **arguments: self._call(verb, **arguments)


class Glance:
    """Images of a user: what Cinder asks of Glance, and a count of it."""

    def __init__(self):
        self.images = {}
        self.content = {}
        self.downloads = 0
        self.uploaded = {}
        self.pause = 0.0

    def add(self, content=CONTENT, **facts):
        image = str(uuid.uuid4())
        self.content[image] = content
        self.images[image] = {
            "id": image,
            "name": "an image",
            "status": "active",
            "disk_format": "raw",
            "container_format": "bare",
            "size": len(content),
            "min_disk": 0,
            "min_ram": 0,
            "virtual_size": None,
            "os_hash_algo": "sha512",
            "os_hash_value": hashlib.sha512(content).hexdigest(),
            "properties": {},
        } | facts
        return image

    def show(self, context, image, include_locations=False):
        return self.images[image]

    def get_location(self, context, image):
        """Return what a member sees: nothing."""
        return None, []

    def download(self, context, image, data=None):
        self.downloads += 1
        time.sleep(self.pause)
        data.write(self.content[image])

    def update(self, context, image, meta, data=None, **more):
        self.uploaded[image] = data.read()


class Cloud(test.TestCase):
    """A story told of one backend and two compute hosts."""

    MOCK_TOOZ = False
    COW = "host"
    """What the volumes' type says of their writes; None: nothing."""

    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.agents = Control(str(SOCKETS / "control.sock"), 20)
        self.configure(virtman_agent_port=self.agents.fresh())
        # Where Cinder asks its root helper, this process does it.
        cinder.privsep.sys_admin_pctxt.set_client_mode(False)
        self.addCleanup(cinder.privsep.sys_admin_pctxt.set_client_mode, True)
        self.glance = Glance()
        self.patch(
            "cinder.image.glance.get_default_image_service",
            return_value=self.glance,
        )
        flow = "cinder.volume.flows.manager.create_volume"
        for module in ("cinder.image.glance", f"{flow}.glance"):
            self.patch(
                f"{module}.get_remote_image_service",
                side_effect=lambda context, image: (self.glance, image),
            )
        self.context = context.get_admin_context()
        self.context.user_id = str(uuid.uuid4())
        self.context.project_id = uuid.uuid4().hex
        self.api = volume_api.API()
        # Nova's calls: they have its service's token.
        self.patch(
            "cinder.volume.api.API.is_service_request", return_value=True
        )
        if self.COW:
            self.ask_for(self.COW)
        self.begin()

    def ask_for(self, cow):
        """Have the volumes' type say where writes go."""
        db_api.volume_type_extra_specs_update_or_create(
            self.context, self.vt["id"], {"virtman:cow": cow}
        )

    def taken(self, **specs):
        """Tell whether Cinder's scheduler takes a volume of 1 GiB here.

        :param specs: extra ones of the volume's type
        """
        self.manager.publish_service_capabilities(self.context)
        # The scheduler notes when it was told.
        told = self.manager.last_capabilities | {"timestamp": None}
        state = host_manager.BackendState(HOST, None)
        state.update_from_volume_capability(told, service={})
        [pool] = state.pools.values()
        wanted = {"size": 1, "volume_type": {"extra_specs": specs}}
        return capacity_filter.CapacityFilter().backend_passes(pool, wanted)

    def configure(self, **more):
        """Write the backend's options."""
        options = {
            "volume_driver": "virtmanclient.cinder.VirtmanDriver",
            "volume_backend_name": "virtman",
            "virtman_image_server": f"unix://{SOCKETS}/images.sock",
            "virtman_image_dir": str(self.folder / "images"),
            "virtman_agent_networks": ["127.0.0.0/24"],
            "virtman_agent_token_file": str(SOCKETS / "secret"),
            "virtman_agent_timeout": 10.0,
            "virtman_state_dir": str(self.folder / "state"),
        } | more
        for name, value in options.items():
            self.flags(group=configuration.SHARED_CONF_GROUP, **{name: value})

    def begin(self):
        """Start cinder-volume, as after a restart."""
        self.manager = manager.VolumeManager(host=HOST)
        self.manager.init_host(added_to_cluster=False, service_id=1)
        self.driver = self.manager.driver
        # Within a story casts are calls of the manager.
        self.patch(
            "cinder.volume.rpcapi.VolumeAPI._get_cctxt",
            return_value=Direct(self.manager, self.noted),
        )

    @property
    def images(self):
        """The folder of RAW files."""
        return self.folder / "images"

    def files(self):
        return sorted(file.name for file in self.images.iterdir())

    def exported(self):
        return self.agents.files()

    def make(self, image=None, size=1, **more):
        """Have the manager make a volume; return it as it is then."""
        volume = cinder_utils.create_volume(
            self.context, host=f'{HOST}#virtman', status='creating',
            size=size, volume_type_id=self.vt['id'], **more,
        )  # fmt: skip
        request = objects.RequestSpec(
            image_id=image, volume_properties=objects.VolumeProperties()
        )
        with self.noted():
            self.manager.create_volume(
                self.context, volume, request, {}, allow_reschedule=False
            )
        return self.again(volume)

    @contextlib.contextmanager
    def noted(self):
        """Keep what a call raised; where it was a cast nobody sees it."""
        self.trouble = ""
        try:
            yield
        except Exception as error:
            self.trouble = str(error)

    def again(self, entry):
        """Return a volume or snapshot as the database has it now."""
        return type(entry).get_by_id(self.context, entry.id)

    def messages(self, volume):
        """Return the reasons that the owner of a volume is told."""
        told = db_api.message_get_all(
            self.context, filters={"resource_uuid": volume.id}
        )
        return [
            message_field.translate_detail(one["detail_id"]) for one in told
        ]

    def gone(self, entry):
        try:
            self.again(entry)
        except (exception.VolumeNotFound, exception.SnapshotNotFound):
            return True
        return False

    def attach(self, volume, host="compute1", boot=True, **connector):
        """Do as Nova does at a launch; return the attachment."""
        made = self.reserve(volume)
        try:
            self.connect(made, host, **connector)
        except Exception:
            self.detach(made)
            raise
        self.complete(made)
        if boot:
            self.agents.boot(host=host, volume=volume.id)
        return made

    def reserve(self, volume):
        return self.api.attachment_create(
            self.context, self.again(volume), str(uuid.uuid4())
        )

    def complete(self, attachment):
        """Do as the API does; the driver is not told."""
        made = self.again(attachment)
        made.attach_status = "attached"
        made.save()
        volume = objects.Volume.get_by_id(self.context, made.volume_id)
        volume.update({"status": "in-use", "attach_status": "attached"})
        volume.save()

    def connect(self, attachment, host, **connector):
        """Complete an attachment with a connector of a host."""
        told = {
            "host": host,
            "ip": ADDRESSES.get(host, "127.0.0.9"),
            "initiator": f"iqn.1993-08.org.debian:{host}",
            "platform": "x86_64",
            "os_type": "linux",
            "multipath": False,
            "mountpoint": "/dev/vda",
        } | connector
        return self.api.attachment_update(self.context, attachment, told)

    def told(self, attachment):
        """Return the connection_info that a user may read."""
        return self.again(attachment).connection_info

    def release(self, attachment, host="compute1"):
        """Do as Nova does when a server stops for good or is deleted."""
        self.agents.rest(host=host, volume=attachment.volume_id)
        self.detach(attachment)

    def detach(self, attachment):
        self.api.attachment_delete(self.context, self.again(attachment))

    def delete(self, volume):
        """Delete by the API, as a user does."""
        self.api.delete(self.context, self.again(volume))

    def record(self, volume):
        return virtmanclient.cinder.volume_record.of(self.again(volume))


class Direct:
    """A client of RPC that calls the manager."""

    def __init__(self, served, noted):
        self._manager, self._noted = served, noted

    def call(self, context, method, **arguments):
        return getattr(self._manager, method)(context, **arguments)

    def cast(self, context, method, **arguments):
        with self._noted():
            self.call(context, method, **arguments)

    def can_send_version(self, version):
        return True


def qcow2(folder, content=CONTENT, size=0, backing=None):
    """Return an image as QCOW2.

    :param size: of the disk in bytes, if it is more than the content's.
    :param backing: a RAW file below it.
    """
    raw, made = folder / "a.raw", folder / "a.qcow2"
    raw.write_bytes(content)
    os.truncate(raw, max(size, len(content)))
    below = ["-B", backing, "-F", "raw"] if backing else []
    subprocess.run(
        ["qemu-img", "convert", "-O", "qcow2", *below, raw, made], check=True
    )
    return made.read_bytes()
