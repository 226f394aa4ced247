# SPDX-License-Identifier: Apache-2.0
"""Hand the build to pbr, which reads setup.cfg."""

from __future__ import annotations

import setuptools

setuptools.setup(setup_requires=["pbr>=6.0"], pbr=True)
