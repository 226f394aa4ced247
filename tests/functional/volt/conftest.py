# SPDX-License-Identifier: Apache-2.0
"""One volt-api to share, and ones that a test starts itself."""

import pytest
from volt_process import TOKEN, VoltAPI

from voltclient import Client


@pytest.fixture(scope='session')
def volt(tmp_path_factory):
    """One running volt-api with a token."""
    api = VoltAPI(tmp_path_factory.mktemp('volt')).start()
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
        if hasattr(api, 'process'):
            api.kill()
