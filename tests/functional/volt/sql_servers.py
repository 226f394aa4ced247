# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL and MariaDB as private servers, gone with the tests.

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

import psycopg
import pymysql

from tests.functional.volt.volt_process import free_port

DEADLINE = 120
USER = 'nobody'
PACKAGES = "as root: tools/system-packages sql"


class Server:
    """One server: ``start``, ``stop`` and ``kill`` it as often as needed."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix='volt-sql-'))
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
        path = self.folder / 'log'
        return path.read_text(errors='replace') if path.exists() else ''

    def start(self):
        with (self.folder / 'log').open('ab') as log:
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
            with contextlib.suppress(psycopg.Error, pymysql.Error, OSError):
                self.run('SELECT 1')
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
        """Create a database of a new name; return its URL."""
        name = f'volt_{uuid.uuid4().hex[:12]}'
        self.run(f'CREATE DATABASE {name}{self.LIKE}')
        return self.url(name)

    def initialize(self, *command):
        done = subprocess.run(
            [*as_nobody(), *command],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
        )
        assert done.returncode == 0, done.stdout + done.stderr


class PostgreSQL(Server):
    IN_ORDER = signal.SIGINT
    # Without a checkpoint: at the next start it recovers from its log.
    AT_ONCE = signal.SIGQUIT
    # Another locale than C, in which capitals are sorted among the others,
    # is what distributions set up.
    LIKE = (
        " TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER icu"
        " ICU_LOCALE 'en-US' LOCALE 'C.UTF-8'"
    )

    def create(self):
        self.initialize(
            program('initdb'),
            f'--pgdata={self.folder}/data',
            '--username=volt',
            '--auth=trust',
            '--encoding=UTF8',
            '--no-sync',
        )

    def command(self):
        return [
            program('postgres'),
            '-D',
            f'{self.folder}/data',
            '-k',
            f'{self.folder}',
            *('-c', 'listen_addresses=127.0.0.1'),
            *('-c', f'port={self.port}'),
            *('-c', 'fsync=off'),
            *('-c', 'full_page_writes=off'),
            *('-c', 'max_connections=200'),
        ]

    def run(self, *statements, database='postgres'):
        """Run statements as the administrator; return the last rows."""
        with psycopg.connect(
            host=str(self.folder),
            port=self.port,
            user='volt',
            dbname=database,
            autocommit=True,
        ) as connection:
            for statement in statements:
                cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def url(self, name):
        return f'postgresql://volt@127.0.0.1:{self.port}/{name}'

    def socket_url(self, name):
        where = f'host={self.folder}&port={self.port}'
        return f'postgresql://volt@/{name}?{where}'


class MariaDB(Server):
    IN_ORDER = signal.SIGTERM
    AT_ONCE = signal.SIGKILL
    # What Debian's servers have; volt's tables say their own.
    LIKE = ' CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci'

    def create(self):
        self.initialize(
            program('mariadb-install-db'),
            '--no-defaults',
            f'--datadir={self.folder}/data',
            '--auth-root-authentication-method=normal',
            '--skip-test-db',
        )

    def command(self):
        return [
            program('mariadbd'),
            '--no-defaults',
            f'--datadir={self.folder}/data',
            f'--socket={self.folder}/socket',
            f'--pid-file={self.folder}/pid',
            f'--port={self.port}',
            '--bind-address=127.0.0.1',
            '--skip-name-resolve',
            # No fsync; what is committed outlives the process all the same.
            '--innodb-flush-log-at-trx-commit=2',
            '--innodb-flush-method=nosync',
            '--max-connections=200',
        ]

    def run(self, *statements, database=None):
        """Run statements as the administrator; return the last rows."""
        with (
            pymysql.connect(
                unix_socket=f'{self.folder}/socket',
                user='root',
                database=database,
                autocommit=True,
            ) as connection,
            connection.cursor() as cursor,
        ):
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall())

    def url(self, name):
        return f'mariadb://root@127.0.0.1:{self.port}/{name}'

    def socket_url(self, name):
        return f'mariadb://root@/{name}?unix_socket={self.folder}/socket'


def program(name):
    """Return the path of a server's program; Debian hides some of them."""
    hidden = sorted(
        pathlib.Path('/usr/lib/postgresql').glob(f'*/bin/{name}'),
        key=lambda path: int(path.parts[-3]),
    )
    found = hidden[-1] if hidden else shutil.which(name, path=_PATH)
    assert found, f"{name} is not installed; {PACKAGES}"
    return str(found)


_PATH = f'{os.environ.get("PATH", "")}:/usr/sbin:/usr/local/sbin'


def as_nobody(end=signal.SIGKILL):
    """Return what starts a program without root, to ``end`` with us."""
    drop = ['--reuid', USER, '--clear-groups'] if os.geteuid() == 0 else []
    return ['setpriv', *drop, '--pdeathsig', end.name[3:]]
