# SPDX-License-Identifier: Apache-2.0
"""A volume's life, in the order in which Cinder calls the driver."""

import json
import os

from cinder import objects
from cinder.tests.unit import utils as cinder_utils
from volume_cloud import CONTENT, Cloud, qcow2

GIB = 1 << 30


class Life(Cloud):
    def test_a_volume_of_an_image_is_the_image_exported_and_a_note(self):
        image = self.glance.add()
        volume = self.make(image)
        self.assertEqual(("available", True), (volume.status, volume.bootable))
        key = f"{image}-1"
        self.assertEqual({f"volume-{key}"}, set(self.exported()))
        file = self.images / f"{key}.raw"
        self.assertEqual(str(file), self.exported()[f"volume-{key}"])
        self.assertEqual(GIB, file.stat().st_size)
        self.assertEqual(0o644, file.stat().st_mode & 0o777)
        self.assertLess(file.stat().st_blocks * 512, 1 << 20)
        with file.open("rb") as opened:
            self.assertEqual(CONTENT, opened.read(len(CONTENT)))
        self.assertEqual([f"{key}.raw", f"{key}.used"], self.files())
        self.assertEqual([], self.agents.calls(host="compute1"))

    def test_the_next_volume_of_it_costs_nothing(self):
        image = self.glance.add()
        self.make(image)
        self.agents.image_calls()
        self.assertEqual("available", self.make(image).status)
        self.assertEqual(1, self.glance.downloads)
        self.assertEqual(["targets"], self.agents.image_calls())

    def test_a_larger_volume_has_a_disk_as_large(self):
        image = self.glance.add()
        self.make(image)
        volume = self.make(image, size=3)
        self.assertEqual(f"{image}-3", self.record(volume).image)
        file = self.images / f"{image}-3.raw"
        self.assertEqual(3 * GIB, file.stat().st_size)

    def test_a_qcow2_image_is_converted(self):
        content = qcow2(self.folder)
        image = self.glance.add(content, disk_format="qcow2")
        volume = self.make(image)
        self.assertEqual("available", volume.status)
        with (self.images / f"{image}-1.raw").open("rb") as opened:
            self.assertEqual(CONTENT, opened.read(len(CONTENT)))
        self.assertEqual([f"{image}-1.raw", f"{image}-1.used"], self.files())

    def test_a_host_is_told_ids_and_nothing_else(self):
        volume = self.make(self.glance.add())
        told = self.told(self.attach(volume))
        wanted = {
            "driver_volume_type": "virtman",
            "volume_id": volume.id,
            "image_name": f"volume-{self.record(volume).image}",
            "cow_host": "compute1",
            "cow_kept": False,
        }
        self.assertEqual(wanted, {key: told[key] for key in wanted})
        self.assertEqual(
            # What Cinder adds by itself.
            {
                'access_mode', 'attachment_id', 'cacheable', 'encrypted',
                'enforce_multipath', 'qos_specs',
            },
            set(told) - set(wanted),
        )  # fmt: skip
        for secret in ("portal", "iqn", "auth", "127.0.0", "secret"):
            self.assertNotIn(secret, json.dumps(told))

    def test_a_launch_and_a_delete_leave_nothing(self):
        volume = self.make(self.glance.add())
        attachment = self.attach(volume)
        self.release(attachment)
        self.assertEqual("available", self.again(volume).status)
        self.assertTrue(self.record(volume).kept)
        self.agents.calls(host="compute1")
        self.delete(volume)
        self.assertTrue(self.gone(volume))
        self.assertEqual({}, self.agents.disks(host="compute1"))
        self.assertEqual(
            [f"destroy {volume.id}"], self.agents.calls(host="compute1")
        )
        self.assertEqual([], self.agents.calls(host="compute2"))

    def test_a_server_that_was_shelved_comes_back_on_its_host(self):
        volume = self.make(self.glance.add())
        attachment = self.attach(volume)
        self.release(attachment)
        told = self.told(self.attach(volume))
        self.assertEqual(
            ("compute1", True), (told["cow_host"], told["cow_kept"])
        )

    def test_a_boot_that_failed_before_its_disk_was_made_may_go_elsewhere(
        self,
    ):
        volume = self.make(self.glance.add())
        attachment = self.attach(volume, boot=False)
        self.detach(attachment)
        self.assertIsNone(self.record(volume).host)
        told = self.told(self.attach(volume, "compute2"))
        self.assertEqual(
            ("compute2", False), (told["cow_host"], told["cow_kept"])
        )

    def test_a_restart_of_cinder_volume_asks_for_room_and_loses_nothing(self):
        volume = self.make(self.glance.add())
        self.attach(volume)
        self.agents.image_calls()
        self.agents.calls(host="compute1")
        self.begin()
        self.assertEqual("in-use", self.again(volume).status)
        self.assertEqual({"room"}, set(self.agents.image_calls()))
        self.assertEqual([], self.agents.calls(host="compute1"))

    def test_what_a_restart_finds_half_done_is_removed(self):
        image = self.glance.add()
        for name in (f"{image}-1.part", f"{image}-1.glance", "mine.part"):
            (self.images / name).write_bytes(b"x")
        self.begin()
        self.assertEqual(["mine.part"], self.files())

    def test_a_clone_of_what_no_server_had_is_a_volume_of_its_image(self):
        source = self.make(self.glance.add())
        clone = self.make(source_volid=source.id, size=2)
        self.assertEqual("available", clone.status)
        image = self.record(source).image.removesuffix("-1")
        self.assertEqual(f"{image}-2", self.record(clone).image)
        with (self.images / f"{image}-2.raw").open("rb") as opened:
            self.assertEqual(CONTENT, opened.read(len(CONTENT)))
        self.assertEqual(1, self.glance.downloads)

    def test_a_snapshot_of_what_no_server_had_makes_volumes(self):
        source = self.make(self.glance.add())
        snapshot = self.snapshot(source)
        self.assertEqual("available", snapshot.status)
        volume = self.make(snapshot_id=snapshot.id)
        self.assertEqual("available", volume.status)
        self.assertEqual(self.record(source), self.record(volume))
        self.manager.delete_snapshot(self.context, snapshot)
        self.assertTrue(self.gone(snapshot))

    def test_what_no_server_had_can_be_extended(self):
        volume = self.make(self.glance.add())
        self.manager.extend_volume(self.context, volume, 4, reservations=[])
        volume = self.again(volume)
        self.assertEqual(("available", 4), (volume.status, volume.size))
        key = self.record(volume).image
        self.assertEqual(4 * GIB, (self.images / f"{key}.raw").stat().st_size)
        told = self.told(self.attach(volume))
        self.assertEqual(f"volume-{key}", told["image_name"])

    def test_what_no_server_had_can_be_uploaded(self):
        volume = self.make(self.glance.add())
        made = self.glance.add(b"", size=0)
        self.manager.copy_volume_to_image(
            self.context, volume.id, self.glance.images[made]
        )
        content = self.glance.uploaded[made]
        self.assertEqual(
            (GIB, CONTENT), (len(content), content[: len(CONTENT)])
        )

    def test_a_rebuild_begins_anew_on_another_image(self):
        volume = self.make(self.glance.add())
        attachment = self.attach(volume)
        self.release(attachment)
        other = self.glance.add(b"another image")
        volume = self.again(volume)
        volume.previous_status, volume.status = "available", "downloading"
        volume.save()
        self.manager.reimage(self.context, volume, self.glance.images[other])
        self.assertEqual("available", self.again(volume).status)
        self.assertEqual(f"{other}-1", self.record(volume).image)
        self.assertIsNone(self.record(volume).host)
        self.assertEqual({}, self.agents.disks(host="compute1"))

    def test_the_scheduler_is_told_what_there_is(self):
        self.make(self.glance.add())
        stats = self.driver.get_volume_stats(refresh=True)
        self.assertEqual("virtman", stats["volume_backend_name"])
        [pool] = stats["pools"]
        self.assertGreater(pool["total_capacity_gb"], 0)
        self.assertGreaterEqual(
            pool["total_capacity_gb"], pool["free_capacity_gb"]
        )
        self.assertEqual(1.0, pool["provisioned_capacity_gb"])
        self.assertIs(False, pool["multiattach"])

    def test_an_image_that_nobody_needs_goes_when_it_was_idle_for_long(self):
        self.configure(virtman_image_idle=3600)
        self.begin()
        wanted = self.make(self.glance.add())
        noted = self.make(self.glance.add())
        self.snapshot(noted)
        read = self.make(self.glance.add())
        lost = self.make(self.glance.add())
        for volume in (read, lost):
            self.delete(volume)
        keys = {
            one.id: json.loads(one.provider_location)["image"]
            for one in (wanted, noted, read, lost)
        }
        self.agents.reads(image=f"volume-{keys[read.id]}")
        self.age()
        self.driver.get_volume_stats(refresh=True)
        kept = {keys[one.id] for one in (wanted, noted, read)}
        self.assertEqual(
            sorted(
                f"{key}.{kind}" for key in kept for kind in ("raw", "used")
            ),
            self.files(),
        )
        self.assertEqual(
            {f"volume-{key}" for key in kept}, set(self.exported())
        )

    def age(self):
        """Let all images have been asked for last long ago."""
        for file in self.images.glob("*.used"):
            os.utime(file, (0, 0))

    def snapshot(self, volume):
        made = cinder_utils.create_snapshot(self.context, volume.id)
        with self.noted():
            self.manager.create_snapshot(
                self.context,
                objects.Snapshot.get_by_id(self.context, made.id),
            )
        return self.again(made)
