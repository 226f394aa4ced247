# SPDX-License-Identifier: Apache-2.0
"""Where a call takes its token from, and what it does when it is refused."""

import json

import pytest

from voltclient import Client, exceptions
from voltclient.retry import Retry

ERROR = {"error": {"code": "unauthorized", "message": "no", "request_id": "r"}}


class Guard(dict):
    """Answers ``[]`` to who shows a token that is valid, else 401."""

    def __init__(self, stub, *valid):
        self._stub = stub
        self.valid = set(valid)

    def __getitem__(self, request):
        if shown(self._stub) in self.valid:
            return 200, b"[]", {}
        return 401, json.dumps(ERROR).encode(), {}


class Source:
    """Gives tokens in order, the last one for ever; like a session."""

    def __init__(self, *tokens, forgets=True):
        self.tokens = list(tokens)
        self.asked = self.forgotten = 0
        self._forgets = forgets

    def get_token(self):
        self.asked += 1
        return self.tokens[0]

    def invalidate(self):
        self.forgotten += 1
        if len(self.tokens) > 1 and self._forgets:
            self.tokens.pop(0)
        return True


def shown(stub):
    return stub.requests[-1][1].get("X-Auth-Token")


@pytest.fixture
def guard(stub):
    stub.answers = Guard(stub, "new")
    return stub.answers


def client(stub, **how):
    return Client(stub.endpoint, retry=Retry(pause=0.001), timeout=5, **how)


def test_a_function_is_asked_with_each_call(stub, guard):
    given = iter(["new", "newer"])
    guard.valid.add("newer")
    volt = client(stub, token=lambda: next(given))
    for token in ("new", "newer"):
        assert volt.volumes.list() == []
        assert shown(stub) == token


def test_a_session_is_asked_with_each_call(stub, guard):
    source = Source("new")
    volt = client(stub, session=source)
    volt.volumes.list()
    volt.volumes.list()
    assert (source.asked, source.forgotten) == (2, 0)


def test_a_refused_token_of_a_session_is_exchanged_once(stub, guard):
    source = Source("old", "new")
    assert client(stub, session=source).volumes.list() == []
    assert [headers["X-Auth-Token"] for _, headers, _ in stub.requests] == [
        "old",
        "new",
    ]


def test_also_when_the_call_must_not_be_made_twice(stub, guard):
    """A refused call was not carried out."""
    volt = client(stub, session=Source("old", "new"))
    volt.volumes.logout("v", force=True)
    assert len(stub.requests) == 2


def test_a_file_that_was_exchanged_meanwhile_is_read_again(
    stub, guard, tmp_path
):
    path = tmp_path / "token"
    path.write_text("old\n")
    volt = client(stub, token=lambda: path.read_text().strip())
    with pytest.raises(exceptions.HTTPUnauthorized):
        volt.volumes.list()
    path.write_text("new\n")
    assert volt.volumes.list() == []


@pytest.mark.parametrize(
    "how", [{"token": "old"}, {"token": lambda: "old"}, {}]
)
def test_the_same_token_is_not_shown_twice(stub, guard, how):
    with pytest.raises(exceptions.HTTPUnauthorized):
        client(stub, **how).volumes.list()
    assert len(stub.requests) == 1


def test_a_token_refused_again_is_refused(stub, guard):
    with pytest.raises(exceptions.HTTPUnauthorized):
        client(stub, session=Source("old", "other")).volumes.list()
    assert len(stub.requests) == 2


def test_a_source_that_gives_none_shows_none(stub, guard):
    guard.valid.add(None)
    assert client(stub, token=lambda: None).volumes.list() == []


def test_a_source_that_fails_is_told_and_volt_is_not_asked(stub, guard):
    def fail():
        raise RuntimeError("keystone is away")

    with pytest.raises(exceptions.TokenUnavailable, match="keystone is away"):
        client(stub, token=fail).volumes.list()
    assert stub.requests == []


def test_a_token_that_no_header_can_carry_is_told_without_it(stub, guard):
    with pytest.raises(exceptions.CommandError) as refused:
        client(stub, token=lambda: "sécret").volumes.list()
    assert "cret" not in str(refused.value)


def test_a_token_and_a_session_are_one_too_many(stub):
    with pytest.raises(exceptions.CommandError, match="one of them"):
        client(stub, token="x", session=Source("y"))
