# SPDX-License-Identifier: Apache-2.0
"""Kill the agent of this node after each of its changes, one after another.

    killpoints.py CONF LOG ADDRESS PORT SERVER STORY,IMAGE,FIRST,STEP...

STORY is "disk" (create an instance on IMAGE of SERVER, write, destroy, until
nothing is left), "target" (export the file IMAGE, withdraw it) or "move" (the
parent of an instance changes under a reader; volt is on SERVER).  The agent
is killed after its FIRST change.  The next has to find its way, and is then
killed after FIRST + STEP changes, and so on until one gets through.  Then
comes the next story.  Prints a JSON object a round, and one at each end.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import pattern
from moving import STOP, Move
from warm import Agent, until

VM = "killvm"
DISK = f"/dev/mapper/snapshot_{VM}"
STATE = pathlib.Path("/var/lib/virtman")
IQN = "iqn.2010-10.org.openstack:volume-"
BLOCKS = 6
WRITTEN = 3


class Disk:
    """An instance's life on a node that has nothing else."""

    DISK = DISK

    def __init__(self, agent, image, server):
        self.agent = agent
        self.image = image
        self.source = {
            "target_portal": f"{server}:3260",
            "target_iqn": IQN + image,
            "target_lun": 1,
        }
        self.reset()

    def reset(self):
        self.wanted = self.written = False

    def begin(self):
        pass

    def finish(self):
        return {"left": left()}

    def run(self):
        """Live it through; return early when the agent dies."""
        if self.create():
            self.write()
            self.end()

    def create(self):
        """Create the instance; return whether the agent lives."""
        self.wanted = True
        answer = self.agent.call("create", VM, self.image, self.source)
        expect(answer in (None, f"0:{DISK}"), answer)
        return answer is not None

    def left(self):
        return left()

    def end(self):
        self.wanted = False
        answer = self.agent.call("destroy", VM)
        if answer is None:
            return
        expect(answer[:2] in ("0:", "1:"), answer)
        until(
            lambda: self.agent.died or not left(),
            f"nothing is left but {left()}",
        )

    def recovered(self):
        """Wait until the node is in order after a restart, and look at it."""
        if not self.wanted:
            return
        listed = [f"{VM}:volume-{self.image}"]
        until(
            lambda: not fresh() and self.agent.call("list") == listed,
            f"{VM} is back",
        )
        self.verify()

    def write(self):
        handle = os.open(DISK, os.O_WRONLY)
        try:
            os.pwrite(
                handle, bytes([7]) * pattern.BLOCK, WRITTEN * pattern.BLOCK
            )
            os.fsync(handle)
        finally:
            os.close(handle)
        self.written = True

    def verify(self):
        """Read the image and what was written on it."""
        device = pattern.Device(DISK, self.image)
        for index in range(BLOCKS):
            if index == WRITTEN and self.written:
                os.preadv(
                    device.handle, [device.buffer], index * pattern.BLOCK
                )
                expect(set(device.buffer[:]) == {7}, "a write is lost")
            else:
                device.check(index)
        os.close(device.handle)
        expect(not (device.wrong or device.errors), device.first_error)


class Target:
    """An image target's life."""

    def __init__(self, agent, file):
        self.agent = agent
        self.file = file
        self.reset()

    def reset(self):
        self.wanted = False

    def begin(self):
        pass

    def finish(self):
        return {"left": left()}

    def run(self):
        self.wanted = True
        answer = self.agent.call("create_image_target", "kill", self.file)
        if answer is None:
            return
        expect(answer.startswith("0:"), answer)
        self.end()

    def end(self):
        self.wanted = False
        answer = self.agent.call("destroy_image_target", "kill")
        if answer is None:
            return
        expect(answer[:2] in ("0:", "1:"), answer)
        until(
            lambda: self.agent.died or not left(),
            f"nothing is left but {left()}",
        )

    def recovered(self):
        if self.wanted:
            until(self.served, "the target is back", 0.5)

    def left(self):
        return left()

    def served(self):
        found = self.agent.call("list_image_target")
        return len(found) == 1 and found[0].startswith("volume-kill:")


def left():
    """Return what of ours is on this node, its agent left out.

    Files are enough of an answer where there are any, and cost no process.
    """
    files = [
        str(file)
        for folder in ("intents", "cache", "snapshots")
        for file in (STATE / folder).glob("*")
    ]
    if files:
        return files
    told = subprocess.run(
        ["/bin/sh", "/share/.lab/leftovers"],
        stdout=subprocess.PIPE, text=True, check=True,
    ).stdout  # fmt: skip
    agents = ("virtman-server",)
    return [line for line in told.splitlines() if not line.endswith(agents)]


def fresh():
    """Tell whether the instance is not whole yet."""
    text = (STATE / "intents" / f"instance.{VM}.json").read_text()
    return json.loads(text)["fresh"]


def expect(truth, told):
    if not truth:
        raise AssertionError(told)


def rounds(story, first, step):
    """Kill and recover until a life gets through; yield what happened."""
    agent, number = story.agent, first
    agent.start(VIRTMAN_DIE_AFTER=str(number))
    while True:
        began = time.monotonic()
        story.reset()
        agent.count()
        story.run()
        killed = agent.died
        point = agent.last_words() if killed else None
        agent.stop(signal.SIGKILL)
        told = {"number": number, "after": point, "error": ""}
        number += step
        agent.start(VIRTMAN_DIE_AFTER=str(number))
        try:
            story.recovered()
            story.end()
        except AssertionError as error:
            told["error"] = str(error)
        told["left"] = story.left()
        told["took_s"] = round(time.monotonic() - began, 1)
        yield told
        if not killed or told["error"] or told["left"]:
            return


def made(name, agent, image, server, address):
    """Return the story of that name."""
    if name == "target":
        return Target(agent, image)
    disk = Disk(agent, image, server)
    return Move(disk, server, address) if name == "move" else disk


def main(conf, log, address, port, server, *plans):
    """Tell each round in a line."""
    agent = Agent(conf, address, int(port), log)
    try:
        for name, image, first, step in (plan.split(",") for plan in plans):
            story = made(name, agent, image, server, address)
            story.begin()
            for told in rounds(story, int(first), int(step)):
                print(json.dumps({"story": name, **told}), flush=True)
            print(json.dumps({"story": name, **story.finish()}), flush=True)
            agent.stop()
    finally:
        # A reader would keep its disk from being destroyed.
        STOP.touch()
        agent.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
