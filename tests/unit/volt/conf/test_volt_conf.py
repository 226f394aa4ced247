# SPDX-License-Identifier: Apache-2.0
"""Configuration files: what is taken and what is refused."""

import pytest

from volt import compose, conf, executor
from volt.exception import ConfigError


def load(tmp_path, text):
    path = tmp_path / "volt.conf"
    path.write_text(text)
    options = conf.new()
    conf.load(options, [f"--config-file={path}"])
    return options


def test_the_defaults_are_those_of_the_documentation(tmp_path):
    options = load(tmp_path, "")
    assert (options.bind_host, options.bind_port) == ("0.0.0.0", 7447)
    assert (options.fanout, options.parents) == (2, 2)
    assert (options.heartbeat_interval, options.missed_beats) == (5.0, 3)
    assert options.default_executor == "btree"
    assert options.auth_strategy == "token"
    assert options.database.connection == "sqlite:////var/lib/volt/volt.sqlite"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("[DEFAULT]\nhost = x", [r"volt\.conf", "DEFAULT", "host"]),
        ("[DEFAULT]\nbind_prot = 1", ["bind_prot", "did you mean bind_port"]),
        ("[database]\nslave_connection = x", ["database", "slave_connection"]),
        ("[nosuch]\nbind_port = 1", [r"no section \[nosuch\]"]),
    ],
)
def test_an_unknown_option_is_refused_by_name(tmp_path, text, names):
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, text)
    for name in names:
        assert refused.match(name)


@pytest.mark.parametrize(
    "line",
    [
        "bind_port = abc",
        "fanout = 0",
        "heartbeat_interval = 0",
        "auth_strategy = keys",
    ],
)
def test_an_impossible_value_is_refused_at_once(tmp_path, line):
    option = line.split(" ", maxsplit=1)[0]
    told = rf"volt\.conf: \[DEFAULT\] {option}: ."
    with pytest.raises(ConfigError, match=told):
        load(tmp_path, f"[DEFAULT]\n{line}")


def test_an_impossible_value_in_a_section_is_refused_with_its_section(
    tmp_path,
):
    with pytest.raises(ConfigError, match=r"\[database\] max_retries"):
        load(tmp_path, "[database]\nmax_retries = many")


def test_hyphens_which_oslo_config_would_ignore_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="did you mean bind_port"):
        load(tmp_path, "[DEFAULT]\nbind-port = 1234")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"nosuch\.conf.*sample"):
        conf.load(conf.new(), [f"--config-file={tmp_path}/nosuch.conf"])


def test_files_in_a_directory_are_checked_too(tmp_path):
    path = tmp_path / "volt.conf"
    path.write_text("")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "a.conf").write_text("[DEFAULT]\nnosuch = 1")
    with pytest.raises(ConfigError, match=r"a\.conf"):
        load_more = f"--config-dir={tmp_path}/more"
        conf.load(conf.new(), [f"--config-file={path}", load_more])


def test_every_listed_option_is_registered():
    options = conf.new()
    for group, listed in conf.list_opts():
        known = options[group] if group else options
        assert {one.dest for one in listed} <= set(known)


def test_the_built_in_policies_are_those_of_the_entry_points():
    import configparser
    import pathlib

    setup = configparser.ConfigParser()
    setup.read(pathlib.Path(__file__).parents[4] / "setup.cfg")
    points = setup["options.entry_points"][executor.GROUP].split("\n")
    told = dict(line.split(" = ") for line in points if line)
    assert told == executor.BUILT_IN


@pytest.mark.parametrize(
    "connection",
    ["nonsense", "sqlite:////proc/none/volt.sqlite", "nosuch://host/volt"],
)
def test_a_registry_that_cannot_be_opened_is_named(tmp_path, connection):
    options = load(
        tmp_path,
        "[DEFAULT]\nbind_host = ::1\nauth_strategy = noauth\n"
        f"[database]\nmax_retries = 1\nretry_interval = 0\n"
        f"connection = {connection}",
    )
    with pytest.raises(ConfigError, match="registry"):
        compose.compose(options)


def test_the_state_directory_is_made(tmp_path):
    options = load(
        tmp_path,
        "[DEFAULT]\nbind_host = ::1\nauth_strategy = noauth\n"
        f"state_dir = {tmp_path}/a/b",
    )
    compose.compose(options)
    assert (tmp_path / "a" / "b" / "volt.sqlite").exists()
