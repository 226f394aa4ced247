# SPDX-License-Identifier: Apache-2.0
"""What the benchmark asks the kernel about a process."""

import subprocess
import sys

import pytest

from bench.volt import kernel

SPENT = 0.003
"""Seconds of CPU time: less than there is between two ticks."""
SERVER = f"""
import sys, time
for line in sys.stdin:
    print(flush=True)
    begin = time.thread_time()
    while time.thread_time() - begin < {SPENT}:
        pass
"""


@pytest.fixture
def server():
    """Return a process that answers lines, then is busy for a moment."""
    with subprocess.Popen(
        [sys.executable, "-c", SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
    ) as process:
        yield process


def test_what_a_server_does_after_its_answer_counts(server):
    for _ in range(20):
        before = kernel.cpu_seconds(server.pid)
        server.stdin.write(b"\n")
        server.stdout.readline()
        assert kernel.cpu_seconds(server.pid) - before >= SPENT
