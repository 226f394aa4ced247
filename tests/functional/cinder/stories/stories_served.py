# SPDX-License-Identifier: Apache-2.0
"""Volumes whose writes are on the image server: not bound to a host."""

import json
import uuid

from cinder import exception, objects
from cinder.tests.unit import utils as cinder_utils
from volume_cloud import Cloud

ONE, TWO = (f"iqn.1993-08.org.debian:compute{n}" for n in (1, 2))


class Served(Cloud):
    """The default: the type says nothing of where writes go."""

    COW = None

    def used(self):
        """Return a volume that a server on compute1 had."""
        volume = self.make(self.glance.add())
        self.release(self.attach(volume))
        return self.again(volume)


class Life(Served):
    def test_a_host_is_told_where_to_write_and_no_secret(self):
        volume = self.make(self.glance.add())
        self.assertEqual({}, self.agents.stores_of())
        told = self.told(self.attach(volume))
        store = {
            "target_portal": "10.0.0.1:3260",
            "target_iqn": f"iqn.2010-10.org.openstack:cow-{volume.id}",
            "target_lun": 1,
        }
        self.assertEqual((True, store), (told["cow_shared"], told["store"]))
        self.assertEqual(
            ("compute1", False), (told["cow_host"], told["cow_kept"])
        )
        for secret in ("auth", "secret", "password", "127.0.0"):
            self.assertNotIn(secret, json.dumps(told))
        self.assertEqual({volume.id: ONE}, self.agents.stores_of())

    def test_it_goes_with_its_server_to_another_host(self):
        volume = self.used()
        self.agents.calls(host="compute1")
        attachment = self.attach(volume, "compute2")
        told = self.told(attachment)
        self.assertEqual(
            ("compute2", True), (told["cow_host"], told["cow_kept"])
        )
        self.assertEqual({volume.id: TWO}, self.agents.stores_of())
        # The first forgets it, what was written is not its any more.
        self.assertEqual(
            [f"destroy {volume.id}"], self.agents.calls(host="compute1")
        )
        self.assertEqual({}, self.agents.disks(host="compute1"))
        self.release(attachment, "compute2")
        told = self.told(self.attach(volume))
        self.assertEqual(
            ("compute1", True), (told["cow_host"], told["cow_kept"])
        )

    def test_what_was_written_goes_with_the_volume(self):
        volume = self.used()
        self.delete(volume)
        self.assertTrue(self.gone(volume))
        self.assertEqual({}, self.agents.stores_of())
        for host in ("compute1", "compute2"):
            self.assertEqual({}, self.agents.disks(host=host))

    def test_a_boot_that_failed_before_its_disk_was_made_leaves_an_image(self):
        volume = self.make(self.glance.add())
        self.detach(self.attach(volume, boot=False))
        self.assertTrue(self.record(volume).untouched)
        self.assertEqual({}, self.agents.stores_of())
        self.manager.extend_volume(
            self.context, self.again(volume), 4, reservations=[]
        )
        self.assertEqual("available", self.again(volume).status)
        self.assertTrue(self.record(volume).on_server)
        self.assertFalse(self.told(self.attach(volume))["cow_kept"])

    def test_a_rebuild_begins_anew_on_another_image(self):
        volume = self.used()
        other = self.glance.add(b"another image")
        volume.previous_status, volume.status = "available", "downloading"
        volume.save()
        self.manager.reimage(self.context, volume, self.glance.images[other])
        self.assertEqual({}, self.agents.stores_of())
        self.assertFalse(self.told(self.attach(volume))["cow_kept"])

    def test_a_volume_of_before_there_was_a_choice_stays_on_its_host(self):
        volume = self.make(self.glance.add())
        image = self.record(volume).image
        volume.provider_location = json.dumps(
            {
                "image": image,
                "host": "compute1",
                "address": "127.0.0.2",
                "kept": True,
            }
        )
        volume.save()
        self.agents.boot(host="compute1", volume=volume.id)
        self.agents.rest(host="compute1", volume=volume.id)
        told = self.told(self.attach(volume))
        self.assertNotIn("store", told)
        self.assertEqual({}, self.agents.stores_of())
        self.assertNotIn(
            "cow", json.loads(self.again(volume).provider_location)
        )

    def test_an_image_server_behind_a_network_is_asked_in_the_same_way(self):
        port = self.agents.serve_images()
        self.configure(virtman_image_server=f"http://127.0.0.4:{port}")
        self.begin()
        volume = self.used()
        self.assertEqual({volume.id: ONE}, self.agents.stores_of())
        self.attach(volume, "compute2")
        self.assertEqual({volume.id: TWO}, self.agents.stores_of())


class Room(Served):
    """What the scheduler is told when places fill up."""

    def pool(self):
        [pool] = self.driver.get_volume_stats(refresh=True)["pools"]
        return pool

    def test_the_place_that_is_full_first_is_told(self):
        self.agents.leave(total=100, free=0, provisioned=300)
        pool = self.pool()
        self.assertEqual(100.0, pool["total_capacity_gb"])
        self.assertEqual(0.0, pool["free_capacity_gb"])
        self.assertEqual(300.0, pool["provisioned_capacity_gb"])

    def test_it_is_told_by_a_server_behind_a_network_too(self):
        port = self.agents.serve_images()
        self.configure(virtman_image_server=f"http://127.0.0.4:{port}")
        self.begin()
        self.agents.leave(total=100, free=0, provisioned=300)
        self.assertEqual(100.0, self.pool()["total_capacity_gb"])

    def test_an_agent_that_cannot_be_asked_leaves_the_room_for_images(self):
        self.agents.leave(total=100, free=0, provisioned=300)
        self.agents.fail(what="room", message="a disk does not answer")
        self.assertNotEqual(100.0, self.pool()["total_capacity_gb"])
        self.assertEqual(100.0, self.pool()["total_capacity_gb"])

    def test_a_scheduler_counts_what_is_promised_and_for_thick_what_is_free(
        self,
    ):
        self.agents.leave(total=100, free=0, provisioned=1900)
        self.assertTrue(self.taken())
        self.assertFalse(self.taken(**{"provisioning:type": "thick"}))
        self.agents.leave(total=100, free=0, provisioned=2000)
        self.assertFalse(self.taken())


class Troubles(Served):
    """What is refused, and what is left of it."""

    def refused(self, volume, why, host="compute2", **connector):
        error = self.assertRaises(
            exception.CinderException, self.attach, volume, host, **connector
        )
        self.assertIn(why, str(error))

    def test_a_type_that_says_something_else_makes_no_volume(self):
        self.ask_for("everywhere")
        volume = self.make(self.glance.add())
        self.assertEqual("error", volume.status)
        self.assertIn("'everywhere'", self.trouble)
        self.assertEqual(0, self.glance.downloads)

    def test_a_second_host_is_refused_while_the_first_has_it(self):
        volume = self.make(self.glance.add())
        attachment = self.attach(volume)
        self.assertRaises(exception.InvalidVolume, self.attach, volume)
        # Detached, and the VM runs on: no agent was there.
        self.detach(attachment)
        self.refused(volume, "host compute1 uses it still")
        self.assertEqual({volume.id: ONE}, self.agents.stores_of())
        self.assertEqual("compute1", self.record(volume).host)

    def test_a_host_that_is_away_keeps_it_as_long_as_it_is_logged_in(self):
        volume = self.make(self.glance.add())
        attachment = self.attach(volume)
        self.agents.stop(host="compute1")
        self.detach(attachment)
        self.refused(volume, f"in use by {ONE}")
        self.agents.cut_off(volume=volume.id)
        told = self.told(self.attach(volume, "compute2"))
        self.assertTrue(told["cow_kept"])
        # It forgets the volume when it is back; the data is another's.
        self.agents.start(host="compute1")
        self.agents.shut(host="compute1", volume=volume.id)
        self.driver.get_volume_stats(refresh=True)
        self.assertEqual({}, self.agents.disks(host="compute1"))
        self.assertEqual({volume.id: True}, self.agents.disks(host="compute2"))
        self.assertEqual({volume.id: TWO}, self.agents.stores_of())

    def test_a_host_that_gets_it_back_is_not_asked_to_forget_it(self):
        volume = self.used()
        self.agents.stop(host="compute1")
        self.release(self.attach(volume, "compute2"), "compute2")
        self.agents.start(host="compute1")
        self.attach(volume)
        self.driver.get_volume_stats(refresh=True)
        self.assertEqual({volume.id: True}, self.agents.disks(host="compute1"))

    def test_what_the_image_server_has_lost_does_not_begin_anew(self):
        volume = self.used()
        self.agents.lose(volume=volume.id)
        for host in ("compute1", "compute2"):
            self.refused(volume, "is gone", host)
        self.assertEqual({}, self.agents.stores_of())

    def test_a_host_without_an_initiator_is_refused(self):
        volume = self.make(self.glance.add())
        attachment = self.reserve(volume)
        error = self.assertRaises(
            exception.CinderException,
            self.connect, attachment, 'compute1', initiator=None,
        )  # fmt: skip
        self.assertIn("initiator", str(error))
        self.assertEqual({}, self.agents.stores_of())

    def test_a_second_initiator_of_the_same_host_is_refused(self):
        volume = self.make(self.glance.add())
        self.attach(volume, boot=False)
        # As a user can: POST /v3/attachments, with a connector of his own.
        forged = objects.VolumeAttachment(
            context=self.context, volume_id=volume.id,
            instance_uuid=str(uuid.uuid4()), attach_status='reserved',
            attach_mode='null',
        )  # fmt: skip
        forged.create()
        told = {
            "host": "compute1",
            "ip": "127.0.0.2",
            "initiator": TWO,
            "mountpoint": "/dev/vdb",
        }
        error = self.assertRaises(
            exception.VolumeBackendAPIException,
            self.manager.attachment_update,
            self.context, self.again(volume), told, forged.id,
        )  # fmt: skip
        self.assertIn(f"by the initiator {ONE}", str(error))
        self.assertEqual({volume.id: ONE}, self.agents.stores_of())

    def test_an_image_server_that_fails_is_named_and_the_next_try_works(self):
        volume = self.make(self.glance.add())
        self.agents.fail(what="open_store", message="no tgtd here")
        self.refused(volume, "no tgtd here", "compute1")
        self.assertTrue(self.record(volume).untouched)
        self.assertEqual(
            "compute1", self.told(self.attach(volume))["cow_host"]
        )

    def test_a_store_that_a_host_has_still_keeps_its_volume(self):
        volume = self.make(self.glance.add())
        self.detach(self.attach(volume))
        self.delete(volume)
        self.assertEqual("available", self.again(volume).status)
        # Nor while its agent is away and its kernel logged in.
        self.agents.stop(host="compute1")
        self.delete(volume)
        self.assertEqual("available", self.again(volume).status)
        self.agents.cut_off(volume=volume.id)
        self.delete(volume)
        self.assertTrue(self.gone(volume))
        self.assertEqual({}, self.agents.stores_of())
        self.agents.start(host="compute1")
        self.agents.shut(host="compute1", volume=volume.id)
        self.driver.get_volume_stats(refresh=True)
        self.assertEqual({}, self.agents.disks(host="compute1"))

    def test_an_image_server_that_is_away_keeps_the_volume(self):
        volume = self.used()
        self.agents.fail(what="delete_store", message="the disk is read-only")
        self.delete(volume)
        self.assertFalse(self.gone(volume))
        self.assertEqual({volume.id: ONE}, self.agents.stores_of())

    def test_what_a_server_had_is_not_snapshotted_or_extended(self):
        volume = self.used()
        made = cinder_utils.create_snapshot(self.context, volume.id)
        error = self.assertRaises(
            exception.InvalidVolume, self.driver.create_snapshot, made
        )
        self.assertIn("is on the image server", str(error))
        self.manager.extend_volume(self.context, volume, 4, reservations=[])
        self.assertEqual("error_extending", self.again(volume).status)
