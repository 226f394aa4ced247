# SPDX-License-Identifier: Apache-2.0
"""The DevStack plugin, phase by phase, against stand-ins of DevStack.

The stand-ins write down how they were called; what the plugin configures is
then read by the services' own code.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

import virtman.conf
import virtman.rpc.token
import volt.conf
from volt.door import token

ROOT = Path(__file__).parents[2]
STAND_INS = """\
set -o errexit
for name in define_plugin enable_service echo_summary install_package \\
    setup_develop run_process stop_process start_service; do
    eval "$name() { echo $name \\"\\$@\\" >>'$CALLS'; }"
done
is_ubuntu() { true; }
is_service_enabled() {
    for one in "$@"; do [[ " $SERVICES " == *" $one "* ]] && return; done
    return 1
}
get_python_exec_prefix() { echo /usr/local/bin; }
die() { shift; echo "$@" >&2; exit 1; }
sudo() { "$@"; }
chown() { true; }
iniset() {
    [ -e "$1" ] || echo "[$2]" >"$1"
    echo "$3 = $4" >>"$1"
}
source "$ROOT/devstack/settings"
source "$ROOT/devstack/plugin.sh" "$@"
"""


class DevStack:
    def __init__(self, folder):
        self.folder = folder
        self.calls = folder / 'calls'
        self.calls.touch()
        self.environment = {
            'PATH': os.environ['PATH'],
            'ROOT': str(ROOT),
            'CALLS': str(self.calls),
            'SERVICES': 'volt-api virtman-server',
            'VMTHUNDER_DIR': str(ROOT),
            'DEST': str(folder / 'dest'),
            'DATA_DIR': str(folder / 'data'),
            'VOLT_CONF_DIR': str(folder / 'etc/volt'),
            'VIRTMAN_CONF_DIR': str(folder / 'etc/virtman'),
            'STACK_USER': str(os.getuid()),
            'SERVICE_HOST': '192.0.2.1',
            'HOST_IP': '192.0.2.1',
            'ENABLE_DEBUG_LOG_LEVEL': 'True',
        }

    def phase(self, *words, **environment):
        """Run a phase; return what of DevStack it called."""
        self.calls.write_text('')
        done = subprocess.run(
            ['bash', '-c', STAND_INS, 'stack.sh', *words],
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        self.errors = done.stderr
        assert done.returncode == 0, done.stderr
        return self.calls.read_text().splitlines()[2:]  # those of settings

    @property
    def volt_conf(self):
        return self.folder / 'etc/volt/volt.conf'

    @property
    def virtman_conf(self):
        return self.folder / 'etc/virtman/virtman.conf'


@pytest.fixture
def devstack(tmp_path):
    if shutil.which('bash') is None:
        pytest.skip('no bash on this machine')
    return DevStack(tmp_path)


@pytest.fixture
def configured(devstack):
    if os.getuid():
        pytest.skip('gives a file to root')
    devstack.phase('stack', 'post-config')
    return devstack


def test_install_asks_for_the_packages_of_bindep(devstack):
    _, packages, develop = devstack.phase('stack', 'install')
    words = packages.split()
    assert words[0] == 'install_package'
    assert {'tgt', 'open-iscsi', 'qemu-utils', 'nbd-client'} < set(words)
    assert 'extlinux' not in words
    assert develop == f'setup_develop {ROOT}'


def test_volt_accepts_the_configuration_it_gets(configured):
    conf = volt.conf.new()
    from oslo_log import log

    log.register_options(conf)
    volt.conf.load(conf, ['--config-file', str(configured.volt_conf)])
    assert conf.state_dir == str(configured.folder / 'data/vmthunder/volt')
    assert [len(one) for one in token.read(conf.token_file)] == [64]


def test_virtman_accepts_the_configuration_it_gets(configured):
    conf = virtman.conf.parse(['--config-file', str(configured.virtman_conf)])
    settings = virtman.conf.settings(conf)
    assert settings.host_ip == settings.master_ip == '192.0.2.1'
    assert (
        settings.master_token_file.read_text()
        == (configured.folder / 'etc/volt/token').read_text()
    )
    assert settings.rpc_token_file == settings.master_token_file
    assert virtman.rpc.token.load(settings) is not None
    assert settings.image_dirs == (Path('/srv/images'),)


def test_the_secret_is_not_readable_by_all(configured):
    for name in ('volt', 'virtman'):
        path = configured.folder / 'etc' / name / 'token'
        assert path.stat().st_mode & 0o777 == 0o640


def test_configuring_twice_leaves_one_of_each_option(configured):
    before = configured.virtman_conf.read_text()
    configured.phase('stack', 'post-config')
    assert configured.virtman_conf.read_text() == before


def test_a_node_without_the_controller_s_secret_is_refused(devstack):
    with pytest.raises(AssertionError, match='set VOLT_TOKEN'):
        devstack.phase('stack', 'post-config', VOLT_HOST='192.0.2.9')


def test_a_compute_node_gets_no_volt(configured):
    started = configured.phase('stack', 'extra', SERVICES='virtman-server')
    assert 'start_service tgt' in started
    assert any(
        line.startswith('run_process virtman-server /usr/local/bin/')
        and line.endswith(' root')
        for line in started
    )


def test_a_controller_alone_starts_no_target(configured):
    started = configured.phase('stack', 'extra', SERVICES='volt-api')
    assert not [line for line in started if line.startswith('start_service')]


def test_the_programs_are_taken_from_devstack_s_environment(configured):
    started = configured.phase(
        'stack', 'extra', GLOBAL_VENV='True', DEVSTACK_VENV='/opt/venv'
    )
    assert any('/opt/venv/bin/volt-api --config' in line for line in started)


def test_unstack_stops_the_services_and_nothing_else(configured):
    stopped = configured.phase('unstack')
    assert stopped == ['stop_process virtman-server', 'stop_process volt-api']


def test_clean_leaves_what_vms_have_written(configured):
    written = configured.folder / 'data/vmthunder/virtman/snapshots'
    written.mkdir(parents=True)
    configured.phase('clean')
    assert written.exists()
    assert not configured.volt_conf.exists()
    assert not configured.virtman_conf.exists()


def test_with_nothing_enabled_nothing_happens(devstack):
    assert devstack.phase('stack', 'install', SERVICES='') == []
