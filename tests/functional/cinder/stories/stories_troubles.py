# SPDX-License-Identifier: Apache-2.0
"""What is refused, what fails, and what is left of it: nothing."""

import hashlib
import uuid

from cinder import exception, objects
from cinder.tests.unit import utils as cinder_utils
from cinder.volume import manager
from volume_cloud import CONTENT, HOST, Cloud, qcow2


class Images(Cloud):
    """An image of which no disk can be made."""

    def refused(self, image, why, size=1, told="image disk format"):
        volume = self.make(image, size)
        self.assertEqual("error", volume.status)
        self.assertIn(why, self.trouble)
        (message,) = self.messages(volume)
        self.assertIn(told, message)
        self.assertEqual([], self.files())
        self.assertEqual({}, self.exported())
        self.delete(volume)
        self.assertTrue(self.gone(volume))

    def test_a_format_that_is_no_disk_is_refused_before_any_download(self):
        self.refused(self.glance.add(disk_format="iso"), "not of iso")
        self.refused(
            self.glance.add(container_format="compressed"), "in compressed"
        )
        self.assertEqual(0, self.glance.downloads)

    def test_what_is_too_large_is_refused_before_any_download(self):
        image = self.glance.add(size=2 << 30)
        self.refused(image, "larger than 1 GiB", told="available space")
        self.assertEqual(0, self.glance.downloads)

    def test_a_disk_that_is_larger_than_the_volume_is_refused(self):
        content = qcow2(self.folder, bytes(1 << 20), 3 << 30)
        image = self.glance.add(content, disk_format="qcow2")
        self.refused(
            image, "disk is larger than 1 GiB", told="available space"
        )

    def test_what_is_not_what_glance_says_is_refused(self):
        image = self.glance.add(os_hash_value="0" * 128)
        self.refused(image, "another sha512")
        old = self.glance.add(os_hash_algo=None, checksum="0" * 32)
        self.refused(old, "another md5")

    def test_an_image_of_an_old_glance_is_held_against_its_checksum(self):
        right = hashlib.md5(CONTENT).hexdigest()
        image = self.glance.add(os_hash_algo=None, checksum=right)
        self.assertEqual("available", self.make(image).status)

    def test_a_hash_that_no_program_makes_is_held_against_it_too(self):
        right = hashlib.sha3_256(CONTENT).hexdigest()
        image = self.glance.add(os_hash_algo="sha3_256", os_hash_value=right)
        self.assertEqual("available", self.make(image).status)
        wrong = self.glance.add(os_hash_algo="sha3_256", os_hash_value="0")
        self.assertEqual("error", self.make(wrong).status)

    def test_a_qcow2_that_is_said_to_be_raw_is_refused(self):
        image = self.glance.add(qcow2(self.folder), disk_format="raw")
        self.refused(image, "unacceptable")

    def test_a_qcow2_over_a_file_of_this_host_is_refused(self):
        content = qcow2(self.folder, backing="/etc/hostname")
        image = self.glance.add(content, disk_format="qcow2")
        self.refused(image, "unacceptable")

    def test_an_image_that_is_damaged_is_refused(self):
        content = qcow2(self.folder)[:4] + bytes(range(256)) * 256
        image = self.glance.add(content, disk_format="qcow2")
        self.refused(image, "unacceptable")

    def test_an_image_server_that_is_away_is_named_and_the_next_try_works(
        self,
    ):
        image = self.glance.add()
        self.agents.fail(what="targets", message="no tgtd here")
        volume = self.make(image)
        self.assertEqual("error", volume.status)
        self.assertIn("image server", self.trouble)
        self.assertIn("no tgtd here", self.trouble)
        self.assertEqual(
            ["Driver failed to create the volume."], self.messages(volume)
        )
        self.agents.fail(what="create_target", message="no loop device")
        self.make(image)
        self.assertIn("no loop device", self.trouble)
        self.assertEqual("available", self.make(image).status)
        self.assertEqual(1, self.glance.downloads)

    def test_launches_at_once_make_the_image_once(self):
        import eventlet

        image = self.glance.add()
        self.glance.pause = 0.3
        threads = [eventlet.spawn(self.make, image) for _ in range(4)]
        made = [thread.wait() for thread in threads]
        self.assertEqual({"available"}, {one.status for one in made})
        self.assertEqual(1, self.glance.downloads)


class Volumes(Cloud):
    """A volume with which that cannot be done."""

    def used(self):
        """Return a volume that a server had."""
        volume = self.make(self.glance.add())
        attachment = self.attach(volume)
        self.release(attachment)
        return self.again(volume)

    def test_a_blank_volume_is_refused(self):
        volume = self.make()
        self.assertEqual("error", volume.status)
        self.assertIn("made of an image", self.trouble)
        self.delete(volume)
        self.assertTrue(self.gone(volume))

    def test_an_encrypted_volume_is_refused(self):
        volume = self.make(
            self.glance.add(), encryption_key_id=str(uuid.uuid4())
        )
        self.assertEqual("error", volume.status)
        self.assertEqual({}, self.exported())
        error = self.assertRaises(
            exception.VolumeDriverException, self.driver.create_volume, volume
        )
        self.assertIn("no encryption", str(error))

    def test_a_clone_of_what_a_server_had_is_refused_and_leaves_nothing(self):
        source = self.used()
        clone = self.make(source_volid=source.id)
        self.assertEqual("error", clone.status)
        self.assertIn("on host compute1", self.trouble)
        self.delete(clone)
        self.assertEqual(
            {source.id: False}, self.agents.disks(host="compute1")
        )

    def test_a_snapshot_of_it_is_refused_and_can_be_deleted(self):
        volume = self.used()
        made = cinder_utils.create_snapshot(self.context, volume.id)
        made = objects.Snapshot.get_by_id(self.context, made.id)
        with self.noted():
            self.manager.create_snapshot(self.context, made)
        self.assertIn("on host compute1", self.trouble)
        self.assertEqual("error", self.again(made).status)
        self.manager.delete_snapshot(self.context, self.again(made))
        self.assertTrue(self.gone(made))
        self.delete(volume)
        self.assertTrue(self.gone(volume))

    def test_to_extend_it_is_refused(self):
        volume = self.used()
        self.manager.extend_volume(self.context, volume, 4, reservations=[])
        volume = self.again(volume)
        self.assertEqual(("error_extending", 1), (volume.status, volume.size))

    def test_to_upload_it_is_refused(self):
        volume = self.used()
        made = self.glance.add(b"", size=0)
        error = self.assertRaises(
            exception.InvalidVolume,
            self.manager.copy_volume_to_image,
            self.context, volume.id, self.glance.images[made],
        )  # fmt: skip
        self.assertIn("on host compute1", str(error))
        self.assertEqual({}, self.glance.uploaded)

    def test_a_backup_and_another_type_are_refused(self):
        volume = self.used()
        for call in (
            lambda: self.driver.get_backup_device(self.context, None),
            lambda: self.driver.retype(self.context, volume, {}, {}, {}),
            lambda: self.driver._attach_volume(self.context, volume, {}),
        ):
            error = self.assertRaises(exception.VolumeDriverException, call)
            self.assertIn("virtman", str(error))


class Hosts(Cloud):
    """Who may have a volume, and when."""

    def test_a_second_host_is_refused_by_the_driver_itself(self):
        volume = self.make(self.glance.add())
        first = self.attach(volume)
        forged = self.forged(volume, "compute2")
        error = self.assertRaises(
            exception.VolumeBackendAPIException,
            self.manager.attachment_update,
            self.context, self.again(volume), self.connector('compute2'),
            forged.id,
        )  # fmt: skip
        self.assertIn("attached on host compute1", str(error))
        self.assertEqual("compute1", self.record(volume).host)
        # What a user's delete of it brings about.
        self.manager.attachment_delete(
            self.context, forged.id, self.again(volume)
        )
        self.assertEqual("compute1", self.record(volume).host)
        self.assertEqual({volume.id: True}, self.agents.disks(host="compute1"))
        self.assertIsNotNone(self.told(first))

    def test_nor_does_that_host_s_name_with_another_address_help(self):
        volume = self.make(self.glance.add())
        self.attach(volume, boot=False)
        forged = self.forged(volume, "compute1")
        error = self.assertRaises(
            exception.VolumeBackendAPIException,
            self.manager.attachment_update,
            self.context, self.again(volume), self.connector('compute1'),
            forged.id,
        )  # fmt: skip
        self.assertIn("attached on host compute1", str(error))
        self.assertEqual("127.0.0.2", self.record(volume).address)

    def test_the_end_of_a_second_attachment_there_changes_nothing(self):
        volume = self.make(self.glance.add())
        self.attach(volume)
        forged = self.forged(volume, "compute1")
        forged.connector = self.connector("compute1")
        forged.save()
        self.manager.attachment_delete(
            self.context, forged.id, self.again(volume)
        )
        known = self.record(volume)
        self.assertEqual(("compute1", True), (known.host, known.kept))
        self.assertEqual({volume.id: True}, self.agents.disks(host="compute1"))

    def test_a_host_whose_address_is_no_agent_s_is_refused_and_not_asked(
        self,
    ):
        volume = self.make(self.glance.add())
        attachment = self.reserve(volume)
        for changes in (
            {'ip': '192.0.2.7'}, {'ip': 'evil.example'}, {'ip': None},
            {'host': '../x'}, {'host': None},
        ):  # fmt: skip
            self.assertRaises(
                exception.InvalidInput,
                self.forge, attachment, **changes,
            )  # fmt: skip
            self.assertIsNone(self.record(volume).host)

    def test_what_is_written_on_one_host_is_not_begun_anew_on_another(self):
        volume = self.make(self.glance.add())
        attachment = self.attach(volume)
        self.release(attachment)
        error = self.assertRaises(
            exception.VolumeBackendAPIException,
            self.attach, volume, 'compute2',
        )  # fmt: skip
        self.assertIn("is on host compute1", str(error))
        self.assertEqual({}, self.agents.disks(host="compute2"))

    def test_nor_while_nobody_can_say_whether_anything_is_written(self):
        volume = self.make(self.glance.add())
        attachment = self.attach(volume)
        self.agents.stop(host="compute1")
        self.detach(attachment)
        self.assertFalse(self.record(volume).kept)
        error = self.assertRaises(
            exception.VolumeBackendAPIException,
            self.attach, volume, 'compute2',
        )  # fmt: skip
        self.assertIn("compute1", str(error))
        self.assertIn("virtman-server", str(error))
        self.agents.start(host="compute1")
        self.assertRaises(
            exception.VolumeBackendAPIException,
            self.attach, volume, 'compute2',
        )  # fmt: skip

    def test_what_a_host_has_lost_does_not_begin_anew_unasked(self):
        volume = self.make(self.glance.add())
        attachment = self.attach(volume)
        self.release(attachment)
        self.agents.fresh()
        self.assertTrue(self.told(self.attach(volume))["cow_kept"])

    def test_a_host_without_an_agent_is_refused_with_the_reason(self):
        self.agents.stop(host="compute1")
        volume = self.make(self.glance.add())
        error = self.assertRaises(
            exception.VolumeBackendAPIException, self.attach, volume
        )
        self.assertIn("is virtman-server running", str(error))
        self.assertIsNone(self.record(volume).host)

    def forge(self, attachment, **changes):
        told = self.connector("compute1") | changes
        self.api.attachment_update(self.context, attachment, told)

    def connector(self, host):
        return {"host": host, "ip": "127.0.0.3", "mountpoint": "/dev/vdb"}

    def forged(self, volume, host):
        """Return an attachment as POST /v3/attachments makes it."""
        made = objects.VolumeAttachment(
            context=self.context, volume_id=volume.id,
            instance_uuid=str(uuid.uuid4()), attach_status='reserved',
            attach_mode='null',
        )  # fmt: skip
        made.create()
        return made


class Deletes(Cloud):
    """A volume that goes, or cannot."""

    def test_a_volume_that_was_never_made_is_deleted_all_the_same(self):
        volume = cinder_utils.create_volume(
            self.context, host=f'{HOST}#virtman', status='error',
            volume_type_id=self.vt['id'],
        )  # fmt: skip
        self.driver.delete_volume(volume)
        self.driver.delete_volume(volume)
        self.driver.remove_export(self.context, volume)
        self.delete(volume)
        self.assertTrue(self.gone(volume))

    def test_an_attached_volume_is_busy(self):
        volume = self.make(self.glance.add())
        self.attach(volume)
        volume = self.again(volume)
        self.assertRaises(
            exception.VolumeIsBusy, self.driver.delete_volume, volume
        )
        self.driver.remove_export(self.context, volume)
        self.assertEqual({volume.id: True}, self.agents.disks(host="compute1"))

    def test_a_disk_that_a_vm_still_has_keeps_its_volume(self):
        volume = self.make(self.glance.add())
        self.detach(self.attach(volume))
        self.delete(volume)
        self.assertEqual("available", self.again(volume).status)
        self.assertEqual({volume.id: True}, self.agents.disks(host="compute1"))
        self.agents.shut(host="compute1", volume=volume.id)
        self.delete(volume)
        self.assertTrue(self.gone(volume))
        self.assertEqual({}, self.agents.disks(host="compute1"))

    def test_a_host_that_is_away_purges_when_it_is_back(self):
        volume = self.make(self.glance.add())
        attachment = self.attach(volume)
        self.agents.shut(host="compute1", volume=volume.id)
        self.agents.stop(host="compute1")
        self.detach(attachment)
        self.delete(volume)
        self.assertTrue(self.gone(volume))
        self.driver.get_volume_stats(refresh=True)
        self.assertEqual({volume.id: True}, self.agents.disks(host="compute1"))
        self.begin()
        self.agents.start(host="compute1")
        self.driver.get_volume_stats(refresh=True)
        self.assertEqual({}, self.agents.disks(host="compute1"))
        self.agents.calls(host="compute1")
        self.driver.get_volume_stats(refresh=True)
        self.assertEqual([], self.agents.calls(host="compute1"))


class Settings(Cloud):
    """A section of cinder.conf that cannot be right."""

    def wrong(self, why, **options):
        self.configure(**options)
        driver = manager.VolumeManager(host=HOST).driver

        def start():
            driver.do_setup(self.context)
            driver.check_for_setup_error()

        error = self.assertRaises(exception.CinderException, start)
        self.assertIn(why, str(error))

    def test_without_networks_it_does_not_start(self):
        self.wrong("names no network", virtman_agent_networks=[])
        self.wrong("10.0.0.1/24", virtman_agent_networks=["10.0.0.1/24"])

    def test_a_token_file_that_is_not_there_is_named(self):
        self.wrong("/nowhere/x", virtman_agent_token_file="/nowhere/x")

    def test_an_endpoint_that_is_none_is_named(self):
        self.wrong("ftp://x", virtman_image_server="ftp://x")

    def test_a_folder_that_is_not_absolute_is_named(self):
        self.wrong("virtman_image_dir", virtman_image_dir="images")

    def test_a_folder_that_cannot_be_used_is_named(self):
        self.wrong("/proc/images", virtman_image_dir="/proc/images")
