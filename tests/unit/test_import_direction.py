# SPDX-License-Identifier: Apache-2.0
"""Imports run one way: the tables below, held against the syntax trees.

Imports inside functions count too.  That eventlet is imported in one module
alone is held by tests/unit/volt/test_eventlet_is_alone.py.
"""

from __future__ import annotations

import ast
import functools
import graphlib
import itertools
from pathlib import Path

import pytest

# Which of our packages a package may import, besides itself.
PACKAGES = {
    "vmthunder": set(),
    "volt": {"vmthunder"},
    "voltclient": set(),
    "virtman": {"voltclient", "virtmanclient", "vmthunder"},
    "virtmanclient": set(),
    "lab": set(),
    "demo": {"lab"},
    "bench": {"volt"},
    "cloud": {"demo", "lab"},
}

# From above to below.  A module or folder imports only what stands in a line
# below its own; a folder's own modules may import each other.
TIERS = {
    "vmthunder": ("addresses config_files keystone_login logs secret_file",),
    "bench": (
        "startup volt",
        "table",
    ),
    "demo": (
        "__main__",
        "story",
        "image",
        "boot_loader disk isolation live telling",
        "display initramfs options picture site traffic",
        "events guest_vm interrupt machine operator plan probe tools "
        "tree verdict waiting",
    ),
    "lab": (
        "__main__",
        "cli pytest_plugin smoke",
        "cluster",
        "report services",
        "node",
        "doctor shell",
        "process qemu share usermode",
        "diagnosis initramfs machine",
        "accelerator arguments kernel network xstate",
        "doorbell processes spec tools",
        "errors lockfile waiting",
    ),
    "virtmanclient": (
        "cinder vmtrun",
        "client nova openstack stores targets vmtimg",
        "agent batch remote",
        "doors",
        "exceptions vmtapi",
    ),
    "virtman": (
        "cmd",
        "cli",
        "doctor",
        "rpc",
        "compute",
        "node",
        "image targets",
        "coordinator inventory",
        "admission cache instance",
        "drivers state",
        "model paths privsep",
        "conf names path stack",
        "exception formats log_once quoting sysfs waiting worker",
    ),
    "voltclient": (
        "shell",
        "application",
        "commands v1",
        "client",
        "branches members",
        "images options trees volumes",
        "environment http",
        "common paging retry tokens transport types",
        "exceptions",
    ),
    "cloud": (
        "__main__",
        "run",
        "horizon",
        "story",
        "nodes",
        "control_plane",
        "daemons",
        "errors namespace neutron plan waiting",
    ),
    "volt": (
        "cmd wsgi",
        "compose",
        "deploy",
        "api",
        "metrics",
        "liveness",
        "topology",
        "auth registry rules",
        "conf executor middleware request",
        "event exception model pace",
    ),
}

# What of others is imported only in the files or folders given with it.
ALONE = {
    # Whatever needs root, and a child of the agent's own.
    ("virtman", "subprocess"): [
        "virtman/privsep/",
        "virtman/drivers/digest.py",
    ],
    ("virtman", "oslo_privsep"): ["virtman/privsep/"],
    ("virtman", "os_brick"): ["virtman/drivers/"],
    ("virtman", "voltclient"): [
        "virtman/coordinator/volt.py",
        "virtman/coordinator/volt_client.py",
    ],
    # What the agent's commands ask with; what both ends of a broker agree on.
    ("virtman", "virtmanclient"): [
        "virtman/cli/",
        "virtman/rpc/endpoint.py",
        "virtman/rpc/messaging.py",
    ],
    ("volt", "sqlalchemy"): ["volt/registry/", "volt/compose.py"],
    ("volt", "alembic"): ["volt/registry/"],
    ("volt", "routes"): ["volt/api/router.py"],
    ("virtman", "oslo_messaging"): ["virtmanclient/doors/broker.py"],
    ("virtmanclient", "oslo_messaging"): ["virtmanclient/doors/broker.py"],
    ("virtmanclient", "nova"): ["virtmanclient/nova/"],
    ("virtmanclient", "cinder"): ["virtmanclient/cinder/"],
    ("voltclient", "urllib3"): ["voltclient/transport.py"],
    ("virtmanclient", "novaclient"): ["virtmanclient/openstack/"],
    ("virtmanclient", "keystoneauth1"): ["virtmanclient/openstack/"],
    ("virtmanclient", "openstack"): ["virtmanclient/openstack/access.py"],
    # Steps tell what happens; how that looks is the displays' alone.
    ("demo", "rich"): ["demo/live.py", "demo/picture.py"],
}

# Calls that would run a command through a shell.
SHELLS = {"os.system", "os.popen", "subprocess.getoutput", "pty.spawn"}

ROOT = Path(__file__).parents[2]


@functools.cache
def modules(package, root=ROOT):
    """Return every module of a package: its file, its name, its tree."""
    return [
        (file, dotted(file.relative_to(root)), ast.parse(file.read_text()))
        for file in sorted((root / package).rglob("*.py"))
    ]


def dotted(file):
    """Return the name under which a file is imported."""
    parts = file.with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def imports(name, tree):
    """Yield what a module imports, as (full name, line)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = name.split(".")[: -node.level] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            for alias in node.names:
                yield f"{base}.{alias.name}", node.lineno


def places(package, root=ROOT):
    """Yield (file, module's name, imported name, "file:line")."""
    for file, name, tree in modules(package, root):
        short = file.relative_to(root)
        for imported, line in imports(name, tree):
            yield str(short), name, imported, f"{short}:{line}"


def strangers(package, allowed, root=ROOT):
    """Say where a package imports another of ours that it may not."""
    forbidden = set(PACKAGES) - {package} - allowed
    return [
        f"{place}: {package} may not import {imported}"
        for _, _, imported, place in places(package, root)
        if imported.split(".")[0] in forbidden
    ]


def upward(package, tiers, root=ROOT):
    """Say where a module imports what does not stand below it."""
    rank = {
        unit: number
        for number, line in enumerate(tiers)
        for unit in line.split()
    }
    found = []
    for file, name, imported, place in places(package, root):
        if imported.split(".")[0] != package or imported == package:
            continue
        unit, other = (word.split(".")[1:2] for word in (name, imported))
        for missing in {*unit, *other} - set(rank):
            found.append(f"{place}: {missing} stands in no line of TIERS")
        if not unit or unit == other or {*unit, *other} - set(rank):
            continue
        if rank[unit[0]] >= rank[other[0]]:
            found.append(f"{place}: {file} may not import {imported}")
    return found


def circles(package, root=ROOT):
    """Return the modules of a package that import one another in a ring."""
    known = {name for _, name, _ in modules(package, root)}
    graph = {name: set() for name in known}
    for _, name, imported, _ in places(package, root):
        target = imported if imported in known else imported.rpartition(".")[0]
        if target in known - {name}:
            graph[name].add(target)
    try:
        tuple(graphlib.TopologicalSorter(graph).static_order())
    except graphlib.CycleError as error:
        return error.args[1]
    return []


def astray(package, foreign, homes, root=ROOT):
    """Say where something of others is imported outside its homes."""
    return [
        f"{place}: {foreign} belongs in {', '.join(homes)}"
        for file, _, imported, place in places(package, root)
        if imported.split(".")[0] == foreign
        and not any(file.startswith(home) for home in homes)
    ]


def shells(package, root=ROOT):
    """Say where a command would go through a shell."""
    return [
        f"{file.relative_to(root)}:{node.lineno}: {ast.unparse(node)[:60]}"
        for file, _, tree in modules(package, root)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and (
            ast.unparse(node.func) in SHELLS
            or any(ast.unparse(word) == "shell=True" for word in node.keywords)
        )
    ]


each_package = pytest.mark.parametrize("package", sorted(PACKAGES))


@each_package
def test_a_package_imports_no_other_than_it_may(package):
    assert strangers(package, PACKAGES[package]) == []


@pytest.mark.parametrize("package", sorted(TIERS))
def test_no_import_runs_back_up(package):
    assert upward(package, TIERS[package]) == []


@each_package
def test_no_modules_import_one_another_in_a_ring(package):
    assert circles(package) == []


@pytest.mark.parametrize("package, foreign", sorted(ALONE))
def test_what_belongs_in_one_place_is_imported_there_alone(package, foreign):
    assert astray(package, foreign, ALONE[package, foreign]) == []


@each_package
def test_no_command_goes_through_a_shell(package):
    assert shells(package) == []


@pytest.fixture
def tree(tmp_path):
    """Write modules of a package that breaks every rule."""
    files = {
        "virtman/__init__.py": "",
        "virtman/exception.py": "def f():\n    from virtman import names\n",
        "virtman/names.py": "import virtman.exception\nimport subprocess\n",
        "virtman/drivers/__init__.py": "",
        "virtman/drivers/a.py": "from . import b\nfrom ..node import Node\n",
        "virtman/drivers/b.py": "import volt.model\n",
        "virtman/node/node.py": "from virtman.drivers import a\n",
        "virtman/odd.py": "import virtman.names\nos.system('x')\n",
        "virtman/privsep.py": "import subprocess\nrun('x', shell=True)\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_a_violation_is_told_with_its_file_and_line(tree):
    told = upward("virtman", TIERS["virtman"], tree)
    assert [line.split(" ")[0] for line in told] == [
        "virtman/drivers/a.py:2:",
        "virtman/exception.py:2:",
        "virtman/odd.py:1:",
    ]
    assert "odd stands in no line" in told[-1]
    assert strangers("virtman", {"voltclient"}, tree) == [
        "virtman/drivers/b.py:1: virtman may not import volt.model"
    ]
    (alone,) = astray("virtman", "subprocess", ["virtman/privsep.py"], tree)
    assert alone.startswith("virtman/names.py:2:")
    assert [line.split(" ")[0] for line in shells("virtman", tree)] == [
        "virtman/odd.py:2:",
        "virtman/privsep.py:2:",
    ]


def test_a_ring_is_found(tree):
    ring = circles("virtman", tree)
    assert ring[0] == ring[-1]
    assert {"virtman.names", "virtman.exception"} <= set(ring) or {
        "virtman.node.node", "virtman.drivers.a",
    } <= set(ring)  # fmt: skip


def test_the_tables_speak_of_what_is_there():
    for package, tiers in TIERS.items():
        units = list(itertools.chain(*map(str.split, tiers)))
        assert len(units) == len(set(units))
        here = {entry.stem for entry in (ROOT / package).iterdir()}
        assert set(units) <= here
