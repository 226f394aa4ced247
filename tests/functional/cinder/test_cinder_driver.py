# SPDX-License-Identifier: Apache-2.0
"""Our distribution in Cinder's environment, and what Cinder does with it.

One file: the tests run in two processes, a file in each, and there is but one
environment to install into.  Each story of stories/ is told there.
"""

import json
import pathlib
import re
import tomllib
import zipfile

import pytest

from tests.functional.venvs import ROOT, stories_of

STORIES = pathlib.Path(__file__).parent / "stories"
OPERATOR = """
import json, sys
from cinder import objects
objects.register_all()
import cinder.volume.manager
from oslo_utils import importutils
driver = importutils.import_class('virtmanclient.cinder.VirtmanDriver')
print(json.dumps([driver.__module__, sorted(sys.modules)]))
"""
SOURCE = ROOT / "virtmanclient"


def test_installing_it_changes_no_other_package(environment, installed):
    assert "vmthunder-cinder" not in installed
    after = environment.packages()
    assert after.pop("vmthunder-cinder")
    assert after == installed
    environment.pip("check")


def test_cinder_finds_the_driver_and_nothing_of_the_server_s(
    environment, installed
):
    done = environment.run("python", "-c", OPERATOR, cwd="/")
    assert done.returncode == 0, done.stderr
    driver, modules = json.loads(done.stdout.splitlines()[-1])
    assert driver == "virtmanclient.cinder.driver"
    roots = {name.partition(".")[0] for name in modules}
    assert not roots & {"virtman", "volt", "voltclient", "nova"}


def test_the_options_can_be_had_as_a_sample(environment, installed):
    done = environment.run(
        "oslo-config-generator", "--namespace", "virtman.cinder"
    )
    assert done.returncode == 0, done.stderr
    assert "[backend_defaults]" in done.stdout
    assert "#virtman_image_dir = /srv/images/cinder" in done.stdout


@pytest.fixture
def project():
    text = (ROOT / "packaging/cinder/pyproject.toml").read_text()
    return tomllib.loads(text)["project"]


def test_it_has_the_version_that_a_tree_without_git_has(project):
    makefile = (ROOT / "Makefile").read_text()
    assert project["dependencies"] == []
    assert f"PBR_VERSION ?= {project['version']}\n" in makefile


def test_it_ships_the_client_and_nothing_of_nova(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    code = {name for name in names if re.search(r"\.pyi?$", name)}
    tree = {
        str(file.relative_to(ROOT))
        for file in SOURCE.rglob("*.py*")
        if file.suffix in (".py", ".pyi")
    }
    others = ("virtmanclient/nova/", "virtmanclient/openstack/")
    assert code == {name for name in tree if not name.startswith(others)}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("story", list(stories_of(STORIES)))
def test_in_cinder(story, outcomes):
    assert story in outcomes, "it was not told"
    assert outcomes[story] is None, outcomes[story]
