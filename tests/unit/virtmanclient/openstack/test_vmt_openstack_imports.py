# SPDX-License-Identifier: Apache-2.0
"""What runs inside Nova or Cinder imports nothing that is not there."""

import ast
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[4]
FILES = sorted(
    [
        *(ROOT / "virtmanclient" / "nova").glob("*.py"),
        *(ROOT / "virtmanclient" / "cinder").glob("*.py"),
        *(ROOT / "packaging" / "nova" / "src").rglob("*.py"),
    ]
)
ALLOWED = {*sys.stdlib_module_names, "oslo_config", "virtmanclient"}
OF = {"nova": {"nova"}, "cinder": {"cinder", "oslo_concurrency"}}


def imported(file):
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "relative"
            yield node.module


@pytest.mark.parametrize(
    "file", FILES, ids=lambda file: str(file.relative_to(ROOT))
)
def test_it_imports_the_service_oslo_and_the_standard_library(file):
    roots = {name.partition(".")[0] for name in imported(file)}
    [service] = OF.keys() & set(file.relative_to(ROOT).parts)
    assert roots <= ALLOWED | OF[service]


def test_the_files_are_found():
    assert {"driver.py", "volume.py"} < {file.name for file in FILES}
