# SPDX-License-Identifier: Apache-2.0
"""The distribution that goes beside Nova changes nothing of Nova's."""

import json
import pathlib
import re
import tomllib
import zipfile

import pytest

ROOT = pathlib.Path(__file__).parents[3]
OPERATOR = """
import json, sys
from nova import monkey_patch; monkey_patch.patch(backend='threading')
import nova.virt.virtman
from virtmanclient.nova import compute
compute.alias()
print(json.dumps([nova.virt.virtman.__file__, sorted(sys.modules),
      sys.modules['nova.virt.virtman'].VirtmanLibvirtDriver.__module__]))
"""


def test_installing_it_changes_no_other_package(environment, installed):
    assert "vmthunder-nova" not in installed
    after = environment.packages()
    assert after.pop("vmthunder-nova")
    assert after == installed
    environment.pip("check")


def test_nova_finds_the_driver_and_nothing_of_the_server_s(
    environment, installed
):
    done = environment.run("python", "-c", OPERATOR, cwd="/")
    assert done.returncode == 0, done.stderr
    found, modules, driver = json.loads(done.stdout.splitlines()[-1])
    assert found == str(
        next(environment.folder.glob("lib/*/site-packages"))
        / "nova/virt/virtman/__init__.py"
    )
    assert driver == "virtmanclient.nova.driver"
    roots = {name.partition(".")[0] for name in modules}
    assert not roots & {"virtman", "volt", "voltclient", "eventlet"}


def test_the_start_script_is_nova_compute(environment, installed):
    done = environment.run("virtman-nova-compute", "--version")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == environment.packages()["nova"]


def test_the_options_can_be_had_as_a_sample(environment, installed):
    done = environment.run(
        "oslo-config-generator", "--namespace", "virtman.nova"
    )
    assert done.returncode == 0, done.stderr
    assert "[virtman]" in done.stdout
    assert "#agent_socket = /run/virtman/agent.sock" in done.stdout


@pytest.fixture
def project():
    text = (ROOT / "packaging/nova/pyproject.toml").read_text()
    return tomllib.loads(text)["project"]


def test_it_has_the_version_that_a_tree_without_git_has(project):
    makefile = (ROOT / "Makefile").read_text()
    assert project["dependencies"] == []
    assert f"PBR_VERSION ?= {project['version']}\n" in makefile


def test_it_ships_the_client_and_one_file_below_nova(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    code = [name for name in names if re.search(r"\.pyi?$", name)]
    assert [name for name in code if name.startswith("nova/")] == [
        "nova/virt/virtman/__init__.py"
    ]
    tree = {
        str(file.relative_to(ROOT))
        for file in (ROOT / "virtmanclient").rglob("*.py*")
        if file.suffix in (".py", ".pyi")
    }
    assert {name for name in code if name.startswith("virtman")} == tree
