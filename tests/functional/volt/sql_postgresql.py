# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL as a private server."""

import signal

import psycopg

from tests.functional.volt.sql_server import Server, program


class PostgreSQL(Server):
    Error = psycopg.Error
    IN_ORDER = signal.SIGINT
    # Without a checkpoint: at the next start it recovers from its log.
    AT_ONCE = signal.SIGQUIT
    # Another locale than C, with capitals among the other letters, is what
    # distributions set up; volt's columns say their own.
    LIKE = (
        "TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER icu"
        " ICU_LOCALE 'en-US' LOCALE 'C.UTF-8'"
    )

    def create(self):
        self.initialize(
            program("initdb"),
            f"--pgdata={self.folder}/data",
            "--username=admin",
            "--auth=trust",
            "--encoding=UTF8",
            "--no-sync",
        )

    def command(self):
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self.folder,
            "fsync": "off",
            "full_page_writes": "off",
            "max_connections": 200,
        }
        words = [f"--{name}={settings[name]}" for name in settings]
        return [program("postgres"), "-D", f"{self.folder}/data", *words]

    def connect(self, database, autocommit):
        return psycopg.connect(
            host=str(self.folder),
            port=self.port,
            user="admin",
            dbname=database or "postgres",
            autocommit=autocommit,
        )

    def make(self, name):
        self.run(
            f"CREATE ROLE {name} LOGIN",
            f"CREATE DATABASE {name} OWNER {name} {self.LIKE}",
        )

    def lose(self, name):
        """Lose all that is in a database, while it is in use."""
        self.run(
            f"DROP DATABASE {name} WITH (FORCE)",
            f"CREATE DATABASE {name} OWNER {name} {self.LIKE}",
        )

    def read_only(self, database, yes):
        """Take no changes from now on, or take them again."""
        word = "on" if yes else "off"
        self.run(
            f"ALTER DATABASE {database} SET default_transaction_read_only"
            f" = {word}",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            f" WHERE datname = '{database}'",
        )

    def url(self, name):
        return f"postgresql://{name}@127.0.0.1:{self.port}/{name}"

    def socket_url(self, name):
        where = f"host={self.folder}&port={self.port}"
        return f"postgresql://{name}@/{name}?{where}"
