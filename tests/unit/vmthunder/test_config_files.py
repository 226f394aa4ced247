# SPDX-License-Identifier: Apache-2.0
"""The configuration files of a program, as they were read."""

from __future__ import annotations

import pytest
from oslo_config import cfg

from vmthunder import config_files


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "main.conf").write_text("[DEFAULT]\na = 1\na = 2\n[s]\nb =\n")
    more = tmp_path / "more"
    more.mkdir()
    for name in ("20.conf", "10.conf", "notes.txt"):
        (more / name).write_text("[DEFAULT]\n")
    return tmp_path


def test_the_files_of_a_folder_are_read_in_their_order(folder):
    conf = cfg.ConfigOpts()
    main, more = folder / "main.conf", folder / "more"
    conf(["--config-file", str(main), "--config-dir", str(more)])
    assert list(config_files.read_files(conf)) == [
        str(main), str(more / "10.conf"), str(more / "20.conf"),
    ]  # fmt: skip


def test_every_value_of_a_key_is_told(folder):
    written = config_files.sections(str(folder / "main.conf"))
    assert written == {"DEFAULT": {"a": ["1", "2"]}, "s": {"b": [""]}}


def test_the_files_of_a_command_line_are_named_or_the_default(folder):
    main = folder / "main.conf"
    words = [f"--config-file={main}", "--debug", "--config-file=/none"]
    assert config_files.named_files(words, "the default") == str(main)
    assert config_files.named_files(["--debug"], "the default") == (
        "the default"
    )


@pytest.mark.parametrize(
    ("value", "printable"),
    [("text", True), (["a", "b\x1b"], False), ("\n", False), (7, True)],
)
def test_a_value_with_a_control_character_is_not_printable(value, printable):
    assert config_files.is_printable(value) is printable
