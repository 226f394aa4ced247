# SPDX-License-Identifier: Apache-2.0
"""Bytes on a connection to a running volt-api, as nobody should send them.

Each gets a clear answer or a closed connection, never a 500, never more
answers than there were requests, and the trees stay as they are.
"""

import contextlib
import json
import re
import socket

import pytest
from volt_process import TOKEN, VoltAPI

from voltclient import Client

PATIENCE = 30
LOOK = f'GET /v1/volumes HTTP/1.1\r\nHost: x\r\nX-Auth-Token: {TOKEN}\r\n'
BEAT = f'PUT /v1/members/heartbeat HTTP/1.1\r\nX-Auth-Token: {TOKEN}\r\n'
LOOK, BEAT = LOOK.encode(), BEAT.encode()
LAST = LOOK + b'Connection: close\r\n\r\n'
DELETE = b'DELETE /v1/volumes/kept?force=true HTTP/1.1\r\n' + BEAT[36:]


class Connection:
    """One connection; ``answers`` reads until the other side ends it."""

    def __init__(self, port):
        self.socket = socket.create_connection(('127.0.0.1', port), PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, raw):
        with contextlib.suppress(OSError):  # it may have heard enough
            self.socket.sendall(raw)

    def answers(self):
        """Return (status, headers, body) of each."""
        raw = b''.join(iter(lambda: self.socket.recv(65536), b''))
        found = []
        while raw:
            head, _, raw = raw.partition(b'\r\n\r\n')
            length = re.search(rb'(?i)\r\ncontent-length: (\d+)', head)
            size = int(length[1]) if length else 0
            found.append((int(head.split()[1]), head, raw[:size]))
            raw = raw[size:]
        return found


@pytest.fixture(scope='module')
def kept(tmp_path_factory):
    """A volt-api of our own with one tree in it."""
    volt = VoltAPI(tmp_path_factory.mktemp('volt')).start()
    client = Client(volt.endpoint, token=TOKEN)
    for name in ('n1', 'n2', 'n3'):
        client.volumes.assign('kept', name, '3260', 'i', '1')
    volt.before = client.volumes.list('kept')
    yield volt
    assert client.volumes.list('kept') == volt.before
    assert 'Traceback' not in volt.log
    volt.kill()


def ask(volt, raw, end=True):
    with Connection(volt.port) as connection:
        connection.send(raw)
        if end:
            connection.socket.shutdown(socket.SHUT_WR)
        return connection.answers()


def statuses(answers):
    return [status for status, _, _ in answers]


AMBIGUOUS = {
    'two lengths': b'Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}',
    'the same length twice': b'Content-Length: 2\r\n' * 2 + b'\r\n{}',
    'a list of lengths': b'Content-Length: 2, 2\r\n\r\n{}',
    'a length with a sign': b'Content-Length: +2\r\n\r\n{}',
    'a length with a line': b'Content-Length: 1_0\r\n\r\n{}',
    'a negative length': b'Content-Length: -2\r\n\r\n{}',
    'no length': b'Content-Length: \r\n\r\n{}',
    'length and chunks': b'Content-Length: 2\r\n'
    b'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'a coding that is not known': b'Transfer-Encoding: gzip\r\n\r\n{}',
    'a coding before chunks': b'Transfer-Encoding: gzip, chunked\r\n\r\n{}',
    'a coding that looks like chunks': b'Transfer-Encoding: xchunked\r\n\r\n',
    'chunks twice': b'Transfer-Encoding: chunked\r\n' * 2 + b'\r\n0\r\n\r\n',
    'a header without a colon': b'nonsense\r\nContent-Length: 2\r\n\r\n{}',
    'a blank before the colon': b'Content-Length : 2\r\n\r\n{}',
    'a length in other digits': 'Content-Length: ٢\r\n\r\n{}'.encode(),
}


@pytest.mark.parametrize('name', AMBIGUOUS)
def test_a_request_whose_end_is_not_clear_is_the_last_one(kept, name):
    """What follows would be taken for a request by one, not by another."""
    answers = ask(kept, BEAT + AMBIGUOUS[name] + DELETE + b'\r\n')
    assert statuses(answers) == [400]
    _, head, body = answers[0]
    assert b'connection: close' in head.lower()
    error = json.loads(body)['error']
    assert error['code'] == 'bad_request'
    assert error['message'].startswith('the request cannot be read: ')


NO_HTTP = {
    'no HTTP at all': (b'\x16\x03\x01\x02\x00\x01\x00\r\n\r\n', 400),
    'no version': (b'GET / HTP/1.1\r\n\r\n', 400),
    'another version': (b'GET / HTTP/2.0\r\n\r\n', 505),
    'too many words': (b'GET / HTTP/1.1 x\r\n\r\n', 400),
    'too many headers': (LOOK + b'A: b\r\n' * 200 + b'\r\n', 431),
    'NUL in the path': (b'GET /v1/vol\0umes HTTP/1.1\r\n\r\n', 401),
}


@pytest.mark.parametrize('name', NO_HTTP)
def test_what_is_no_request_is_told_so_in_json(kept, name):
    raw, status = NO_HTTP[name]
    answers = ask(kept, raw)
    assert statuses(answers) == [status]
    assert json.loads(answers[0][2])['error']['message']


@pytest.mark.parametrize(
    ('raw', 'status'),
    [
        (b'GET /' + b'x' * 20_000 + b' HTTP/1.1\r\n\r\n', 414),
        (LOOK + b'X: ' + b'y' * 20_000 + b'\r\n\r\n', 400),
        (LOOK + (b'X: ' + b'y' * 9_000 + b'\r\n') * 10 + b'\r\n', 400),
    ],
    ids=['a long line', 'a long header', 'long headers'],
)
def test_a_head_has_an_end(kept, raw, status):
    assert statuses(ask(kept, raw)) == [status]


def test_a_null_byte_in_a_header_is_a_wrong_token(kept):
    raw = b'GET /v1/volumes HTTP/1.1\r\nX-Auth-Token: a\0b\xff\r\n'
    assert statuses(ask(kept, raw + b'Connection: close\r\n\r\n')) == [401]


def test_requests_sent_together_are_answered_in_order(kept):
    unknown = LOOK.replace(b'/v1/volumes', b'/v1/volumes/none')
    beat = BEAT + b'Content-Length: 2\r\n\r\n{}'
    answers = ask(kept, LOOK + b'\r\n' + unknown + b'\r\n' + beat + LAST)
    assert statuses(answers) == [200, 404, 200, 200]
    assert answers[0][2] == answers[3][2]


def test_a_refused_request_does_not_take_its_body_for_the_next_one(kept):
    inner = DELETE + b'\r\n'
    raw = LOOK.replace(TOKEN.encode(), b'wrong')
    raw += b'Content-Length: %d\r\n\r\n' % len(inner) + inner
    assert statuses(ask(kept, raw + LAST)) == [401, 200]


@pytest.mark.parametrize('token', [TOKEN, 'wrong'])
def test_a_body_that_is_too_large_is_not_read_and_ends_it(kept, token):
    size = 50 * 1024 * 1024
    raw = BEAT.replace(TOKEN.encode(), token.encode())
    raw += b'Content-Length: %d\r\n\r\n' % size + b'x' * 300_000
    answers = ask(kept, raw + LAST, end=False)
    assert statuses(answers) == [413 if token == TOKEN else 401]
    assert b'connection: close' in answers[0][1].lower()


def test_a_body_shorter_than_announced_is_refused(kept):
    raw = BEAT + b'Content-Length: 50\r\n\r\n{}'
    assert statuses(ask(kept, raw)) == [400]


CHUNKS = {
    'none': (b'0\r\n\r\n', 200),
    'two': (b'1\r\n{\r\n1\r\n}\r\n0\r\n\r\n', 200),
    'with an extension': (b'2;a=b\r\n{}\r\n0\r\n\r\n', 200),
    'with a trailer': (b'2\r\n{}\r\n0\r\nX: y\r\n\r\n', 200),
    'without a size': (b'zz\r\n{}\r\n', 400),
    'that break off': (b'9\r\n{}', 400),
    'that are too large': (b'ffff\r\n' + b' ' * 65_535 + b'\r\n' * 2, 400),
    'that are far too large': (b'fffffff\r\n' + b' ' * 70_000, 413),
    'with a size that has no end': (b'0' * 100_000, 400),
    'with an endless trailer': (b'0\r\n' + b'X: y\r\n' * 300_000, 400),
}


@pytest.mark.parametrize('name', CHUNKS)
def test_chunks_have_a_measure(kept, name):
    raw, status = CHUNKS[name]
    raw = BEAT + b'Transfer-Encoding: chunked\r\n\r\n' + raw
    assert statuses(ask(kept, raw)) == [status]


def test_chunks_nobody_asked_for_are_not_read(kept):
    raw = BEAT.replace(TOKEN.encode(), b'wrong')
    raw += b'Transfer-Encoding: chunked\r\n\r\n' + b'0' * 100_000
    answers = ask(kept, raw)
    assert statuses(answers) == [401]
    assert b'connection: close' in answers[0][1].lower()


def test_a_whole_url_is_a_target_too(kept):
    raw = LAST.replace(b'/v1', b'http://volt.example:7447/v1')
    assert statuses(ask(kept, raw)) == [200]


def test_another_connection_is_served_while_one_is_stuck(kept):
    with Connection(kept.port) as stuck:
        stuck.send(BEAT + b'Content-Length: 10\r\n\r\n{')
        assert statuses(ask(kept, LAST)) == [200]
        stuck.send(b'        }' + LAST)
        assert statuses(stuck.answers()) == [200, 200]


def test_a_caller_s_own_id_is_logged_and_not_taken_for_ours(kept):
    raw = LAST[:-2] + b'X-Openstack-Request-Id: req-mine\xff\r\n\r\n'
    ((_, head, _),) = ask(kept, raw)
    assert re.search(rb'(?i)request-id: req-[0-9a-f]{8}-', head)
    assert b'mine' not in head
