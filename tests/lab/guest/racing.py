# SPDX-License-Identifier: Apache-2.0
"""Have threads create and destroy one instance of this node at random.

Runs inside a node with the system's Python and nothing else:

    racing.py CHECKOUT ADDRESS IMAGE SERVER SECONDS ROUNDS

Between two rounds the image is left alone until the agent has taken it away.
Prints how often each answer was given, as a JSON object.
"""

import collections
import json
import pathlib
import random
import sys
import threading
import time

checkout, address, image, server, seconds, rounds = sys.argv[1:]
sys.path.insert(0, str(pathlib.Path(checkout, "virtmanclient")))
import vmtapi  # noqa: E402

NAME = "racer"
THREADS = 4
DEADLINE = 120.0
STACK = pathlib.Path(f"/dev/mapper/multipath_volume-{image}")


def create():
    return vmtapi.create(address, NAME, image, server, timeout=DEADLINE)


def destroy():
    return vmtapi.destroy(address, NAME, timeout=DEADLINE)


def answer_of(verb):
    """Call; a call that fails is an answer, too, and none of the right."""
    try:
        return verb()
    except Exception as error:
        return repr(error)


def race(seed, answers):
    choose = random.Random(seed)
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end:
        answers.append(answer_of(choose.choice([create, destroy])))


def wait_gone():
    end = time.monotonic() + DEADLINE
    while STACK.exists():
        assert time.monotonic() < end, f"{STACK} stays"
        time.sleep(0.1)


def main():
    answers = []
    for turn in range(int(rounds)):
        pool = [
            threading.Thread(target=race, args=(f"{turn} {number}", answers))
            for number in range(THREADS)
        ]
        for thread in pool:
            thread.start()
        for thread in pool:
            thread.join()
        answers.append(answer_of(destroy))
        wait_gone()
    return collections.Counter(answers)


if __name__ == "__main__":
    print(json.dumps(main()))
