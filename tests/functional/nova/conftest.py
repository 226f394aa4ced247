# SPDX-License-Identifier: Apache-2.0
"""Nova's environment with our distribution in it, and what it did there."""

import pathlib
from concurrent import futures

import pytest
import recording_agents

from tests.functional.venvs import ROOT, Environment

HERE = pathlib.Path(__file__).parent
NOVA = ROOT / "build" / "nova"


@pytest.fixture(scope="session")
def environment():
    if not (NOVA / "installed").exists():
        pytest.skip("no build/nova; make nova")
    found = Environment(NOVA)
    found.run("pip", "uninstall", "-y", "vmthunder-nova")
    return found


@pytest.fixture(scope="session")
def wheel(environment, tmp_path_factory):
    return environment.wheel(tmp_path_factory.mktemp("tree"), "nova")


@pytest.fixture(scope="session")
def installed(environment, wheel):
    """Install it as an operator would; yield what was there before."""
    environment.pip("check")
    before = environment.packages()
    environment.pip("install", "-q", wheel)
    yield before
    environment.pip("uninstall", "-q", "-y", "vmthunder-nova")


@pytest.fixture(scope="session")
def outcomes(environment, installed, tmp_path_factory):
    """Tell all stories once; return what went wrong in each.

    The modules side by side: half of the time they wait for Nova.
    """

    def tell(file):
        folder = tmp_path_factory.mktemp("n")
        with recording_agents.serving(folder):
            return environment.tell(
                file, folder, OS_NOVA_DISABLE_EVENTLET_PATCHING="True"
            )

    with futures.ThreadPoolExecutor() as pool:
        found = pool.map(tell, (HERE / "stories").glob("stories_*.py"))
        return {story: why for one in found for story, why in one.items()}
