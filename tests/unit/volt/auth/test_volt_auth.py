# SPDX-License-Identifier: Apache-2.0
"""Who is let in with noauth and with a token, and who is not."""

import hmac

import pytest

from volt import auth, conf
from volt.auth import token
from volt.auth.caller import Anybody
from volt.auth.middleware import Authentication
from volt.exception import ConfigError, Forbidden, Unauthorized

OLD, NEW = "an-old-secret-of-length", "a-new-secret-of-length"


@pytest.fixture
def strategy(tmp_path):
    """Make a strategy from lines of a configuration file."""

    def make(*lines):
        path = tmp_path / "volt.conf"
        path.write_text("\n".join(["[DEFAULT]", *lines]))
        options = conf.new()
        conf.load(options, [f"--config-file={path}"])
        return auth.load(options)

    return make


@pytest.fixture
def secrets(tmp_path):
    """Write a file of secrets; return its path."""

    def write(*lines, mode=0o640):
        path = tmp_path / "token"
        path.write_text("\n".join(lines))
        path.chmod(mode)
        return str(path)

    return write


def showing(secret):
    return {"HTTP_X_AUTH_TOKEN": secret}


def test_the_secret_opens_and_its_bearer_is_believed(strategy, secrets):
    admitting = strategy(f"token_file = {secrets(OLD)}")
    caller = admitting.admit(showing(OLD))
    assert caller.trusted
    caller.check("DELETE", "/v1/volumes/{volume_id}", {})


@pytest.mark.parametrize(
    "shown", ["", "x", OLD[:-1], OLD.upper(), OLD + " ", "ä" * 20, "\u20ac"]
)
def test_anything_else_does_not(secrets, shown):
    with pytest.raises(Unauthorized, match="X-Auth-Token") as refused:
        token.Token(token.read(secrets(OLD))).admit(showing(shown))
    assert not shown or shown not in str(refused.value)


def test_no_header_is_no_token(secrets):
    with pytest.raises(Unauthorized):
        token.Token(token.read(secrets(OLD))).admit({})


def test_of_several_secrets_each_opens(secrets):
    path = secrets("# until friday", f"{OLD}  ", "", NEW)
    admitting = token.Token(token.read(path))
    assert token.read(path) == (OLD.encode(), NEW.encode())
    for secret in (OLD, NEW):
        assert admitting.admit(showing(secret)).trusted
    with pytest.raises(Unauthorized):
        admitting.admit(showing("# until friday"))


def test_each_secret_is_compared_whichever_fits(secrets, monkeypatch):
    compared = []

    def note(shown, secret):
        compared.append(secret)
        return hmac_compare(shown, secret)

    hmac_compare = hmac.compare_digest
    admitting = token.Token(token.read(secrets(OLD, NEW)))
    monkeypatch.setattr(hmac, "compare_digest", note)
    admitting.admit(showing(OLD))
    assert compared == [OLD.encode(), NEW.encode()]


@pytest.mark.parametrize(
    "lines", [(), ("# nothing",), ("short",), (NEW, "short"), ("ä" * 20,)]
)
def test_a_file_that_cannot_be_used_is_refused_by_name(secrets, lines):
    path = secrets(*lines)
    with pytest.raises(ConfigError, match=f"token_file {path}"):
        token.read(path)


def test_the_line_at_fault_is_named_and_never_shown(secrets):
    with pytest.raises(ConfigError, match="line 2") as refused:
        token.read(secrets(OLD, "short-one"))
    assert "short-one" not in str(refused.value)


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o602, 0o777])
def test_a_file_that_others_can_use_is_refused(secrets, mode):
    with pytest.raises(ConfigError, match=rf"mode {mode:o}\); chmod 640"):
        token.read(secrets(OLD, mode=mode))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match="none: No such file"):
        token.read(f"{tmp_path}/none")


def test_token_without_a_file_says_what_to_do(strategy):
    with pytest.raises(ConfigError, match="openssl rand"):
        strategy()


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "localhost"]
)
def test_noauth_is_for_this_host(strategy, host):
    admitting = strategy("auth_strategy = noauth", f"bind_host = {host}")
    for remote in ("127.0.0.1", "::1", "::ffff:127.0.0.1", ""):
        assert not admitting.admit({"REMOTE_ADDR": remote}).trusted


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "10.0.0.1", "volt.example", "::ffff:10.0.0.1"]
)
def test_noauth_on_a_network_is_refused_unless_it_is_forced(strategy, host):
    lines = "auth_strategy = noauth", f"bind_host = {host}"
    with pytest.raises(ConfigError) as refused:
        strategy(*lines)
    for word in (host, "every host", "noauth_anywhere", "= token"):
        assert word in str(refused.value)
    forced = strategy(*lines, "noauth_anywhere = true")
    assert forced.admit({"REMOTE_ADDR": "10.0.0.7"}) == Anybody()


@pytest.mark.parametrize("remote", ["10.0.0.7", "::ffff:10.0.0.7", "what"])
def test_noauth_asks_the_caller_s_address_too(strategy, remote):
    """Another WSGI server may listen elsewhere than bind_host says."""
    admitting = strategy("auth_strategy = noauth", "bind_host = ::1")
    with pytest.raises(Forbidden, match="noauth_anywhere"):
        admitting.admit({"REMOTE_ADDR": remote})


@pytest.mark.parametrize("path", ["/", "", "/v1", "/v1/", "/healthz"])
def test_some_paths_are_open_and_nobody_is_believed_there(secrets, path):
    passed = []
    gate = Authentication(lambda environ, _: passed.append(environ), _Nobody())
    gate({"PATH_INFO": path, **showing(OLD)}, None)
    assert not passed[0]["volt.caller"].trusted


def test_the_door_goes_by_the_path_that_the_router_sees():
    gate = Authentication(lambda *_: [], _Nobody())
    for environ in (
        {"PATH_INFO": "/healthz", "RAW_PATH_INFO": "/v1/volumes"},
        {"PATH_INFO": "/healthz", "REQUEST_URI": "/v1/volumes?/healthz"},
        {"PATH_INFO": "/v1/volumes", "SCRIPT_NAME": "/healthz"},
    ):
        with pytest.raises(Unauthorized):
            gate(environ, None)


class _Nobody:
    """A strategy that lets nobody in."""

    def admit(self, environ):
        raise Unauthorized("no")
