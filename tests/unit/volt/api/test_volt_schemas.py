# SPDX-License-Identifier: Apache-2.0
"""What bodies and identifiers may be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volt.api.schemas import validate
from volt.api.schemas.images import IMAGE as IMAGE_SCHEMA
from volt.api.schemas.members import HEARTBEAT
from volt.api.schemas.parse import parse
from volt.api.schemas.volumes import QUERY, REGISTER
from volt.exception import BadRequest, InvalidBody, InvalidPath, MalformedJSON

check_image, check_heartbeat, check_query, check_register = (
    validate.body(schema)
    for schema in (IMAGE_SCHEMA, HEARTBEAT, QUERY, REGISTER)
)

ADDRESS = {"host": "n1", "port": "3260", "iqn": "iqn.2026-01.x:v", "lun": "1"}
IMAGE = ADDRESS | {"size": 8, "generation": "g", "serial": "s"}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"\xff\xfe",
        b'{"a":"\xff"}',
        b"[" * 50_000,
        b'{"a":' + b"9" * 5000 + b"}",
        b"\xef\xbb\xbf{}",
        "{}".encode("utf-16"),
        b'{"a":NaN}',
        b'{"a":[-Infinity]}',
        b'{"a":1,"a":2}',
        b'{"a":{"b":1,"b":1}}',
        b'{"a":"\\ud800"}',
        b'{"\\uDFFF":1}',
        b'{"a":"\\udc00\\ud800"}',
        b'{"a":1}{}',
        b'{"a":01}',
    ],
)
def test_what_is_no_json_object_is_refused(raw):
    with pytest.raises(MalformedJSON):
        parse(raw)


def test_a_character_outside_of_the_first_plane_is_text():
    assert parse(b'{"a":"\\ud83d\\ude00"}') == {"a": "\U0001f600"}


def test_what_is_there_twice_is_named():
    with pytest.raises(MalformedJSON, match="lun occurs twice"):
        parse(b'{"port":"1","lun":"1","lun":"2"}')


@pytest.mark.parametrize("raw", [b"", b"  \n", b"{}"])
def test_no_body_is_an_empty_object(raw):
    assert parse(raw) == {}


@pytest.mark.parametrize(
    "body",
    [
        {},
        ADDRESS,
        {"host": None, "port": None},
        {"port": 3260, "lun": 1},
        {"unknown": object()},
    ],
)
def test_old_clients_may_send_numbers_nulls_and_unknown_keys(body):
    check_register(body)
    check_query(body)


@pytest.mark.parametrize(
    "body",
    [
        {"host": ""},
        {"host": "a\x00b"},
        {"host": "a\nb"},
        {"iqn": " blank"},
        {"host": "x" * 256},
        {"port": []},
        {"port": "http"},
        {"port": "٣٢٦٠"},
        {"port": 1e6},
        {"lun": True},
        {"lun": -1},
        {"lun": "first"},
    ],
)
def test_an_address_is_text_of_its_kind_and_bounded_length(body):
    with pytest.raises(InvalidBody, match=next(iter(body))):
        check_register(body)


WRONG = {
    'host': [
        '', '../x', '/etc', '..', '.', 'a/b', '-o', 'a.-b', 'a..b', 'a b',
        'a\nb', 'a\n', '\0', 'a;b', '2130706433', '0x7f000001', '127.1',
        '0177.0.0.1', '127.0.0.1.', '10.0.0.256', '\u0661.1.1.1',
        '\u0430', 'ä',
        'h' * 254, '[fe80::1]', 'fe80::1%/..', 'fe80::1%-x', 'a:b', ':',
        '10.0.0.1:3260', '10.0.0.1,1',
    ],
    'port': [
        '', '0', '65536', '99999', '-1', '01', '1\n', '\u0663', 'http', ' 1',
    ],
    'iqn': [
        '', '../../../etc/cron.d/x', 'iqn.2026-01.x:../y', 'x', 'iqn.x:y',
        'iqn.2026-01.x:a\nb', 'iqn.2026-01.x:a\n', '-iqn.2026-01.x:a', 'eui.',
        'iqn.2026-01.x:a b', 'iqn.२०२६-01.x:a', 'iqn.2026-01.' + 'a' * 212,
        'IQN.2026-01.x:a', 'iqn.2026-01.x:\0',
    ],
    'lun': ['', '16384', '99999', '-1', '1\n', '1 2', '\u0661', 'x'],
}  # fmt: skip
RIGHT = {
    'host': [
        'n1', 'node_1', 'a-b.example.org', 'node1.', '0xg', '1a', '1.2.3.a',
        '10.0.0.1', '255.255.255.255', 'fe80::1', '::', '::1', '2001:db8::7',
        '::ffff:10.0.0.1', 'fe80::1%eth0.5', 'h' * 253,
    ],
    'port': ['1', '80', '3260', '59999', '65535'],
    'iqn': [
        'iqn.2010-10.org.openstack:volume-a', 'eui.02004567A425678D',
        'naa.52004567BA64678D', 'iqn.2026-01.x:a+b=c@d_e-f.g..h',
    ],
    'lun': ['0', '1', '255', '9999', '16383'],
}  # fmt: skip
NOT_TEXT = [None, [], {}, True, 1.5, 10**400]


def bodies(**change):
    """Yield each check of what registers an address, and its body."""
    at = ADDRESS | change
    yield check_query, at | {"accept_pending": True}
    yield (
        check_heartbeat,
        {"serving": [at | {"session_name": "v", "peer_id": "n1:v"}]},
    )
    yield check_image, IMAGE | change


@pytest.mark.parametrize("field", sorted(WRONG))
def test_no_odd_address_is_registered_by_an_agent(field):
    for value in [*WRONG[field], *NOT_TEXT, "x" * 5000]:
        for check, body in bodies(**{field: value}):
            with pytest.raises(InvalidBody, match=field) as refused:
                check(body)
            assert len(str(refused.value)) < 200


@pytest.mark.parametrize("field", sorted(WRONG))
def test_nor_by_an_old_client(field):
    for value in [*WRONG[field], [], {}, True, 1.5, 10**400, 65536]:
        for check in (check_register, check_query):
            with pytest.raises(InvalidBody, match=field):
                check({field: value})


@pytest.mark.parametrize("field", sorted(RIGHT))
def test_addresses_that_are_seen_are_registered(field):
    for value in RIGHT[field]:
        check_register({field: value})
        for check, body in bodies(**{field: value}):
            check(body)


def test_no_node_beats_for_a_host_that_is_none():
    for value in [*WRONG["host"], *NOT_TEXT]:
        with pytest.raises(InvalidBody, match="host"):
            check_heartbeat({"host": value})
    for value in RIGHT["host"]:
        check_heartbeat({"host": value})


def test_what_an_older_volt_took_may_be_named_as_failed():
    old = {"host": "2130706433", "port": "99999"}
    for check, body in bodies():
        check(body | {"failed": [old]})


@pytest.mark.parametrize("missing", ["port", "iqn", "lun"])
def test_an_agent_says_from_where_it_will_serve(missing):
    body = ADDRESS | {"accept_pending": True}
    check_query(body)
    del body[missing]
    with pytest.raises(InvalidBody, match=missing):
        check_query(body)


def test_an_agent_sends_text():
    with pytest.raises(InvalidBody, match="port"):
        check_query(ADDRESS | {"accept_pending": True, "port": 3260})


def test_a_beat_names_each_volume_wholly():
    one = ADDRESS | {"session_name": "v", "peer_id": "n1:v"}
    check_heartbeat({"serving": [one]})
    del one["peer_id"]
    with pytest.raises(InvalidBody, match=r"serving\.0"):
        check_heartbeat({"serving": [one]})


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": 0},
        {"size": 2**60},
        {"size": "8"},
        {"size": True},
        {"serial": ""},
        {"serial": "a,path=/etc/shadow"},
        {"serial": "x" * 37},
        {"generation": "a\n"},
        {"digest": 5},
        {"digest": "sha256:x"},
        {"port": 3260},
    ],
)
def test_an_image_is_described_exactly(wrong):
    check_image(IMAGE)
    with pytest.raises(InvalidBody, match=next(iter(wrong))):
        check_image(IMAGE | wrong)


@pytest.mark.parametrize("name", ["a/b", "ä", ":", "fe80::1:v", "x y", "%"])
def test_printable_identifiers_are_legal(name):
    validate.identifiers({"volume_id": name, "peer_id": name})


@pytest.mark.parametrize(
    "name", ["", "..", "a\x00", "a\n", " a", "x" * 10_000]
)
def test_other_identifiers_are_not(name):
    with pytest.raises(InvalidPath, match="volume_id"):
        validate.identifiers({"volume_id": name})


def test_a_message_says_what_is_taken():
    with pytest.raises(
        InvalidBody, match=r"port: is not a TCP port in digits"
    ):
        check_image(IMAGE | {"port": "0"})
    with pytest.raises(InvalidBody, match="a number or null"):
        check_register({"lun": {}})
    with pytest.raises(InvalidBody, match="needs generation, host, iqn"):
        check_image({})


def test_a_message_does_not_repeat_a_huge_value():
    with pytest.raises(InvalidBody) as refused:
        check_register({"host": ["x" * 5000]})
    assert len(str(refused.value)) < 200


@given(json_values)
def test_no_value_whatever_breaks_a_check(value):
    for check in (check_query, check_register, check_heartbeat, check_image):
        try:
            check({"host": value, "serving": value, "size": value})
            check(value)
        except BadRequest:
            pass
