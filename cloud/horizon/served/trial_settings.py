# SPDX-License-Identifier: Apache-2.0
"""Horizon's settings: its own, and where the run's keystone is.

Nothing here is for VMThunder: what users see is what they always saw.
"""

from __future__ import annotations

import os

from openstack_dashboard.settings import *  # noqa: F403

DEBUG = False
ALLOWED_HOSTS = ["*"]
SECRET_KEY = os.environ["TRIAL_SECRET_KEY"]
COMPRESS_ENABLED = True
COMPRESS_OFFLINE = True
STATIC_ROOT = os.environ["TRIAL_STATIC"]
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}
OPENSTACK_KEYSTONE_URL = os.environ["TRIAL_KEYSTONE"]
WEBROOT = "/"
LOGIN_URL = "/auth/login/"
LOGOUT_URL = "/auth/logout/"
LOGIN_REDIRECT_URL = "/"
