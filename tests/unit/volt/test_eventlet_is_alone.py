# SPDX-License-Identifier: Apache-2.0
"""eventlet is near its end: one module knows it, so one has to change."""

import ast
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[3]
PACKAGES = (
    "volt",
    "voltclient",
    "virtman",
    "virtmanclient",
    "vmthunder",
    "lab",
)


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def test_eventlet_is_imported_in_one_module_only():
    found = [
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if any(name.split(".")[0] == "eventlet" for name in imports(path))
    ]
    assert found == ["volt/cmd/green.py"]


def test_the_wsgi_application_comes_without_eventlet():
    code = (
        "import sys, volt.wsgi, volt.compose, volt.cmd.api\n"
        'assert "eventlet" not in sys.modules'
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_the_client_imports_nothing_of_the_server():
    code = (
        "import sys, voltclient.v1.client, voltclient.common.exception\n"
        'ours = {"volt", "virtman", "virtmanclient"} & set(sys.modules)\n'
        "assert not ours, ours\n"
        'assert "urllib3" not in sys.modules'
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
