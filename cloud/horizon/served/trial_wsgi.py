# SPDX-License-Identifier: Apache-2.0
"""Horizon and its static files in one application.

A web server would serve the files; here Django does.
"""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application
from django.urls import re_path
from django.views.static import serve

application = get_wsgi_application()

from openstack_dashboard import urls  # noqa: E402 # wants Django set up

urls.urlpatterns.insert(
    0,
    re_path(
        r"^static/(?P<path>.*)$",
        serve,
        {"document_root": os.environ["TRIAL_STATIC"]},
    ),
)
