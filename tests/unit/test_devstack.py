# SPDX-License-Identifier: Apache-2.0
"""The DevStack plugin, phase by phase, against stand-ins of DevStack.

The stand-ins write down how they were called; what the plugin configures is
then read by the services' own code.
"""

import configparser
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from oslo_config import cfg

import virtman.conf
import virtman.rpc.token
import volt.conf
from volt.auth import token

ROOT = Path(__file__).parents[2]
STAND_INS = """\
set -o errexit
for name in define_plugin enable_service echo_summary install_package \\
    setup_develop run_process stop_process start_service warn multipathd; do
    eval "$name() { echo $name \\"\\$@\\" >>'$CALLS'; }"
done
is_ubuntu() { true; }
is_service_enabled() {
    for one in "$@"; do [[ " $SERVICES " == *" $one "* ]] && return; done
    return 1
}
get_python_exec_prefix() { echo "$BIN"; }
die() { shift; echo "$@" >&2; exit 1; }
sudo() { "$@"; }
chown() { true; }
systemctl() { [[ "$MULTIPATHD" == yes ]]; }
iniset() {
    touch "$1"
    grep -qxF "[$2]" "$1" || echo "[$2]" >>"$1"
    sed -i -e "/^\\[$2\\]\\$/,/^\\[/{/^$3 = /d}" \\
        -e "/^\\[$2\\]\\$/a $3 = $4" "$1"
}
# lib/cinder: what a backend's functions are called by.
each_cinder_backend() {
    for backend in ${CINDER_ENABLED_BACKENDS//,/ }; do
        function=$1_cinder_backend_${backend%%:*}
        if [[ "$(type -t "$function")" == function ]]; then
            "$function" "${backend##*:}"
        fi
    done
}
source "$ROOT/devstack/override-defaults"
source "$ROOT/devstack/settings"
source "$ROOT/devstack/plugin.sh" "$@"
"""


class DevStack:
    def __init__(self, folder):
        self.folder = folder
        self.calls = folder / "calls"
        self.calls.touch()
        self.environment = {
            "PATH": os.environ["PATH"],
            "ROOT": str(ROOT),
            "CALLS": str(self.calls),
            "SERVICES": "volt-api virtman-server",
            "BIN": str(folder / "bin"),
            "MULTIPATHD": "no",
            "NOVA_DIR": str(folder / "nova"),
            "NOVA_CONF": str(folder / "nova.conf"),
            "NOVA_CPU_CONF": str(folder / "nova-cpu.conf"),
            "CINDER_CONF": str(folder / "cinder.conf"),
            "MULTIPATH_CONF_DIR": str(folder / "etc/multipath/conf.d"),
            "VIRTMAN_CINDER_IMAGES": str(folder / "images/cinder"),
            "VMTHUNDER_DIR": str(ROOT),
            "DEST": str(folder / "dest"),
            "DATA_DIR": str(folder / "data"),
            "VOLT_CONF_DIR": str(folder / "etc/volt"),
            "VIRTMAN_CONF_DIR": str(folder / "etc/virtman"),
            "STACK_USER": str(os.getuid()),
            "SERVICE_HOST": "192.0.2.1",
            "HOST_IP": "192.0.2.1",
            "ENABLE_DEBUG_LOG_LEVEL": "True",
        }

    def phase(self, *words, then="", **environment):
        """Run a phase, and more; return what of DevStack it called."""
        self.calls.write_text("")
        done = subprocess.run(
            ["bash", "-c", STAND_INS + then, "stack.sh", *words],
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        self.errors = done.stderr
        assert done.returncode == 0, done.stderr
        return self.calls.read_text().splitlines()[2:]  # those of settings

    def backends(self, what, **environment):
        """Have lib/cinder call a function of each backend."""
        # A phase that does nothing: it is sourced all the same.
        words = ("stack", "pre-install")
        each = f"each_cinder_backend {what}\n"
        return self.phase(*words, then=each, **environment)

    def ini(self, name):
        parser = configparser.ConfigParser(default_section="none")
        parser.read(self.folder / name)
        return parser

    def command(self, status):
        """Put a ``virtman`` where the plugin looks for it."""
        program = self.folder / "bin/virtman"
        program.parent.mkdir(exist_ok=True)
        text = f'echo virtman "$@" >>{self.calls}\nexit {status}\n'
        program.write_text(f"#!/bin/sh\n{text}")
        program.chmod(0o755)

    @property
    def volt_conf(self):
        return self.folder / "etc/volt/volt.conf"

    @property
    def virtman_conf(self):
        return self.folder / "etc/virtman/virtman.conf"


@pytest.fixture
def devstack(tmp_path):
    if shutil.which("bash") is None:
        pytest.skip("no bash on this machine")
    return DevStack(tmp_path)


@pytest.fixture
def configured(devstack):
    if os.getuid():
        pytest.skip("gives a file to root")
    devstack.phase("stack", "post-config")
    return devstack


def test_install_asks_for_the_packages_of_bindep(devstack):
    _, packages, develop = devstack.phase("stack", "install")
    words = packages.split()
    assert words[0] == "install_package"
    assert {"tgt", "open-iscsi", "qemu-utils", "nbd-client"} < set(words)
    assert "extlinux" not in words
    assert develop == f"setup_develop {ROOT}"


def test_volt_accepts_the_configuration_it_gets(configured):
    conf = volt.conf.new()
    from oslo_log import log

    log.register_options(conf)
    volt.conf.load(conf, ["--config-file", str(configured.volt_conf)])
    assert conf.state_dir == str(configured.folder / "data/vmthunder/volt")
    assert [len(one) for one in token.read(conf.token_file)] == [64]


def test_virtman_accepts_the_configuration_it_gets(configured):
    conf = virtman.conf.parse(["--config-file", str(configured.virtman_conf)])
    settings = virtman.conf.settings(conf)
    assert settings.host_ip == settings.master_ip == "192.0.2.1"
    assert (
        settings.master_token_file.read_text()
        == (configured.folder / "etc/volt/token").read_text()
    )
    assert settings.rpc_token_file == settings.master_token_file
    assert virtman.rpc.token.load(settings) is not None
    assert settings.image_dirs == (Path("/srv/images"),)


def test_the_secret_is_not_readable_by_all(configured):
    for name in ("volt", "virtman"):
        path = configured.folder / "etc" / name / "token"
        assert path.stat().st_mode & 0o777 == 0o640


def test_configuring_twice_leaves_one_of_each_option(configured):
    before = configured.virtman_conf.read_text()
    configured.phase("stack", "post-config")
    assert configured.virtman_conf.read_text() == before


def test_a_node_without_the_controller_s_secret_is_refused(devstack):
    with pytest.raises(AssertionError, match="set VOLT_TOKEN"):
        devstack.phase("stack", "post-config", VOLT_HOST="192.0.2.9")


def test_a_compute_node_gets_no_volt(configured):
    started = configured.phase(
        "stack", "post-config", SERVICES="virtman-server"
    )
    assert "start_service tgt" in started
    assert any(
        line.startswith(f"run_process virtman-server {configured.folder}/bin/")
        and line.endswith(" root")
        for line in started
    )


def test_a_controller_alone_starts_no_target(configured):
    started = configured.phase("stack", "post-config", SERVICES="volt-api")
    assert not [line for line in started if line.startswith("start_service")]


def test_the_programs_are_taken_from_devstack_s_environment(configured):
    started = configured.phase(
        "stack", "post-config", GLOBAL_VENV="True", DEVSTACK_VENV="/opt/venv"
    )
    assert any("/opt/venv/bin/volt-api --config" in line for line in started)


def test_unstack_stops_the_services_and_nothing_else(configured):
    stopped = configured.phase("unstack")
    assert stopped == ["stop_process virtman-server", "stop_process volt-api"]


def test_clean_takes_away_what_the_agent_made_and_every_file(configured):
    configured.command(status=0)
    cleaned = configured.phase("clean", MULTIPATHD="yes")
    conf = configured.virtman_conf
    assert f"virtman --config-file {conf} purge --yes" in cleaned
    assert cleaned[-1] == "multipathd reconfigure"
    left = [one for one in configured.folder.rglob("*") if one.is_file()]
    assert {one.name for one in left} == {"calls", "virtman"}


def test_clean_keeps_what_a_purge_needs_when_one_is_refused(configured):
    configured.command(status=1)
    cleaned = configured.phase("clean", MULTIPATHD="yes")
    assert cleaned[-1].endswith(
        f"--config-file {configured.virtman_conf} purge"
    )
    assert configured.virtman_conf.exists()
    assert blacklist(configured).exists()
    assert not configured.volt_conf.exists()


def blacklist(devstack):
    return devstack.folder / "etc/multipath/conf.d/virtman.conf"


def test_multipathd_is_told_to_leave_the_disks_alone(devstack):
    if os.getuid():
        pytest.skip("gives a file to root")
    called = devstack.phase("stack", "post-config", MULTIPATHD="yes")
    assert "multipathd reconfigure" in called
    source = ROOT / "etc/multipath/virtman.conf"
    assert blacklist(devstack).read_text() == source.read_text()


ALL = "volt-api virtman-server n-cpu c-vol"


@pytest.fixture
def compute(devstack):
    """A host with nova-compute, whose checkout and nova.conf are there."""
    if os.getuid():
        pytest.skip("gives a file to root")
    (devstack.folder / "nova/nova/virt").mkdir(parents=True)
    (devstack.folder / "nova.conf").write_text(
        "[DEFAULT]\nmy_ip = 192.0.2.1\n"
        "compute_driver = libvirt.LibvirtDriver\n"
    )
    devstack.phase("stack", "install", SERVICES=ALL)
    devstack.phase("stack", "post-config", SERVICES=ALL)
    return devstack


def test_nova_finds_the_driver_in_its_checkout(compute):
    link = compute.folder / "nova/nova/virt/virtman"
    assert link.is_symlink()
    assert "VirtmanLibvirtDriver" in (link / "__init__.py").read_text()
    compute.phase("stack", "install", SERVICES=ALL)
    assert not (link / "virtman").exists()
    compute.command(status=0)
    compute.phase("clean", SERVICES=ALL)
    assert not link.is_symlink()
    assert link.parent.exists()


@pytest.mark.parametrize("name", ["nova.conf", "nova-cpu.conf"])
def test_nova_is_configured_for_the_driver(compute, name):
    conf = compute.ini(name)
    driver = conf["DEFAULT"]["compute_driver"]
    assert driver == "virtman.VirtmanLibvirtDriver"
    assert conf["DEFAULT"]["resume_guests_state_on_host_boot"] == "True"
    socket = virtman.conf.settings(
        virtman.conf.parse(["--config-file", str(compute.virtman_conf)])
    ).local_socket
    assert conf["virtman"]["agent_socket"] == str(socket)


def test_what_nova_had_is_left_alone(compute):
    assert compute.ini("nova.conf")["DEFAULT"]["my_ip"] == "192.0.2.1"


@pytest.mark.parametrize(
    "changes",
    [
        {"SERVICES": "volt-api virtman-server"},
        {"SERVICES": "volt-api n-cpu"},
        {"SERVICES": ALL, "VIRTMAN_NOVA": "False"},
    ],
)
def test_nova_stays_as_it_is_without_an_agent_or_a_wish(devstack, changes):
    if os.getuid():
        pytest.skip("gives a file to root")
    devstack.phase("stack", "install", **changes)
    devstack.phase("stack", "post-config", **changes)
    assert not (devstack.folder / "nova.conf").exists()
    assert not (devstack.folder / "nova").exists()


def test_the_agent_lets_nova_and_cinder_in(compute):
    conf = compute.ini("etc/virtman/virtman.conf")["DEFAULT"]
    assert conf["local_group"] == str(os.getuid())
    token = compute.folder / "etc/virtman/cinder-token"
    assert token.stat().st_mode & 0o777 == 0o640
    assert token.read_text() == conf_token(conf)


def conf_token(conf):
    return Path(conf["rpc_token_file"]).read_text()


def test_cinder_has_a_backend_of_ours_before_lvm(devstack):
    devstack.backends("configure", SERVICES=ALL)
    conf = devstack.ini("cinder.conf")
    assert conf.sections() == ["virtman"]
    section = dict(conf["virtman"])
    assert section.pop("volume_driver") == "virtmanclient.cinder.VirtmanDriver"
    assert section.pop("volume_backend_name") == "virtman"
    assert section["virtman_agent_networks"] == "192.0.2.1/32"
    assert set(section) == {
        "virtman_image_server",
        "virtman_image_dir",
        "virtman_agent_networks",
        "virtman_agent_port",
        "virtman_agent_token_file",
    }


def test_cinder_s_driver_knows_the_options_it_gets(devstack):
    options = pytest.importorskip("virtmanclient.cinder.options")
    devstack.backends("configure", SERVICES=ALL)
    conf = cfg.ConfigOpts()
    conf.register_opts(options.OPTIONS, group="virtman")
    conf(["--config-file", str(devstack.folder / "cinder.conf")])
    section = devstack.ini("cinder.conf")["virtman"]
    known = {option.name for option in options.OPTIONS}
    assert {name for name in section if name.startswith("virtman_")} <= known
    for name in known & set(section):
        assert str(section[name]) in str(conf.virtman[name])


def test_other_backends_are_left_to_devstack(devstack):
    devstack.backends("configure", CINDER_ENABLED_BACKENDS="lvm:lvmdriver-1")
    assert not (devstack.folder / "cinder.conf").exists()
    devstack.backends("configure", VIRTMAN_CINDER="False")
    assert not (devstack.folder / "cinder.conf").exists()


def test_a_backend_may_have_a_name_of_its_own(devstack):
    devstack.backends("configure", CINDER_ENABLED_BACKENDS="virtman:fast")
    assert devstack.ini("cinder.conf")["fast"]["volume_backend_name"] == "fast"


def test_the_folder_of_cinder_s_images_comes_and_goes(devstack):
    folder = devstack.folder / "images/cinder"
    devstack.backends("init")
    assert folder.is_dir()
    (folder / "image.raw").touch()
    devstack.backends("cleanup")
    assert not folder.exists()


def test_after_a_whole_life_no_file_is_left(compute):
    """Stack as DevStack does, then unstack and clean; look at the fake root.

    ``compute`` has done the first two phases; DevStack removes the
    configuration of Nova and Cinder itself.
    """
    compute.command(status=0)
    for what in ("configure", "init"):
        compute.backends(what, SERVICES=ALL)
    compute.phase("unstack", SERVICES=ALL)
    assert compute.virtman_conf.exists()
    compute.phase("clean", SERVICES=ALL)
    compute.backends("cleanup", SERVICES=ALL)
    left = {
        one.name
        for one in compute.folder.rglob("*")
        if one.is_file() or one.is_symlink()
    }
    theirs = {"nova.conf", "nova-cpu.conf", "cinder.conf"}
    assert left - theirs == {"calls", "virtman"}  # those of this test


def test_nova_and_cinder_start_after_the_agent(devstack):
    """DevStack starts them after post-config, and before its phase extra."""
    if os.getuid():
        pytest.skip("gives a file to root")
    (devstack.folder / "nova/nova/virt").mkdir(parents=True)
    started = devstack.phase("stack", "post-config", SERVICES=ALL)
    assert any(line.startswith("run_process virtman-") for line in started)
    assert devstack.phase("stack", "extra", SERVICES=ALL) == []


def test_with_nothing_enabled_nothing_happens(devstack):
    assert devstack.phase("stack", "install", SERVICES="") == []
