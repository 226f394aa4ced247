# SPDX-License-Identifier: Apache-2.0
"""What the guide for OpenStack tells to write and to type is there.

Options against the code that reads them, commands of ours against their
parsers; those of others (apt-get, openstack) are beyond a test.
"""

import ast
import configparser
import re
import shlex
from pathlib import Path

import pytest

import volt.conf
from virtman.cli.application import Application
from virtman.cli.table import TABLE
from virtman.cmd import host
from virtman.conf import opts
from virtmanclient.openstack import nodelist
from voltclient import commands

ROOT = Path(__file__).parents[2]
PAGES = {
    name: (ROOT / "doc" / "source" / f"{name}.rst").read_text()
    for name in ("openstack", "virtman-burst")
}
GUIDE = PAGES["openstack"]
# What stands in a configuration of Nova's, Cinder's or systemd's own.
OTHERS = {
    'enabled_backends', 'default_volume_type', 'volume_driver',
    'volume_backend_name', 'compute_driver', 'my_block_storage_ip',
    'resume_guests_state_on_host_boot', 'block_device_allocate_retries',
    'allow_resize_to_same_host', 'target_helper', 'max_attempts',
}  # fmt: skip
OF_VOLT = {"token_file", "auth_strategy"}


def blocks(page):
    """Yield each literal block, its lines without their indentation."""
    for found in re.finditer(r"::\n\n((?:(?: +.*)?\n)+)", page):
        lines = found[1].rstrip().split("\n")
        indent = min(len(one) - len(one.lstrip()) for one in lines if one)
        yield [one[indent:] for one in lines]


def lines(*pages):
    return [
        line.removeprefix("$ ").removeprefix("# ")
        for page in pages
        for block in blocks(page)
        for line in block
    ]


def configured():
    """Yield (section, option, value) of all that is to be written."""
    for block in blocks(GUIDE):
        if not block[0].startswith("["):
            continue
        parser = configparser.ConfigParser(
            default_section="", interpolation=None
        )
        parser.optionxform = str
        parser.read_string("\n".join(block))
        for section in parser.sections():
            for option, value in parser[section].items():
                yield section, option, value


AGENT = {option.name for option in (*opts.CLI, *opts.OPTIONS)}
CONFIGURED = list(configured())


def test_the_configurations_are_found():
    assert {"host_ip", "volume_driver", "compute_driver", "After"} <= {
        option for _, option, _ in CONFIGURED
    }


@pytest.mark.parametrize(("section", "option", "value"), CONFIGURED)
def test_an_option_that_is_to_be_set_is_known(section, option, value):
    if section == "Unit":
        assert value == "virtman-server.service"
    elif option.startswith("virtman_"):
        known = pytest.importorskip("virtmanclient.cinder.options")
        assert option in {one.name for one in known.OPTIONS}
    else:
        assert option in AGENT | OTHERS | OF_VOLT


@pytest.mark.parametrize(
    "option", sorted(set(re.findall(r"``([a-z]+_[a-z_]+)(?: = .*)?``", GUIDE)))
)
def test_an_option_that_is_spoken_of_is_known(option):
    if option.startswith("virtman_"):
        known = pytest.importorskip("virtmanclient.cinder.options")
        assert option in {one.name for one in known.OPTIONS}
    else:
        assert option in AGENT | OTHERS | OF_VOLT


def test_the_drivers_that_are_named_are_there():
    named = {
        value for _, option, value in CONFIGURED if option.endswith("_driver")
    }
    assert named == {
        "virtman.VirtmanLibvirtDriver",
        "virtmanclient.cinder.VirtmanDriver",
    }
    shim = ROOT / "packaging/nova/src/nova/virt/virtman/__init__.py"
    assert "VirtmanLibvirtDriver" in shim.read_text()


def ours(*names):
    """Return the lines that type one of these commands of ours."""
    found = []
    for line in lines(*PAGES.values()):
        line = re.sub(r"^sudo -u \w+ ", "", line).partition(" #")[0]
        program, _, rest = line.partition(" ")
        if program.removeprefix("/opt/vmthunder/bin/") in names:
            found.append(rest.strip())
    return found


def test_each_program_of_ours_that_is_typed_is_installed():
    scripts = (ROOT / "setup.cfg").read_text()
    others = {"pip", "bindep"}
    for name in re.findall(r"/opt/vmthunder/bin/([\w-]+)", GUIDE):
        assert name in others or f"{name} = " in scripts


@pytest.mark.parametrize(
    "words", [one for one in ours("virtman") if "[" not in one]
)
def test_a_command_of_virtman_s_is_understood(words):
    application = Application()
    found, name, rest = application.command_manager.find_command(
        shlex.split(words)
    )
    assert name in TABLE
    found(application, None).get_parser(name).parse_args(rest)


@pytest.mark.parametrize(
    "words", [one for one in ours("vmtrun") if "[" not in one]
)
def test_a_command_of_vmtrun_s_is_understood(words):
    nodelist._parser().parse_args(
        [one for one in shlex.split(words) if one != "--openstack"]
    )


def test_the_commands_are_found():
    assert len(ours("virtman")) >= 8
    assert len(ours("vmtrun")) >= 2


@pytest.mark.parametrize("words", ours("volt"))
def test_a_command_of_volt_s_is_there(words):
    found, name, _ = commands.Commands().find_command(shlex.split(words))
    assert found and name


@pytest.mark.parametrize(
    "option", sorted(set(re.findall(r"``(--[a-z-]+)", PAGES["virtman-burst"])))
)
def test_an_option_that_is_described_is_there(option, capsys):
    for run in (lambda: nodelist.main(["--help"]), burst_help):
        with pytest.raises(SystemExit):
            run()
    assert option in capsys.readouterr().out


def burst_help():
    raise SystemExit(host.main(["burst", "--help"]))


def test_a_file_that_is_copied_from_the_sources_is_there():
    copied = re.findall(r"^ +cp (etc/\S+)", GUIDE, re.MULTILINE)
    assert len(copied) >= 3
    for name in copied:
        assert (ROOT / name).exists(), name


def test_the_ports_are_those_of_the_services():
    told = {int(port) for port in re.findall(r"^(\d{4})  ", GUIDE, re.M)}
    agent = {
        option.default
        for option in (*opts.CLI, *opts.OPTIONS)
        if option.name in ("rpc_port", "admission_port", "iscsi_port")
    }
    assert told == agent | {volt.conf.new().bind_port}


def test_the_rules_of_policy_are_read_as_yaml():
    [block] = [one for one in blocks(GUIDE) if one[0].startswith('"')]
    for line in block:
        assert len(ast.literal_eval("{" + line + "}")) == 1
