# SPDX-License-Identifier: Apache-2.0
"""Imports run one way: each room stands on those below it, never above.

Read from the syntax trees, so that an import inside a function counts too.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# What a package may import of ours.
PACKAGES = {
    "volt": {"volt"},
    "voltclient": {"voltclient"},
    "virtman": {"virtman", "voltclient"},
    "virtmanclient": {"virtmanclient"},
    "lab": {"lab"},
    "demo": {"demo", "lab"},
}

# The rooms of a package, the topmost row first: a room imports from rows
# below its own.  Rooms of one row do not know each other.
ROWS = {
    "virtman": (
        "cmd",
        "rpc heartbeat",
        "compute",
        "node",
        "image",
        "baseimage snapshot imageservice prerequisites udev",
        "layers paths blockservice",
        "cache",
        "drivers",
        "stack path privsep sysfs names conf",
        "exception",
    ),
    "volt": (
        "cmd wsgi",
        "compose",
        "deploy liveness listener",
        "handler middleware",
        "handlers request token",
        "call",
        "tree members images eviction",
        "treework",
        "registry",
        "executor",
        "schemas model conf",
        "exception",
    ),
}

# The one room that may import a module of somebody else's.
ALONE = {
    "eventlet": "volt/cmd/green.py",
    "nova": "virtmanclient/nova",
}


def imports():
    """Yield (file, line, module) for every import of our packages."""
    for package in PACKAGES:
        for file in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text())):
                for module in _modules(node):
                    yield file.relative_to(ROOT), node.lineno, module


def _modules(node):
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []


IMPORTS = list(imports())


def _room(parts):
    return Path(parts[1]).stem if len(parts) > 1 else "__init__"


def _row(package, room):
    for number, row in enumerate(ROWS[package]):
        if room in row.split():
            return number
    return None


def test_there_are_imports_to_look_at():
    assert len(IMPORTS) > 500


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_the_packages_it_may(package):
    wrong = [
        f"{file}:{line} imports {module}"
        for file, line, module in IMPORTS
        if file.parts[0] == package
        and module.split(".")[0] in PACKAGES
        and module.split(".")[0] not in PACKAGES[package]
    ]
    assert not wrong


@pytest.mark.parametrize("package", ROWS)
def test_no_import_runs_back_up(package):
    wrong = []
    for file, line, module in IMPORTS:
        parts = module.split(".")
        if file.parts[0] != package or parts[0] != package or len(parts) < 2:
            continue
        here, there = _room(file.parts), parts[1]
        up, down = _row(package, here), _row(package, there)
        if here == there or there[0].isupper() or here == "__init__":
            continue
        if up is None or down is None:
            wrong.append(f"{file}:{line}: {here} or {there} has no row")
        elif down <= up:
            wrong.append(f"{file}:{line}: {here} imports {there}")
    assert not wrong


@pytest.mark.parametrize("module", ALONE)
def test_a_module_kept_alone_is_imported_in_its_one_place(module):
    wrong = [
        f"{file}:{line}"
        for file, line, name in IMPORTS
        if name.split(".")[0] == module
        and not file.as_posix().startswith(ALONE[module])
    ]
    assert not wrong


def test_programs_are_run_from_privsep_alone():
    wrong = [
        f"{file}:{line}"
        for file, line, name in IMPORTS
        if file.parts[0] == "virtman"
        and name.split(".")[0] == "subprocess"
        and file.as_posix() != "virtman/privsep.py"
    ]
    assert not wrong
