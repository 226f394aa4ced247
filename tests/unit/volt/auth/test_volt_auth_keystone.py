# SPDX-License-Identifier: Apache-2.0
"""Configuring keystone: what is asked for, and what nobody else pays for.

How it admits is shown with a real keystone, in tests/functional/volt.
"""

import logging
import subprocess
import sys

import pytest

from volt import auth, conf
from volt.exception import ConfigError, Unauthorized

PASSWORD = "a-password-of-volt"
LOGIN = f"""
www_authenticate_uri = http://keystone.example:5000
auth_type = password
auth_url = http://127.0.0.1:1
username = volt
password = {PASSWORD}
"""


@pytest.fixture
def load(tmp_path):
    def read(section=LOGIN, strategy="keystone", more=""):
        path = tmp_path / "volt.conf"
        path.write_text(
            f"[DEFAULT]\nauth_strategy = {strategy}\n{more}\n"
            f"[keystone_authtoken]\n{section}\n"
        )
        options = conf.new()
        conf.load(options, [f"--config-file={path}"])
        return options

    return read


@pytest.mark.parametrize(
    ("section", "named"),
    [
        ("", r"\[keystone_authtoken\] auth_type .*password"),
        ("auth_type = pasword", "auth_type = pasword: .*pasword"),
        (LOGIN + "usrname = x", "no option usrname; did you mean username"),
        (LOGIN + "insecure = perhaps", r"\[keystone_authtoken\] insecure"),
        (LOGIN + "auth_section = other", r"\[other\] auth_type"),
    ],
)
def test_a_section_that_cannot_be_used_is_refused_by_name(
    load, section, named
):
    with pytest.raises(ConfigError, match=named):
        load(section)


@pytest.mark.parametrize(
    ("section", "named"),
    [
        ("auth_type = password", "www_authenticate_uri"),
        ("auth_type = password\nwww_authenticate_uri = x", "auth_url"),
        (LOGIN + "service_type = volt", "include_service_catalog"),
        (LOGIN + "memcached_servers = a:1", "pip install python-memcached"),
    ],
)
def test_what_is_missing_is_told_at_the_start(load, section, named):
    with pytest.raises(ConfigError, match=named):
        auth.load(load(section))


def test_keystone_is_not_asked_at_the_start(load):
    assert not auth.load(load()).was_away()


def test_volt_waits_briefly_for_keystone_by_default(load):
    section = load().keystone_authtoken
    assert section.http_connect_timeout == 3
    assert section.http_request_max_retries == 0
    assert (
        load(LOGIN + "http_connect_timeout = 9").keystone_authtoken[
            "http_connect_timeout"
        ]
        == 9
    )


@pytest.mark.parametrize("header", ["X_AUTH_TOKEN", "X_SERVICE_TOKEN"])
@pytest.mark.parametrize("shown", ["é", "x" * 4097, "a\tb"])
def test_nonsense_is_refused_without_asking(load, header, shown):
    environ = {"HTTP_X_AUTH_TOKEN": "x", f"HTTP_{header}": shown}
    admitting = auth.load(load())
    with pytest.raises(Unauthorized, match="too long"):
        admitting.admit(environ)
    assert not admitting.was_away()


def test_no_token_is_told_where_there_are_some(load):
    with pytest.raises(Unauthorized, match="X-Auth-Token") as refused:
        auth.load(load()).admit({})
    assert refused.value.headers == (
        ("WWW-Authenticate", 'Keystone uri="http://keystone.example:5000"'),
    )


def test_the_sections_may_stay_while_another_strategy_is_in_use(load):
    options = load(strategy="noauth", more="bind_host = ::1")
    auth.load(options)
    assert "keystone_authtoken" not in options


def test_the_libraries_are_asked_for_by_the_name_of_the_extra(
    load, monkeypatch
):
    monkeypatch.setitem(sys.modules, "keystonemiddleware", None)
    with pytest.raises(ConfigError, match=r"pip install vmthunder\[keystone"):
        load()


def test_nobody_else_imports_them(tmp_path):
    (tmp_path / "volt.conf").write_text(
        "[DEFAULT]\nauth_strategy = noauth\nbind_host = ::1\n"
        "[database]\nconnection = sqlite://\n"
    )
    code = (
        "import sys; from volt import compose, conf; options = conf.new();"
        f'conf.load(options, ["--config-file={tmp_path}/volt.conf"]);'
        "compose.compose(options);"
        'heads = {name.partition(".")[0] for name in sys.modules};'
        'print(heads & {"keystonemiddleware", "keystoneauth1",'
        ' "oslo_policy", "cachetools"})'
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "set()\n"


def test_the_password_is_not_logged_with_the_options(load, caplog):
    caplog.set_level(logging.DEBUG)
    load().log_opt_values(logging.getLogger(), logging.DEBUG)
    assert "keystone_authtoken.username" in caplog.text
    assert PASSWORD not in caplog.text


def test_a_caller_does_not_stay_in_the_thread(load):
    """The log would name it with the lines of other requests."""
    from oslo_context.context import get_current

    from volt.auth.keystone import Context

    before = get_current()
    who = Context.from_environ({"HTTP_X_USER_ID": "u", "HTTP_X_ROLES": "a,b"})
    assert (who.user_id, who.roles) == ("u", ["a", "b"])
    assert get_current() is before
