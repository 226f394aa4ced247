# SPDX-License-Identifier: Apache-2.0
"""volt-api before a keystone: how it is configured, and calls to it."""

import threading
import time

import pytest
import requests
from volt_process import VoltAPI

AT = {"host": "n1", "port": "3260", "iqn": "iqn.2026-01.x:v", "lun": "1"}
JOIN = ("GET", "/v1/volumes/query/v", {"accept_pending": True} | AT)
REGISTER = ("POST", "/v1/volumes/v/n1%3Av", AT)
BEAT = ("PUT", "/v1/members/heartbeat", {"host": "n1"})
LEAVE = ("DELETE", "/v1/volumes/v/n1%3Av", None)
IMAGE = {"size": 8, "generation": "g", "serial": "s"} | AT
PUBLISH = ("PUT", "/v1/images/v", IMAGE)
IMAGES = ("GET", "/v1/images", None)
WITHDRAW = ("DELETE", "/v1/images/v?host=n1&port=3260", None)
LIST = ("GET", "/v1/volumes", None)
SHOW = ("GET", "/v1/volumes/v", None)
DROP = ("DELETE", "/v1/volumes/v?force=true", None)
NODES = ("GET", "/v1/members", None)
TREE = ("GET", "/v1/trees/v", None)


SECTION = """
[keystone_authtoken]
www_authenticate_uri = {keystone.url}
auth_type = password
auth_url = {url}
username = virtman
password = {keystone.password}
user_domain_name = Default
project_name = service
project_domain_name = Default
# A busy machine is not what these tests are about.
http_connect_timeout = 60
"""


def configured(folder, keystone, more="", url=None, **options):
    section = SECTION.format(keystone=keystone, url=url or keystone.url)
    options |= {"auth_strategy": "keystone", "sections": section + more}
    return VoltAPI(folder, **options)


def ask(volt, session, method, path, body, **headers):
    if session is not None:
        token = session if isinstance(session, str) else session.get_token()
        headers["X-Auth-Token"] = token
    return requests.request(
        method, volt.endpoint + path, json=body, headers=headers, timeout=120
    )


def refused(answer, status, code):
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code)
    assert error["request_id"] == answer.headers["x-openstack-request-id"]
    return error["message"]


def wait_until(answers, status):
    """Ask until that is the status; return the answer."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        answer = answers()
        if answer.status_code == status:
            return answer
        threading.Event().wait(0.1)
    pytest.fail(f"still {answer.status_code} after two minutes: {answer.text}")
