# SPDX-License-Identifier: Apache-2.0
"""The documents build without a warning and do not lag behind the code."""

import re
import subprocess
import sys
from pathlib import Path

import docutils.core
import pytest

from virtman.conf import opts

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "doc" / "source"
PLAIN = ("README.rst", "CONTRIBUTING.rst", "devstack/README.rst")
GUIDES = tuple(
    f"doc/source/{name}.rst"
    for name in (
        "architecture",
        "make-openstack",
        "operations",
        "nova",
        "openstack",
        "virtman-burst",
        "cinder",
        "virtman-server",
        "voltclient",
    )
)
# What the documents name in the tree: ``virtman/names.py``, ``etc/virtman``.
FILE = re.compile(
    r"``((?:bench|cloud|demo|devstack|doc|etc|lab|packaging|releasenotes|tests"
    r"|tools|virtman|virtmanclient|volt|voltclient)/[\w./-]*)``"
)


def build(builder, target):
    argv = ["-m", "sphinx", "-q", "-W", "--keep-going", "-b", builder]
    return subprocess.run(
        [sys.executable, *argv, str(SOURCE), str(target)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize("builder", ["html", "man"])
def test_the_documentation_builds_without_a_warning(builder, tmp_path):
    done = build(builder, tmp_path)
    assert done.returncode == 0, done.stderr
    made = {file.name for file in tmp_path.iterdir()}
    wanted = {"html": "index.html", "man": "virtman-server.8"}
    assert wanted[builder] in made


def test_a_manual_page_has_one_name_and_no_dead_links(tmp_path):
    build("man", tmp_path)
    text = (tmp_path / "virtman-server.8").read_text()
    assert text.count(".SH NAME") == 1
    assert "<>" not in text


@pytest.mark.parametrize("name", PLAIN)
def test_a_page_outside_of_it_is_read_without_a_warning(name):
    docutils.core.publish_doctree(
        (ROOT / name).read_text(),
        source_path=name,
        settings_overrides={"halt_level": 2, "report_level": 2},
    )


@pytest.mark.parametrize("name", [*PLAIN, *GUIDES])
def test_the_files_that_a_page_names_are_there(name):
    named = FILE.findall((ROOT / name).read_text())
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize(
    "option", [*opts.CLI, *opts.OPTIONS], ids=lambda option: option.dest
)
def test_the_agent_s_page_tells_its_options(option):
    page = (SOURCE / "virtman-server.rst").read_text()
    if option.deprecated_for_removal:
        assert f"``{option.dest}``" in page
        return
    row = re.search(rf"^``{option.dest}`` +(\S+( \S+)*)", page, re.MULTILINE)
    assert row, "not in the table"
    default = option.default
    if isinstance(default, list):
        default = ",".join(default)
    if default is not None and not option.sample_default:
        assert row[1].lower() == str(default).lower()
