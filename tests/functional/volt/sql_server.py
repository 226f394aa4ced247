# SPDX-License-Identifier: Apache-2.0
"""Database servers as private ones, gone with the tests.

Each has a folder of its own under /tmp, a socket in it and a port of the
loopback.  Nothing of the host's own servers is read, used or touched.  They
end when this process does, even when it is killed.
"""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import uuid

from tests.functional.volt.volt_process import free_port

DEADLINE = 120
USER = "nobody"


class Server:
    """One server: ``start``, ``stop`` and ``kill`` it as often as needed."""

    AT_ONCE = signal.SIGKILL

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="volt-sql-"))
        self.port = free_port()
        self.process = None

    def __enter__(self):
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            shutil.chown(self.folder, USER)
        try:
            self.create()
            return self.start()
        except BaseException:
            self.remove()
            raise

    def __exit__(self, *error):
        self.remove()

    @property
    def log(self):
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def start(self):
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*as_nobody(self.AT_ONCE), *self.command()],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.wait_until_it_answers()
        return self

    def wait_until_it_answers(self):
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end and self.process.poll() is None:
            with contextlib.suppress(self.Error, OSError):
                self.run("SELECT 1")
                return
            time.sleep(0.02)
        raise AssertionError(f"it does not answer:\n{self.log}")

    def stop(self):
        """End it in order, as an operator would; clients are cut off."""
        self.end(self.IN_ORDER)

    def kill(self):
        """Have it vanish in the middle of whatever it does."""
        self.end(self.AT_ONCE)

    def end(self, how):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(DEADLINE)

    def remove(self):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def database(self):
        """Create a database for an ordinary account; return its URL."""
        name = f"volt_{uuid.uuid4().hex[:12]}"
        self.make(name)
        return self.url(name)

    def run(self, *statements, database=None):
        """Run statements as the administrator; return the last rows."""
        with self.connect(database, True) as connection:
            cursor = connection.cursor()
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []

    @contextlib.contextmanager
    def locked(self, database, statement):
        """Keep locked what a statement locks."""
        with self.connect(database, False) as connection:
            connection.cursor().execute(statement)
            yield
            connection.rollback()

    @contextlib.contextmanager
    def hung(self):
        """Have it accept connections and say nothing, as a sick host does."""
        main = self.process.pid
        path = pathlib.Path(f"/proc/{main}/task/{main}/children")
        stopped = [main, *map(int, path.read_text().split())]
        send(signal.SIGSTOP, stopped)
        try:
            yield
        finally:
            send(signal.SIGCONT, stopped)

    def initialize(self, *command):
        done = subprocess.run(
            [*as_nobody(), *command],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def send(what, processes):
    for pid in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, what)


def program(name):
    """Return the path of a server's program; Debian hides some of them."""
    hidden = sorted(
        pathlib.Path("/usr/lib/postgresql").glob(f"*/bin/{name}"),
        key=lambda path: int(path.parts[-3]),
    )
    usual = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
    found = hidden[-1] if hidden else shutil.which(name, path=usual)
    assert found, f"no {name}; as root: tools/system-packages sql"
    return str(found)


def as_nobody(end=signal.SIGKILL):
    """Return what starts a program without root, to ``end`` with us."""
    drop = ["--reuid", USER, "--clear-groups"] if os.geteuid() == 0 else []
    return ["setpriv", *drop, "--pdeathsig", end.name[3:]]
