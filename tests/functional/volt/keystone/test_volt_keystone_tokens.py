# SPDX-License-Identifier: Apache-2.0
"""Which tokens of a real keystone open the door, and which do not."""

import datetime
import pathlib

import pytest
from keystone_callers import IMAGES, LIST, ask, refused, wait_until

TIME = "%Y-%m-%dT%H:%M:%S.%fZ"


@pytest.mark.parametrize(
    "token", ["x", "gAAAAA" + "x" * 180, "é", "a b", "../..", "x" * 9000]
)
def test_nonsense_is_no_token_and_no_fault_of_keystone(
    behind_keystone, sessions, token
):
    shown = {"X-Auth-Token": token.encode("latin1")}
    refused(ask(behind_keystone, None, *LIST, **shown), 401, "unauthorized")
    assert ask(behind_keystone, keystone_again(sessions), *LIST).ok


def keystone_again(sessions):
    """Return a session whose token volt has not seen."""
    sessions["admin"].invalidate()
    return sessions["admin"]


def test_who_claims_to_be_somebody_is_not_believed(behind_keystone, sessions):
    claims = {"X-Roles": "admin", "X-Identity-Status": "Confirmed"}
    claims |= {"X-User-Id": "root", "X-System-Scope": "all"}
    refused(ask(behind_keystone, None, *LIST, **claims), 401, "unauthorized")
    answer = ask(behind_keystone, sessions["alice"], *LIST, **claims)
    refused(answer, 403, "forbidden")


def token_for(seconds, keystone, session):
    """Return a token, and when it ends."""
    life = datetime.timedelta(seconds=seconds)
    ends = datetime.datetime.now(datetime.UTC) + life
    short = keystone.short_lived(session, ends.strftime(TIME))
    return short.get_token(), ends


def test_an_expired_token_is_refused(behind_keystone, keystone, sessions):
    # A busy machine may need all of a short life before the token is used.
    for seconds in (4, 16, 64):
        token, ends = token_for(seconds, keystone, sessions["virtman"])
        if ask(behind_keystone, token, *IMAGES).ok:
            break
    else:
        pytest.fail("volt takes no token of those that end soon")
    answer = wait_until(lambda: ask(behind_keystone, token, *IMAGES), 401)
    assert datetime.datetime.now(datetime.UTC) >= ends.replace(microsecond=0)
    assert "expired" in refused(answer, 401, "unauthorized")


def test_a_revoked_token_is_refused(behind_keystone, keystone):
    token = keystone.admin().get_token()
    keystone.revoke(token)
    refused(ask(behind_keystone, token, *LIST), 401, "unauthorized")


def test_a_token_revoked_in_use_is_refused_when_it_was_kept_long_enough(
    start_before_keystone, keystone
):
    volt = start_before_keystone("token_cache_time = 2\n")
    token = keystone.admin().get_token()
    assert ask(volt, token, *LIST).ok
    keystone.revoke(token)
    wait_until(lambda: ask(volt, token, *LIST), 401)


def test_no_secret_is_in_the_log_or_in_the_process_list(
    behind_keystone, keystone, sessions
):
    assert ask(behind_keystone, sessions["admin"], *LIST).ok
    assert "DEBUG" in behind_keystone.log
    process = pathlib.Path(f"/proc/{behind_keystone.process.pid}")
    said = behind_keystone.log + (process / "cmdline").read_text()
    for secret in (keystone.password, sessions["admin"].get_token()):
        assert secret not in said
