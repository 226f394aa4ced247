# SPDX-License-Identifier: Apache-2.0
"""pytest imports the files of tests by their names alone."""

import collections
import pathlib

TESTS = pathlib.Path(__file__).parents[1]
SHARED = {"conftest.py", "__init__.py"}


def test_no_two_files_of_tests_have_one_name():
    files = collections.defaultdict(list)
    for path in TESTS.rglob("*.py"):
        if path.name not in SHARED and path.parent != TESTS / "lab":
            files[path.name].append(str(path.relative_to(TESTS)))
    assert [paths for paths in files.values() if len(paths) > 1] == []
