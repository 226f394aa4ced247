# SPDX-License-Identifier: Apache-2.0
"""Nova's configuration names the agent; the manual page has the options."""

import pathlib
import re

import pytest
from oslo_config import cfg

from virtmanclient.exceptions import CommunicationError
from virtmanclient.nova import options

PAGE = pathlib.Path(__file__).parents[4] / "doc" / "source" / "nova.rst"


def read(tmp_path, text):
    file = tmp_path / "nova.conf"
    file.write_text(text)
    conf = cfg.ConfigOpts()
    conf(["--config-file", str(file)])
    return conf


def test_the_agent_is_the_one_that_nova_conf_names(tmp_path):
    conf = read(tmp_path, "[virtman]\nagent_socket = /nowhere/a.sock\n")
    with pytest.raises(CommunicationError, match=r"/nowhere/a\.sock"):
        options.agent_of(conf).working()


def test_without_a_section_it_is_the_agent_s_default(tmp_path):
    agent = options.agent_of(read(tmp_path, ""))
    assert agent.socket_path == "/run/virtman/agent.sock"


def test_a_timeout_of_no_time_is_refused(tmp_path):
    conf = read(tmp_path, "[virtman]\nagent_timeout = 0\n")
    with pytest.raises(cfg.ConfigFileValueError, match="agent_timeout"):
        options.agent_of(conf)


def test_the_options_are_registered_once_or_twice(tmp_path):
    conf = read(tmp_path, "[virtman]\nagent_timeout = 7\n")
    first, second = options.agent_of(conf), options.agent_of(conf)
    assert (first._timeout, second._timeout) == (7, 7)
    assert first is not second


@pytest.mark.parametrize("option", options.OPTIONS, ids=lambda o: o.dest)
def test_the_page_has_the_option_with_its_default(option):
    row = rf"^``{option.dest}`` +(`*){re.escape(str(option.default))}\1"
    assert re.search(row, PAGE.read_text(), re.MULTILINE)
