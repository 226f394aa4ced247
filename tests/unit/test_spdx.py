# SPDX-License-Identifier: Apache-2.0
"""Each source file says its licence first, each module what it is for.

Sources are found by what they are: Python by its ending, scripts by their
"#!".  What tools write and what was captured is not looked at.
"""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINE = "SPDX-License-Identifier: Apache-2.0"
FOLDERS = (
    "volt", "voltclient", "virtman", "virtmanclient", "vmthunder", "lab",
    "demo", "bench", "devstack", "packaging", "tools", "tests", "doc",
)  # fmt: skip
PYTHON = (".py", ".pyi")
PASSED_OVER = {"build", "__pycache__", "data", "node_modules"}


def files():
    """Yield every file of the project's own folders, and its root's."""
    yield from (entry for entry in ROOT.iterdir() if entry.is_file())
    for name in FOLDERS:
        for folder, below, names in os.walk(ROOT / name):
            below[:] = [one for one in below if _ours(one)]
            yield from (Path(folder) / one for one in names)


def _ours(name):
    return name not in PASSED_OVER and not name.startswith(".")


def is_script(file):
    with file.open("rb") as opened:
        return opened.read(2) == b"#!"


ALL = sorted(files())
MODULES = [file for file in ALL if file.suffix in PYTHON]
SCRIPTS = [file for file in ALL if is_script(file)]


def name(file):
    return str(file.relative_to(ROOT))


def opens_with_the_licence(text):
    """Tell whether a text's first line, but for "#!", names the licence."""
    lines = text.splitlines()
    first = lines[1:2] if text.startswith("#!") else lines[:1]
    return first == [f"# {LINE}"]


def purpose(text):
    """Return a module's docstring, empty if it has none."""
    return ast.get_docstring(ast.parse(text)) or ""


def test_every_source_file_opens_with_its_licence():
    sources = {*MODULES, *SCRIPTS}
    assert len(sources) > 100
    silent = [
        name(file)
        for file in sorted(sources)
        if not opens_with_the_licence(file.read_text())
    ]
    assert silent == []


def test_every_module_says_what_it_is_for():
    silent = [
        name(file)
        for file in MODULES
        if not re.match(r"\S.{9,}", purpose(file.read_text()))
    ]
    assert silent == []


@pytest.mark.parametrize(
    ("text", "good"),
    [
        (f"# {LINE}\n", True),
        (f"#!/bin/sh\n# {LINE}\nexit\n", True),
        ("", False),
        ("import os\n", False),
        (f"import os\n# {LINE}\n", False),
        (f"#!/bin/sh\n\n# {LINE}\n", False),
        (f"# {LINE} OR MIT\n", False),
    ],
)
def test_the_licence_is_looked_for_in_the_first_line(text, good):
    assert opens_with_the_licence(text) is good


def test_a_module_without_a_purpose_is_told():
    assert purpose("import os\n") == ""
    assert purpose('"""What it is for."""\n') == "What it is for."
