# SPDX-License-Identifier: Apache-2.0
"""A keystone with people in it, and volt-apis that ask it."""

import contextlib

import pytest
from keystone_callers import configured
from keystone_process import Keystone


@pytest.fixture(scope="session")
def keystone(tmp_path_factory):
    served = Keystone(tmp_path_factory.mktemp("keystone"))
    try:
        yield served.create().start().populate()
    finally:
        served.stop()


@pytest.fixture(scope="session")
def sessions(keystone):
    return {
        name: keystone.session(name, project)
        for name, project in (
            ("admin", "admin"),
            ("virtman", "service"),
            ("alice", "service"),
        )
    }


@pytest.fixture(scope="session")
def behind_keystone(keystone, tmp_path_factory):
    """One volt-api for the tests that leave it as it is."""
    api = configured(tmp_path_factory.mktemp("volt"), keystone, debug=True)
    try:
        yield api.start()
    finally:
        api.kill()


@pytest.fixture
def start_before_keystone(keystone, tmp_path):
    """Start volt-apis of other kinds."""
    with contextlib.ExitStack() as started:

        def begin(more="", **options):
            api = configured(tmp_path, keystone, more, **options)
            started.callback(api.kill)
            return api.start()

        yield begin
