# SPDX-License-Identifier: Apache-2.0
"""vmtapi against a real XML-RPC server."""

import ast
import inspect
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import threading

import pytest

from virtmanclient import vmtapi

FUNCTIONS = (
    "create",
    "destroy",
    "list",
    "list_inactive",
    "create_image_target",
    "destroy_image_target",
    "list_image_target",
)
PREFIX = "iqn.2010-10.org.openstack:"


def test_create_sends_the_tutorials_arguments(node):
    answer = vmtapi.create(
        "127.0.0.2", "vm1", "image1", "10.0.0.2", port=node.port
    )
    assert answer == "0:/dev/mapper/snapshot_vm1"
    connection = {
        "target_portal": "10.0.0.2:3260",
        "target_iqn": f"{PREFIX}volume-image1",
        "target_lun": 1,
    }
    assert node.calls == [
        ("create", "vm1", "volume-image1", [connection], None)
    ]


def test_optional_arguments_of_create_reach_the_node(node):
    vmtapi.create(
        node.endpoint,
        "vm1",
        "volume-i",
        "fe80::1",
        3261,
        "iqn.x:",
        2,
        "/dev/loop5",
    )
    _, _, image, [connection], snapshot_dev = node.calls[0]
    assert image == "volume-i"
    assert connection == {
        "target_portal": "[fe80::1]:3261",
        "target_iqn": "iqn.x:volume-i",
        "target_lun": 2,
    }
    assert snapshot_dev == "/dev/loop5"


def test_answers_are_passed_through_as_they_are(node):
    vmtapi.create(node.endpoint, "vm1", "i", "10.0.0.2")
    again = vmtapi.create(node.endpoint, "vm1", "i", "10.0.0.2")
    assert again == "1:Virtman: the instance_name 'vm1' already exists!"
    assert vmtapi.list(node.endpoint) == ["vm1:volume-i"]
    assert vmtapi.destroy(node.endpoint, "vm1") == "0:"
    assert vmtapi.destroy(node.endpoint, "vm1").startswith("1:")
    assert vmtapi.list(node.endpoint) == []


def test_image_targets_are_created_listed_and_destroyed(node):
    assert (
        vmtapi.create_image_target(node.endpoint, "i", "/srv/i.img")
        == "0:1:/dev/loop0"
    )
    assert node.calls[-1][1:] == ("i", "/srv/i.img", None, PREFIX)
    assert vmtapi.list_image_target(node.endpoint) == ["volume-i:1:/dev/loop0"]
    assert vmtapi.destroy_image_target(node.endpoint, "i") == "0:"


def test_nothing_is_printed(node, capfd):
    vmtapi.create(node.endpoint, "vm1", "i", "10.0.0.2")
    vmtapi.list(node.endpoint)
    assert capfd.readouterr() == ("", "")


def test_a_fault_of_the_server_is_raised(node):
    node.fault = RuntimeError("no space")
    with pytest.raises(vmtapi.Fault, match="no space"):
        vmtapi.list(node.endpoint)


def test_a_node_without_a_server_raises_oserror():
    with pytest.raises(OSError):
        vmtapi.list("127.0.0.9", port=1)


def test_a_silent_node_times_out(node):
    node.slow = {"vm1"}
    with pytest.raises(socket.timeout):
        vmtapi.create(node.endpoint, "vm1", "i", "10.0.0.2", timeout=0.3)


def test_a_connection_cut_in_mid_answer_is_not_tried_again():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        requests = []

        def cut():
            while True:
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                with peer:
                    requests.append(peer.recv(65536))

        threading.Thread(target=cut, daemon=True).start()
        with pytest.raises(OSError):
            vmtapi.create(
                "127.0.0.1", "vm1", "i", "x", port=listener.getsockname()[1]
            )
        assert len(requests) == 1


@pytest.mark.parametrize("given", ["::1", "[::1]"])
def test_an_ipv6_node_needs_no_brackets(given):
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    with pytest.raises(OSError):
        vmtapi.list(given, port=1)


def test_the_file_stays_readable_to_python_2():
    source = pathlib.Path(inspect.getfile(vmtapi)).read_text("ascii")
    for found in ast.walk(ast.parse(source)):
        assert not isinstance(
            found, (ast.JoinedStr, ast.AnnAssign, ast.Nonlocal, ast.NamedExpr)
        )
        if isinstance(found, ast.FunctionDef):
            assert found.returns is None
            assert not found.args.kwonlyargs
            assert not any(arg.annotation for arg in found.args.args)


def test_the_file_needs_nothing_but_the_standard_library():
    source = pathlib.Path(inspect.getfile(vmtapi)).read_text("ascii")
    names = {
        alias.name.partition(".")[0]
        for found in ast.walk(ast.parse(source))
        if isinstance(found, (ast.Import, ast.ImportFrom))
        for alias in found.names
    }
    python_2 = {"httplib", "xmlrpclib"}
    assert names <= sys.stdlib_module_names | python_2


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_stub_has_the_arguments_of_the_file(name):
    stub = pathlib.Path(inspect.getfile(vmtapi)).with_suffix(".pyi")
    [function] = [
        found
        for found in ast.parse(stub.read_text()).body
        if isinstance(found, ast.FunctionDef) and found.name == name
    ]
    parameters = inspect.signature(getattr(vmtapi, name)).parameters
    assert [arg.arg for arg in function.args.args] == list(parameters)


def other_pythons():
    """Return the other Pythons of this machine: the path's and pyenv's."""
    root = pathlib.Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    installed = [str(path) for path in root.glob("versions/*/bin/python")]
    return installed or [path for path in [shutil.which("python2.7")] if path]


ASK = """
import socket
import vmtapi
node = %r
assert vmtapi.create(node, 'vm1', 'i', '10.0.0.2').startswith('0:/dev/')
assert vmtapi.list(node) == ['vm1:volume-i'], vmtapi.list(node)
assert vmtapi.destroy(node, 'vm1') == '0:'
assert vmtapi.destroy(node, 'vm1').startswith('1:')
try:
    vmtapi.create(node, 'slow', 'i', '10.0.0.2', timeout=0.3)
except socket.timeout:
    print('timed out')
"""


@pytest.mark.parametrize("python", other_pythons() or [None])
def test_other_pythons_can_use_the_file(node, python, tmp_path):
    if python is None:
        pytest.skip("no other Python on this machine")
    shutil.copy(inspect.getfile(vmtapi), tmp_path)
    node.slow = {"slow"}
    done = subprocess.run(
        [python, "-c", ASK % node.endpoint],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.stdout, done.stderr, done.returncode) == (
        "timed out\n",
        "",
        0,
    )
