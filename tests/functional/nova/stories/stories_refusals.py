# SPDX-License-Identifier: Apache-2.0
"""What cannot be done is refused with the reason, and nothing stays."""

from instance_cloud import SECOND, SERVED, STORE, VOLUME, Cloud, path
from nova import exception


class Moves(Cloud):
    """A server to another host: never while its writes would be lost."""

    def test_a_live_migration_is_refused_before_it_begins(self):
        self.start("compute1", "compute2")
        server = self.boot()
        home = self.where(server)
        other = ({"compute1", "compute2"} - {home}).pop()
        self.verbs(home)
        body = {"os-migrateLive": {"host": None, "block_migration": "auto"}}
        self.refused(self.api.post_server_action, server["id"], body)
        self.assertEqual([], self.verbs(home) + self.verbs(other))
        server = self.api.get_server(server["id"])
        self.assertEqual("ACTIVE", server["status"])
        self.assertEqual(home, self.where(server))
        self.assertIn("cannot migrate live", self.told(server))

    def test_a_cold_migration_takes_a_disk_that_both_hosts_reach(self):
        self.say(cow_shared=True, store=STORE)
        self.start("compute1", "compute2")
        server = self.boot()
        self.ready_to_move(server)
        home = self.where(server)
        other = ({"compute1", "compute2"} - {home}).pop()
        self.verbs(home)
        self._confirm_resize(self._migrate_server(server))
        self.assertEqual(other, self.where(server))
        self.assertEqual(("deactivate", VOLUME), self.verbs(home)[0])
        [(verb, given)] = self.agents.calls(host=other)
        self.assertEqual(("create", STORE), (verb, given["store"]))
        self.assertEqual({VOLUME: False}, self.agents.disks(host=home))

    def test_a_cold_migration_takes_writes_that_the_image_server_has(self):
        self.say(cow_shared=True, store=SERVED, cow_kept=False)
        server, home, other = self.somewhere()
        [(_, given)] = self.agents.calls(host=home)
        self.assertEqual(SERVED, given["store"])
        self.assertNotIn("keep", given, "it is never wiped")
        # What Cinder says of it by now.
        self.say(cow_shared=True, store=SERVED, cow_kept=True)
        self._confirm_resize(self._migrate_server(server))
        self.assertEqual(other, self.where(server))
        self.assertEqual(("deactivate", VOLUME), self.verbs(home)[0])
        [(verb, given)] = self.agents.calls(host=other)
        self.assertEqual(
            ("create", SERVED, True), (verb, given["store"], given["keep"])
        )
        self.assertEqual({VOLUME: True}, self.agents.disks(host=other))

    def test_a_resize_that_is_reverted_has_them_back_on_the_first_host(self):
        self.say(cow_shared=True, store=SERVED, cow_kept=True)
        server, home, other = self.somewhere()
        flavor = self._create_flavor(disk=0, memory_mb=256)
        server = self._resize_server(server, flavor)
        self.assertEqual(other, self.where(server))
        self.assertEqual(
            [{VOLUME: False}, {VOLUME: True}],
            [self.agents.disks(host=host) for host in (home, other)],
        )
        self.verbs(home)
        self._revert_resize(server)
        self.assertEqual(home, self.where(server))
        self.assertEqual(
            [{VOLUME: True}, {VOLUME: False}],
            [self.agents.disks(host=host) for host in (home, other)],
        )
        self.assertEqual({"create"}, {verb for verb, _ in self.verbs(home)})

    def somewhere(self):
        """Boot a server that can move; return it, its host and the other."""
        self.start("compute1", "compute2")
        server = self.boot()
        self.ready_to_move(server)
        home = self.where(server)
        return server, home, ({"compute1", "compute2"} - {home}).pop()

    def test_an_evacuation_takes_a_disk_that_both_hosts_reach(self):
        self.say(cow_shared=True, store=STORE)
        self.start("compute1", "compute2")
        server = self.boot()
        home = self.where(server)
        other = ({"compute1", "compute2"} - {home}).pop()
        self.computes[home].stop()
        services = self.api.get_services(binary="nova-compute", host=home)
        self.api.put_service_force_down(services[0]["id"], True)
        self._evacuate_server(server, expected_host=other)
        asked = self.agents.calls(host=other)
        stores = [one["store"] for verb, one in asked if verb == "create"]
        self.assertEqual([STORE], stores)
        # What it never had, Nova may have it take away before; no data goes.
        self.assertLessEqual(
            {verb for verb, _ in asked}, {"create", "deactivate"}
        )
        self.assertIn(VOLUME, self.agents.disks(host=other))

    def test_a_disk_is_not_begun_anew_where_its_writes_are_not(self):
        self.say(cow_host="compute9")
        self.start()
        server = self.boot(state="ERROR")
        self.assertIn("is on host compute9", self.fault(server))
        self.assertEqual({}, self.agents.disks(host="compute1"))


class Casts(Cloud):
    """As above, with Nova's casts as they are and not as calls.

    As a call the source's refusal would come back to the destination, which
    would take it for its own failure.
    """

    CAST_AS_CALL = False

    def test_a_cold_migration_is_refused_when_the_writes_are_local(self):
        self.start("compute1", "compute2")
        server = self.boot()
        self.until(lambda: self.where(server))
        self.ready_to_move(server)
        home = self.where(server)
        self.verbs(home)
        self.api.post_server_action(server["id"], {"migrate": None})
        self.until(lambda: "on this host alone" in self.told(server))
        self.until(lambda: self._show_server(server)["status"] == "ACTIVE")
        self.assertEqual([], self.verbs(home))
        self.assertEqual(home, self.where(server))


class Failures(Cloud):
    """The agent is away, or says no."""

    def test_a_create_that_fails_is_tried_on_the_next_host(self):
        self.start("compute1", "compute2")
        self.agents.fail(what="create", code="no_space", message="no room")
        home = self.where(self.boot())
        other = ({"compute1", "compute2"} - {home}).pop()
        self.assertEqual([("create", VOLUME)], self.verbs(home))
        tried = self.verbs(other)
        self.assertEqual(("create", VOLUME), tried[0])
        self.assertEqual({("deactivate", VOLUME)}, set(tried[1:]))
        self.assertEqual({}, self.agents.disks(host=other))

    def test_when_no_host_can_make_it_the_fault_says_why(self):
        self.flags(max_attempts=2, group="scheduler")
        self.start("compute1", "compute2")
        for _ in range(2):
            self.agents.fail(what="create", code="failed", message="no room")
        server = self.boot(state="ERROR")
        self.assertIn("virtman: no room", self.fault(server))
        self._delete_server(server)
        for host in ("compute1", "compute2"):
            self.assertEqual({}, self.agents.disks(host=host))

    def test_without_an_agent_the_fault_says_so_and_a_delete_works(self):
        self.flags(max_attempts=1, group="scheduler")
        self.flags(agent_socket="/nowhere/agent.sock", group="virtman")
        self.start_compute("compute1")
        server = self.boot(state="ERROR")
        self.assertIn("is virtman-server running", self.fault(server))
        self._delete_server(server)

    def test_who_may_not_ask_is_told_of_local_group(self):
        self.start()
        server = self.boot()
        self.agents.fail(
            what='deactivate', code='not_admitted',
            message='user 64 may not use it; local_group names who may',
        )  # fmt: skip
        self.refused(self._reboot_server, server, hard=True)
        self._wait_for_state_change(server, "ERROR")
        self.assertIn("local_group", self.fault(server))

    def test_a_disk_that_is_open_still_is_not_taken_for_gone(self):
        self.start()
        server = self.boot()
        self.agents.hold(host="compute1", volume=VOLUME, held=True)
        self.refused(self._reboot_server, server, hard=True)
        self._wait_for_state_change(server, "ERROR")
        self.assertIn("the VM runs", self.fault(server))
        self.assertEqual({VOLUME: True}, self.agents.disks(host="compute1"))

    def test_an_encrypted_volume_is_refused_at_once(self):
        self.say(encrypted=True)
        self.start()
        server = self.boot(state="ERROR")
        self.assertIn("encryption is not supported", self.fault(server))
        self._delete_server(server)
        self.assertNotIn("create", dict(self.verbs()))

    def test_a_secret_in_a_connection_is_refused_and_not_shown(self):
        secret = {"auth_password": "swordfish"}
        self.say(image_connections=[secret])
        self.start()
        server = self.boot(state="ERROR")
        self.assertIn("auth_password", self.fault(server))
        self.assertNotIn("swordfish", self.fault(server) + self.told(server))

    def test_an_image_that_the_volume_does_not_have_ends_the_launch(self):
        self.agents.fail(
            what='create', code='already_exists',
            message='it is an instance of volume-other',
        )  # fmt: skip
        self.start()
        server = self.boot(state="ERROR")
        self.assertIn("instance of volume-other", self.fault(server))

    def test_a_volume_that_was_never_there_is_gone(self):
        self.start()
        driver = self.computes["compute1"].driver
        info = self.info() | {"serial": SECOND}
        volume = driver._get_volume_driver(info)
        volume.disconnect_volume(info, None)
        volume.disconnect_volume(self.info(), None, force=True)
        self.assertEqual([("deactivate", SECOND)], self.verbs())

    def test_the_disk_is_not_enlarged(self):
        self.start()
        driver = self.computes["compute1"].driver
        info = self.info() | {"serial": VOLUME}
        error = self.assertRaises(
            exception.VolumeExtendFailed, driver.extend_volume,
            None, info, None, 2 << 30,
        )  # fmt: skip
        self.assertIn("as large", str(error))
        self.assertEqual([], self.verbs())

    def test_a_volume_for_several_servers_is_refused(self):
        self.start()
        driver = self.computes["compute1"].driver
        info = self.info() | {"serial": VOLUME, "multiattach": True}
        volume = driver._get_volume_driver(info)
        error = self.assertRaises(
            exception.InvalidInput, volume.connect_volume, info, None
        )
        self.assertIn("a volume for each server", str(error))
        # Should Nova have one all the same, no other server keeps it here.
        self.assertTrue(
            driver._should_disconnect_target(None, None, True, volume, VOLUME)
        )
        self.assertNotIn(path(), str(self.verbs()))
