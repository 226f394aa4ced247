# SPDX-License-Identifier: Apache-2.0
"""Where a run has its things, and who may read them."""

import configparser

import pytest

from cloud.control_plane import control, ini, settings, web
from cloud.nodes import conf as nodes
from cloud.plan import Plan


@pytest.fixture
def plan(tmp_path):
    made = Plan(tmp_path / "openstack")
    made.prepare()
    return made


def written(sections, tmp_path):
    """Return a file of options as another program reads it."""
    file = ini.write(tmp_path / "x.conf", sections)
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(file)
    return parser, file


def test_what_an_earlier_trial_left_is_gone(plan):
    old = plan.data("mariadb") / "old", plan.folder / "horizon-01.png"
    for file in old:
        file.touch()
    plan.prepare()
    assert [file for file in old if file.exists()] == []


def test_nobody_else_reads_the_configuration(plan, tmp_path):
    _, file = written(settings.nova(plan), tmp_path)
    assert file.stat().st_mode & 0o077 == 0
    assert (plan.folder / "conf").stat().st_mode & 0o077 == 0


def test_passwords_are_new_each_time_and_not_shown(plan, tmp_path):
    assert Plan(tmp_path).password("nova") != plan.password("nova")
    assert plan.password("nova") not in repr(plan)


@pytest.mark.parametrize("service", sorted(control.FILES))
def test_each_service_gets_what_oslo_config_reads(plan, tmp_path, service):
    _, sections = control.FILES[service]
    parser, _ = written(sections(plan), tmp_path)
    assert set(parser.sections()) | {"DEFAULT"} == {
        *sections(plan),
        "DEFAULT",
    }


@pytest.mark.parametrize("service", sorted(control.FILES))
def test_no_two_services_listen_on_one_port(plan, service):
    ports = [plan.port(name) for name in web.APPS]
    assert ports.count(plan.port(service)) == 1


def test_a_compute_node_keeps_its_servers_over_a_power_cut(plan, tmp_path):
    class Node:
        name, address = "c1", "10.77.0.2"

    parser, _ = written(nodes.compute(plan, Node, "/etc/x.conf"), tmp_path)
    assert parser["DEFAULT"]["host"] == "c1"
    assert parser["DEFAULT"]["resume_guests_state_on_host_boot"] == "true"
    assert parser["DEFAULT"]["state_path"].startswith("/var/lib/virtman/")
