# SPDX-License-Identifier: Apache-2.0
"""Options: what is unknown or senseless is refused by file and name."""

from __future__ import annotations

import dataclasses
import pathlib
import sys

import pytest
from oslo_config import cfg

from virtman import conf
from virtman.conf import opts
from virtman.exception import ConfigError

ROOT = pathlib.Path(__file__).parents[4]


@pytest.fixture
def read(tmp_path):
    """Read a file of the given text; its path is ``read.file``."""

    def settings(text, *argv):
        read_file.write_text(text)
        argv = ["--config-file", str(read_file), *argv]
        return conf.settings(conf.parse(argv))

    read_file = settings.file = tmp_path / "virtman.conf"
    return settings


def test_an_empty_file_gives_the_documented_defaults(read):
    found = read("")
    assert (found.rpc_port, found.iscsi_port) == (7774, 3260)
    assert (found.master_ip, found.master_port) == (None, 7447)
    assert found.cache_engine == "qemu"
    assert found.snapshot_chunk == 128
    assert (found.live_sources, found.heartbeat_interval) == (2, 5.0)
    assert str(found.cache_dir) == "/var/lib/virtman/cache"
    assert str(found.snapshot_dir) == "/var/lib/virtman/snapshots"
    assert found.image_dirs == (pathlib.Path("/srv/images"),)
    assert found.fcg_ssds == ("/dev/loop0",)
    assert found.master_token_file is None


def test_folders_follow_the_state_folder_unless_they_are_given(read):
    found = read("[DEFAULT]\nstate_dir=/a\nsnapshot_dir=/b\n")
    assert (str(found.cache_dir), str(found.snapshot_dir)) == (
        "/a/cache",
        "/b",
    )


def test_folders_are_absolute_and_without_links(read, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    found = read("[DEFAULT]\nstate_dir=here\nrun_dir=link/run\n")
    assert found.state_dir == tmp_path / "here"
    assert found.run_dir == tmp_path / "disk" / "run"


def test_the_command_line_wins_over_the_file(read):
    text = "[DEFAULT]\nhost_ip=10.0.0.1\nrpc_port=1\n"
    found = read(text, "--host_ip", "10.0.0.2")
    assert (found.host_ip, found.rpc_port) == ("10.0.0.2", 1)


@pytest.mark.parametrize(
    ("text", "option", "section"),
    [
        ("[DEFAULT]\nhost_pi=10.0.0.1\n", "host_pi", "DEFAULT"),
        ("[DEFAULT]\ndebug=1\n\nfcg_size=4\n", "fcg_size", "DEFAULT"),
        ("[virtman]\nhost_ip=10.0.0.1\n", "host_ip", "virtman"),
        ("[database]\nconnection=x\n", "connection", "database"),
        ("[default]\nhost_ip=10.0.0.1\n", "host_ip", "default"),
    ],
)
def test_an_option_nobody_knows_is_refused_by_file_section_and_name(
    read, text, option, section
):
    with pytest.raises(ConfigError) as refused:
        read(text)
    said = str(refused.value)
    assert str(read.file) in said
    assert repr(option) in said
    assert f"[{section}]" in said


def test_every_file_is_looked_at(read, tmp_path):
    other = tmp_path / "other.conf"
    other.write_text("[DEFAULT]\nnonsense=1\n")
    with pytest.raises(ConfigError, match=r"other\.conf.*'nonsense'"):
        read("", "--config-file", str(other))


def test_a_file_of_a_folder_is_looked_at_too(read, tmp_path):
    folder = tmp_path / "virtman.conf.d"
    folder.mkdir()
    (folder / "10-site.conf").write_text("[DEFAULT]\nnonsense=1\n")
    with pytest.raises(ConfigError, match=r"10-site\.conf.*'nonsense'"):
        read("", "--config-dir", str(folder))


def test_the_originals_options_are_still_accepted(read):
    found = read(
        "[DEFAULT]\n"
        "host_ip=10.0.0.5\nhost_port=8001\nheartbeat_interval=20\n"
        "thread_pool_size=100\nsnapshot_with_cache=False\nfcg_name=fcg\n"
        "fcg_ssds=/dev/loop0,/dev/sdb\nfcg_blocksize=4k\nfcg_pattern=back\n"
        "root_helper=sudo nova-rootwrap /etc/nova/rootwrap.conf\n"
        "master_ip=10.0.0.1\nmaster_port=7447\n"
        "debug=true\nlog_file=virtman.log\nlog_dir=/root/packages\n"
    )
    assert (found.host_ip, found.master_ip) == ("10.0.0.5", "10.0.0.1")
    assert found.fcg_ssds == ("/dev/loop0", "/dev/sdb")
    assert found.heartbeat_interval == 20.0


LOGIN = (
    "[volt]\nauth_type=password\nauth_url=http://127.0.0.1:1\n"
    "username=virtman\npassword=secret\n"
)


def test_a_login_to_keystone_makes_a_session(read):
    session = read(LOGIN).master_session
    assert session.auth.auth_url == "http://127.0.0.1:1"
    assert session.timeout == 10
    assert read(LOGIN + "timeout=3\n").master_session.timeout == 3


def test_without_a_login_there_is_none(read):
    assert read("[volt]\n").master_session is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[volt]\nusername=x\n", r"\[volt\] needs auth_type"),
        ("[volt]\nauth_type=pasword\n", "auth_type = pasword"),
        ("[volt]\nauth_type=password\n", "auth_url"),
        (LOGIN + "usrname=x\n", r"'usrname' in section \[volt\]"),
        (LOGIN + "[DEFAULT]\nmaster_token_file=x\n", "give one of them"),
    ],
)
def test_a_login_that_cannot_be_is_refused_by_name(read, text, said):
    with pytest.raises(ConfigError, match=said):
        read(text)


def test_a_dollar_in_the_password_is_refused_and_not_quoted(read):
    for word in ("1$piece", "$piece"):
        with pytest.raises(ConfigError, match=r"\[volt\].*'\$\$'") as caught:
            read(LOGIN.replace("=secret", f"={word}"))
        assert "piece" not in str(caught.value)


def test_a_login_without_the_library_says_how_to_get_it(read, monkeypatch):
    monkeypatch.setitem(sys.modules, "keystoneauth1", None)
    with pytest.raises(ConfigError, match=r"vmthunder\[keystone\]"):
        read(LOGIN)


def test_a_helper_may_be_given_another_command(read):
    found = read(
        "[privsep_virtman_iscsi]\nhelper_command=doas helper\n"
        "[privsep_osbrick]\nuser=nobody\n"
    )
    assert found.helper_commands == {"privsep_virtman_iscsi": "doas helper"}


def test_a_helper_may_be_given_nothing_else(read):
    """It would go unread: a helper reads no file."""
    with pytest.raises(ConfigError, match=r"'capabilities'.*_iscsi\]"):
        read("[privsep_virtman_iscsi]\ncapabilities=CAP_KILL\n")


@pytest.mark.parametrize(
    "line",
    [
        "host_ip=10.0.0.256/24", "master_ip=a b", "rpc_port=65536",
        "rpc_port=x", "heartbeat_interval=0", "heartbeat_interval=soon",
        "live_sources=0", "snapshot_chunk=100", "snapshot_chunk=4",
        "snapshot_chunk=4096", "fcg_blocksize=3k", "fcg_pattern=write",
        "snapshot_min_mib=0", "snapshot_with_cache=maybe",
        "source_timeout=-1", "snapshot_with_cache=true", "debug=maybe",
    ],
)  # fmt: skip
def test_a_value_that_makes_no_sense_is_refused_by_the_options_name(
    read, line, capsys
):
    with pytest.raises((cfg.Error, ConfigError)) as refused:
        read(f"[DEFAULT]\n{line}\n")
    said = f"{refused.value}{capsys.readouterr().err}"
    assert line.split("=")[0] in said


def test_a_file_that_is_missing_is_named(tmp_path):
    missing = str(tmp_path / "none.conf")
    with pytest.raises(cfg.Error, match=r"none\.conf"):
        conf.parse(["--config-file", missing])


def test_a_file_that_is_no_configuration_is_named(read):
    with pytest.raises(cfg.Error, match=r"virtman\.conf"):
        read("this is not a configuration\n")


def test_every_option_is_registered_once_and_has_a_help_text():
    every = [*opts.CLI, *opts.OPTIONS]
    assert len({opt.dest for opt in every}) == len(every)
    assert [opt.name for opt in every if not opt.help] == []


def test_every_setting_is_an_option_with_the_same_name():
    options = {opt.dest for opt in [*opts.CLI, *opts.OPTIONS]}
    gone = {opt.dest for opt in opts.OPTIONS if opt.deprecated_for_removal}
    settings = {field.name for field in dataclasses.fields(conf.Settings)}
    # The original's option that no engine can honour: refused when it is on.
    assert settings == options - gone - {"snapshot_with_cache"} | {
        "master_session", "helper_commands",  # made of sections
    }  # fmt: skip


def test_the_sample_generator_is_given_every_option():
    ((group, options),) = conf.list_opts()
    assert group == "DEFAULT"
    assert {opt.dest for opt in options} == {
        opt.dest for opt in [*opts.CLI, *opts.OPTIONS]
    }


def test_the_sample_itself_is_accepted(read):
    text = (ROOT / "etc/virtman/virtman.conf.sample").read_text()
    read(text)
    assert "\n#cache_engine = qemu\n" in text
