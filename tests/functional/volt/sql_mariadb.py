# SPDX-License-Identifier: Apache-2.0
"""MariaDB as a private server."""

import signal

import pymysql

from tests.functional.volt.sql_server import Server, program


class MariaDB(Server):
    Error = pymysql.Error
    IN_ORDER = signal.SIGTERM
    # What Debian's servers have; volt's tables say their own.
    LIKE = "CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"

    def create(self):
        self.initialize(
            program("mariadb-install-db"),
            "--no-defaults",
            f"--datadir={self.folder}/data",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
        )

    def command(self):
        settings = {
            "datadir": f"{self.folder}/data",
            "socket": f"{self.folder}/socket",
            "pid-file": f"{self.folder}/pid",
            "port": self.port,
            "bind-address": "127.0.0.1",
            # No fsync; what is committed outlives the process all the same.
            "innodb-flush-log-at-trx-commit": 2,
            "innodb-flush-method": "nosync",
            "max-connections": 200,
        }
        words = [f"--{name}={settings[name]}" for name in settings]
        return [
            program("mariadbd"),
            "--no-defaults",
            "--skip-name-resolve",
            *words,
        ]

    def connect(self, database, autocommit):
        return pymysql.connect(
            unix_socket=f"{self.folder}/socket",
            user="root",
            database=database,
            autocommit=autocommit,
        )

    def make(self, name):
        self.run(
            f"CREATE DATABASE {name} {self.LIKE}",
            f"CREATE USER {name}",
            f"GRANT ALL ON {name}.* TO {name}",
        )

    def lose(self, name):
        """Lose all that is in a database, while it is in use."""
        self.run(
            f"DROP DATABASE {name}", f"CREATE DATABASE {name} {self.LIKE}"
        )

    def read_only(self, _database, yes):
        """Take no changes from now on, or take them again."""
        self.run(f"SET GLOBAL read_only = {int(yes)}")

    def url(self, name):
        return f"mariadb://{name}@127.0.0.1:{self.port}/{name}"

    def socket_url(self, name):
        return f"mariadb://{name}@/{name}?unix_socket={self.folder}/socket"
