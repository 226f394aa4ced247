# SPDX-License-Identifier: Apache-2.0
"""Registries on every kind of database, and volt-apis to use them."""

import dataclasses
import uuid

import pytest
from sql_mariadb import MariaDB
from sql_postgresql import PostgreSQL
from volt_process import TOKEN, VoltAPI, free_port

from voltclient import Client

KINDS = ("sqlite", "postgresql", "mariadb")


@pytest.fixture(scope="module")
def volt(tmp_path_factory):
    """One running volt-api with a token, empty at the beginning of a file."""
    api = VoltAPI(tmp_path_factory.mktemp("volt")).start()
    yield api
    api.kill()


@pytest.fixture
def client(volt):
    return Client(volt.endpoint, token=TOKEN)


@pytest.fixture
def new_volt(tmp_path):
    """Make volt-apis that are not started yet; they end with the test."""
    made = []

    def make(**options):
        made.append(VoltAPI(tmp_path, **options))
        return made[-1]

    yield make
    for api in made:
        if hasattr(api, "process"):
            api.kill()


@pytest.fixture(scope="session")
def postgresql():
    """One private server for all tests that do not stop it."""
    with PostgreSQL() as server:
        yield server


@pytest.fixture(scope="session")
def mariadb():
    """One private server for all tests that do not stop it."""
    with MariaDB() as server:
        yield server


@dataclasses.dataclass(frozen=True)
class Database:
    """An empty database."""

    kind: str
    url: str


@pytest.fixture(params=KINDS)
def new_database(request, tmp_path):
    """Make empty databases, of each kind in turn."""

    def make():
        if request.param == "sqlite":
            name = f"{uuid.uuid4().hex}.sqlite"
            return Database("sqlite", f"sqlite:///{tmp_path}/{name}")
        server = request.getfixturevalue(request.param)
        return Database(request.param, server.database())

    return make


@pytest.fixture
def database(new_database):
    """An empty database, of each kind in turn."""
    return new_database()


@pytest.fixture
def unused_port():
    """A port at which nothing listens."""
    return free_port()
