# SPDX-License-Identifier: Apache-2.0
"""Cinder's environment with our distribution in it, and what it did there."""

import pathlib
from concurrent import futures

import compute_agents
import pytest

from tests.functional.venvs import ROOT, Environment

HERE = pathlib.Path(__file__).parent
CINDER = ROOT / "build" / "cinder"


@pytest.fixture(scope="session")
def environment():
    if not (CINDER / "installed").exists():
        pytest.skip("no build/cinder; make cinder")
    found = Environment(CINDER)
    found.run("pip", "uninstall", "-y", "vmthunder-cinder")
    return found


@pytest.fixture(scope="session")
def wheel(environment, tmp_path_factory):
    return environment.wheel(tmp_path_factory.mktemp("tree"), "cinder")


@pytest.fixture(scope="session")
def installed(environment, wheel):
    """Install it as an operator would; yield what was there before."""
    environment.pip("check")
    before = environment.packages()
    environment.pip("install", "-q", wheel)
    yield before
    environment.pip("uninstall", "-q", "-y", "vmthunder-cinder")


@pytest.fixture(scope="session")
def outcomes(environment, installed, tmp_path_factory):
    """Tell all stories once; return what went wrong in each."""

    def tell(file):
        folder = tmp_path_factory.mktemp("c")
        with compute_agents.serving(folder):
            return environment.tell(file, folder)

    with futures.ThreadPoolExecutor(2) as pool:
        found = pool.map(tell, (HERE / "stories").glob("stories_*.py"))
        return {story: why for one in found for story, why in one.items()}
