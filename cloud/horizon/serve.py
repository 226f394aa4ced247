# SPDX-License-Identifier: Apache-2.0
"""Starts Horizon under a gunicorn of its environment."""

from __future__ import annotations

import secrets
from pathlib import Path

from cloud.control_plane import web
from cloud.daemons import Daemon, run
from cloud.plan import Plan

_SERVED = Path(__file__).parent / "served"
_APP = web.App("horizon", "trial_wsgi:application")


def start(plan: Plan) -> Daemon:
    """Collect Horizon's files, start it, and wait until it answers.

    :raises CloudError: it does not come up.
    """
    environ = {
        "PYTHONPATH": str(_SERVED),
        "DJANGO_SETTINGS_MODULE": "trial_settings",
        "TRIAL_SECRET_KEY": secrets.token_hex(32),
        "TRIAL_STATIC": str(plan.data("horizon") / "static"),
        "TRIAL_KEYSTONE": plan.url("keystone"),
        "PYTHONWARNINGS": "ignore",
    }
    for words in (["collectstatic", "--noinput"], ["compress", "--force"]):
        run(
            f"horizon: {words[0]}",
            [plan.program("horizon", "python"), "-m", "django", *words],
            env=environ,
        )
    daemon = web.start(plan, _APP, environ)
    web.ready(plan, "horizon", daemon)
    return daemon
