# SPDX-License-Identifier: Apache-2.0
"""Where the token of a node comes from, and where it must not be seen."""

import pytest

from virtmanclient import vmtapi, vmtrun
from virtmanclient.batch import shell
from virtmanclient.batch.runner import Wire

SECRET = "0123456789abcdef"


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    for name in ("VIRTMAN_TOKEN", "VIRTMAN_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def file(tmp_path):
    made = tmp_path / "token"
    made.write_text(f"# first the new one\n\n {SECRET} \nan older one\n")
    return str(made)


def test_without_a_word_none_is_shown(node):
    assert vmtapi.known_token() is None
    vmtapi.list(node.endpoint)
    assert node.shown == [None]


def test_the_environment_has_it_or_names_its_file(monkeypatch, file):
    monkeypatch.setenv("VIRTMAN_TOKEN_FILE", file)
    assert vmtapi.known_token() == SECRET
    monkeypatch.setenv("VIRTMAN_TOKEN", "another")
    assert vmtapi.known_token() == "another"
    assert vmtapi.known_token(file) == SECRET


def test_a_caller_that_knows_nothing_of_it_goes_on_working(
    node, monkeypatch, file
):
    monkeypatch.setenv("VIRTMAN_TOKEN_FILE", file)
    vmtapi.list(node.endpoint)
    # base64 of virtman:0123456789abcdef
    assert node.shown == ["Basic dmlydG1hbjowMTIzNDU2Nzg5YWJjZGVm"]


def test_a_file_without_one_is_named(tmp_path):
    (tmp_path / "empty").write_text("# nothing\n")
    with pytest.raises(ValueError, match="empty"):
        vmtapi.known_token(str(tmp_path / "empty"))


def test_the_commands_show_what_their_file_has(node, tmp_path, file, capsys):
    steps = tmp_path / "nodelist.cfg"
    steps.write_text(f"@ {node.address}\n")
    argv = [f"--port={node.port}", f"--token-file={file}", str(steps)]
    assert shell.main(vmtrun.COMMAND, argv) == shell.ALL_GOOD
    assert node.shown[0].startswith("Basic ")
    said = capsys.readouterr()
    assert SECRET not in said.out + said.err


def test_a_file_that_cannot_be_read_ends_a_command_before_it_begins(
    node, tmp_path, capsys
):
    steps = tmp_path / "nodelist.cfg"
    steps.write_text(f"@ {node.address}\n")
    argv = [f"--port={node.port}", "--token-file=/no/file", str(steps)]
    assert shell.main(vmtrun.COMMAND, argv) == shell.BAD_INPUT
    assert node.calls == []
    assert "/no/file" in capsys.readouterr().err


def test_the_token_is_in_no_printed_object():
    assert SECRET not in repr(Wire(token=SECRET))
