# SPDX-License-Identifier: Apache-2.0
"""Clients that keep their connection, and whom they talk to."""

import contextlib
import http.client
import pathlib
import threading
import time

from volt_process import TOKEN

PATIENCE = 60


class KeptConnection:
    """HTTP over one connection; connects once and never again."""

    def __init__(self, port, token=TOKEN):
        self._http = http.client.HTTPConnection("127.0.0.1", port, PATIENCE)
        self._http.auto_open = False
        self._token = token
        self._http.connect()
        self.port = self._http.sock.getsockname()[1]

    def get(self, path="/v1/volumes"):
        """Return the status; whether it closes is in ``closes``."""
        headers = {"X-Auth-Token": self._token}
        self._http.request("GET", path, headers=headers)
        answer = self._http.getresponse()
        answer.read()
        self.closes = answer.will_close
        return answer.status

    def close(self):
        self._http.close()


class Load:
    """Threads that ask without a pause and note what goes wrong.

    Each keeps its connection until an answer says that it is the last one,
    as HTTP has it, and connects anew then.
    """

    def __init__(self, port, threads=4):
        self.failures = []
        self.answers = 0
        self._port = port
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._ask, daemon=True)
            for _ in range(threads)
        ]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        self.more(10)
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join(PATIENCE)

    def more(self, count):
        """Wait until that many further requests are answered."""
        goal, end = self.answers + count, time.monotonic() + PATIENCE
        while self.answers < goal and not self.failures:
            assert time.monotonic() < end, f"{self.answers} of {goal} answers"
            time.sleep(0.02)

    def _ask(self):
        while not self._stop.is_set():
            try:
                self._converse()
            except Exception as error:
                self.failures.append(repr(error))

    def _converse(self):
        with contextlib.closing(KeptConnection(self._port)) as connection:
            while not self._stop.is_set():
                status = connection.get()
                if status != 200:
                    self.failures.append(status)
                self.answers += 1
                if connection.closes:
                    return


def clients_of(pid, port):
    """Return the ports of the clients that a process serves at ``port``."""
    sockets = set()
    for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            sockets.add(str(entry.readlink()))
    found = set()
    table = pathlib.Path(f"/proc/{pid}/net/tcp").read_text()
    for line in table.splitlines()[1:]:
        _, local, remote, state, *rest = line.split()
        established = state == "01" and f"socket:[{rest[5]}]" in sockets
        if established and int(local.split(":")[1], 16) == port:
            found.add(int(remote.split(":")[1], 16))
    return found
