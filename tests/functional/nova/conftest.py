# SPDX-License-Identifier: Apache-2.0
"""Nova's environment with our distribution in it, and what it did there."""

import json
import os
import pathlib
import shutil
import subprocess
from concurrent import futures

import pytest
import recording_agents

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[2]
NOVA = ROOT / 'build' / 'nova'
LONGEST = 600.0
"""Seconds for one program; a module of stories took 60 on two busy cores."""


class Environment:
    """A virtual environment: its pip, its Python."""

    def __init__(self, folder):
        self.folder = folder

    def run(self, program, *words, **more):
        return subprocess.run(
            [self.folder / 'bin' / program, *map(str, words)],
            capture_output=True,
            text=True,
            timeout=LONGEST,
            check=False,
            **more,
        )

    def pip(self, *words):
        done = self.run('pip', '--disable-pip-version-check', *words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def packages(self):
        """Return each distribution and its version."""
        listed = json.loads(self.pip('list', '--format=json'))
        return {one['name']: one['version'] for one in listed}


@pytest.fixture(scope='session')
def environment():
    if not (NOVA / 'installed').exists():
        pytest.skip('no build/nova; make nova')
    found = Environment(NOVA)
    found.run('pip', 'uninstall', '-y', 'vmthunder-nova')
    return found


@pytest.fixture(scope='session')
def wheel(environment, tmp_path_factory):
    """Build it from a copy of the tree; a build leaves files behind."""
    tree = tmp_path_factory.mktemp('tree')
    for name in ('packaging', 'virtmanclient'):
        shutil.copytree(
            ROOT / name,
            tree / name,
            ignore=shutil.ignore_patterns('build', '*.egg-info', '*.pyc'),
        )
    target = tree / 'wheels'
    source = tree / 'packaging' / 'nova'
    environment.pip('wheel', '-q', '--no-deps', '-w', target, source)
    [made] = target.iterdir()
    return made


@pytest.fixture(scope='session')
def installed(environment, wheel):
    """Install it as an operator would; yield what was there before."""
    environment.pip('check')
    before = environment.packages()
    environment.pip('install', '-q', wheel)
    yield before
    environment.pip('uninstall', '-q', '-y', 'vmthunder-nova')


@pytest.fixture(scope='session')
def outcomes(environment, installed, tmp_path_factory):
    """Tell all stories once; return what went wrong in each.

    The modules side by side: half of the time they wait for Nova.
    """

    def tell(file):
        return told(environment, file.stem, tmp_path_factory.mktemp('n'))

    with futures.ThreadPoolExecutor() as pool:
        found = pool.map(tell, (HERE / 'stories').glob('stories_*.py'))
        return {story: why for one in found for story, why in one.items()}


def told(environment, module, folder):
    """Run a module of stories; a folder's short path is its sockets' too."""
    target = folder / 'outcomes.json'
    surroundings = {
        'PATH': os.environ['PATH'],
        'HOME': str(folder),
        'TMPDIR': str(folder),
        'OS_NOVA_DISABLE_EVENTLET_PATCHING': 'True',
        'VIRTMAN_TEST_SOCKETS': str(folder),
    }
    with recording_agents.serving(folder):
        done = environment.run(
            'python', HERE / 'stories' / 'run.py', target, module,
            cwd=folder, env=surroundings,
        )  # fmt: skip
    assert target.exists(), done.stderr[-4000:]
    return json.loads(target.read_text())
