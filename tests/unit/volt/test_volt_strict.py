# SPDX-License-Identifier: Apache-2.0
"""Where a request ends."""

import email
import io

import pytest

from volt.cmd import strict

READ = 'HTTP/1.1'


def headers(*lines):
    return email.message_from_string('\r\n'.join([*lines, '', '']))


@pytest.mark.parametrize(
    'lines',
    [
        [],
        ['Content-Length: 0'],
        ['content-length: 12'],
        ['Transfer-Encoding: Chunked'],
    ],
)
def test_one_way_to_tell_it_is_clear(lines):
    assert strict.fault(READ, headers('Host: x', *lines)) is None


@pytest.mark.parametrize(
    'lines',
    [
        ['Content-Length: 1', 'Content-Length: 1'],
        ['Content-Length: 1', 'Transfer-Encoding: chunked'],
        ['Content-Length: 0x1'],
        ['Content-Length: ²'],
        ['Transfer-Encoding: chunked, chunked'],
        ['Transfer-Encoding: identity'],
        ['no colon'],
    ],
)
def test_any_other_is_not(lines):
    assert strict.fault(READ, headers('Host: x', *lines))


def test_the_first_http_has_no_chunks():
    assert strict.fault('HTTP/1.0', headers('Transfer-Encoding: chunked'))


def test_a_line_beside_chunks_is_short():
    lines = strict.Lines(io.BytesIO(b'5\r\n' + b'0' * strict.LONGEST_LINE))
    assert lines.readline() == b'5\r\n'
    with pytest.raises(ValueError, match='too much'):
        lines.readline()
    assert lines.spoiled


def test_all_lines_beside_chunks_have_a_limit():
    lines = strict.Lines(io.BytesIO(b'X: y\r\n' * strict.LINES))
    with pytest.raises(ValueError, match='too much'):
        for _ in range(strict.LINES):
            lines.readline()
