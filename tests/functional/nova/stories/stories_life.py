# SPDX-License-Identifier: Apache-2.0
"""A server's life: what the agent is asked, what libvirt is given."""

from instance_cloud import CONNECTION, SECOND, VOLUME, Cloud, path
from nova import context, objects


class Life(Cloud):
    def test_a_server_boots_from_the_agent_s_disk(self):
        self.start()
        server = self.boot()
        [call] = self.agents.calls(host="compute1")
        wanted = {
            "instance": VOLUME,
            "image": "volume-cafe",
            "connections": [CONNECTION],
            "store": None,
        }
        self.assertEqual(["create", wanted], call)
        [disk] = self.disks()
        self.assertEqual("block", disk.get("type"))
        self.assertEqual(path(), self.device(disk))
        self.assertEqual("native", disk.find("driver").get("io"))
        self.assertEqual("raw", disk.find("driver").get("type"))
        self.assertEqual(VOLUME, disk.find("serial").text)
        self.assertIsNone(disk.find("readonly"))
        self.assertIsNone(disk.find("shareable"))
        bdms = objects.BlockDeviceMappingList.get_by_instance_uuid(
            context.get_admin_context(), server["id"]
        )
        self.assertIn(f'"device_path": "{path()}"', bdms[0].connection_info)

    def test_reboot_and_stop_and_start_keep_what_was_written(self):
        self.start()
        server = self.boot()
        again = [("deactivate", VOLUME), ("create", VOLUME)]
        self.verbs()
        self._reboot_server(server, hard=True)
        calls = self.agents.calls(host="compute1")
        self.assertEqual(again, [(verb, VOLUME) for verb, _ in calls])
        # A host that has lost the writes must not begin anew.
        self.assertIs(True, calls[1][1]["keep"])
        server = self._stop_server(server)
        server = self._start_server(server)
        self.assertEqual(again, self.verbs())
        self.assertEqual(path(), self.device(self.disks()[0]))

    def test_a_delete_takes_the_disk_away_and_leaves_its_data_to_cinder(self):
        self.start()
        server = self.boot()
        self.verbs()
        self._delete_server(server)
        self.assertEqual([("deactivate", VOLUME)], self.verbs())
        self.assertEqual({VOLUME: False}, self.agents.disks(host="compute1"))

    def test_a_read_only_volume_is_a_disk_that_can_be_written(self):
        self.say(access_mode="ro")
        self.start()
        self.boot()
        self.assertIsNone(self.disks()[0].find("readonly"))

    def test_horizon_s_request_makes_a_volume_of_the_image_and_boots(self):
        self.start()
        server = self._create_server_boot_from_volume(networks="none")
        [(verb, volume)] = self.verbs()
        self.assertEqual("create", verb)
        self.assertEqual(path(volume), self.device(self.disks()[0]))
        self._delete_server(server)
        self.assertEqual([("deactivate", volume)], self.verbs())

    def test_two_servers_of_one_image_have_a_disk_each(self):
        self.start()
        first = self.boot(VOLUME)
        self.boot(SECOND)
        made = [given for _, given in self.agents.calls(host="compute1")]
        self.assertEqual(["volume-cafe"] * 2, [one["image"] for one in made])
        devices = [self.device(self.disks(xml)[0]) for xml in self.xml]
        self.assertEqual([path(VOLUME), path(SECOND)], devices)
        self._delete_server(first)
        self.assertEqual(
            {VOLUME: False, SECOND: True}, self.agents.disks(host="compute1")
        )

    def test_a_second_volume_of_a_server_is_a_second_disk(self):
        self.start()
        server = self.boot()
        self._attach_volume(server, SECOND)
        self.assertEqual(
            [("create", VOLUME), ("create", SECOND)], self.verbs()
        )
        self.api.delete_server_volume(server["id"], SECOND)
        self._wait_for_volume_detach(server["id"], SECOND)
        self.assertEqual([("deactivate", SECOND)], self.verbs())
        self.assertTrue(self.agents.disks(host="compute1")[VOLUME])

    def test_a_host_boots_and_its_servers_with_it(self):
        self.flags(resume_guests_state_on_host_boot=True)
        self.start()
        server = self.boot()
        libvirt = self.computes["compute1"].driver._host.get_connection()
        libvirt.lookupByUUIDString(server["id"]).destroy()
        self.agents.power_cut(host="compute1")
        self.verbs()
        self.restart_compute_service("compute1", keep_hypervisor_state=True)
        self._wait_for_state_change(server, "ACTIVE")
        self.assertEqual(("create", VOLUME), self.verbs()[-1])
        self.assertEqual({VOLUME: True}, self.agents.disks(host="compute1"))

    def test_a_shelved_server_comes_back_with_its_data(self):
        self.start()
        server = self.boot()
        self.verbs()
        self._shelve_server(server)
        self.assertEqual([("deactivate", VOLUME)], self.verbs())
        self._unshelve_server(server)
        self.assertEqual([("create", VOLUME)], self.verbs())

    def test_a_volume_of_others_is_nova_s_own_business(self):
        self.start()
        driver = self.computes["compute1"].driver
        other = driver._get_volume_driver({"driver_volume_type": "nfs"})
        self.assertEqual("LibvirtNFSVolumeDriver", type(other).__name__)
