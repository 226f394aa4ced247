# SPDX-License-Identifier: Apache-2.0
"""The client runs where nothing but Python is installed."""

import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[3]
# nova/, cinder/ and the like may stand on their projects; these may not.
CLIENT = ROOT / "virtmanclient"
MODULES = sorted(
    ".".join(path.relative_to(CLIENT).with_suffix("").parts)
    for folder in (CLIENT, CLIENT / "openstack")
    for path in folder.glob("[a-z]*.py")
)


@pytest.mark.parametrize("module", MODULES)
def test_a_module_needs_only_the_standard_library(module):
    # -I and -S: neither the environment's paths nor site-packages.
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); "
        f"import virtmanclient.{module}; "
        f'print(*sorted({{name.partition(".")[0] for name in sys.modules}}))'
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    assert "virtmanclient" in loaded
    assert not loaded & {"eventlet", "volt", "virtman", "voltclient"}
    assert not loaded & {"novaclient", "openstack", "keystoneauth1"}
