# SPDX-License-Identifier: Apache-2.0
"""Names: whatever is made can be read back, and fits where it must go."""

from __future__ import annotations

import string

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from virtman import names, quoting
from virtman.exception import InvalidRequest
from virtman.names import Role

NAME_BYTES, UUID_BYTES = 127, 128  # DM_NAME_LEN, DM_UUID_LEN, less a NUL
LETTERS = string.ascii_letters + string.digits

keys = st.builds(
    str.__add__,
    st.sampled_from(LETTERS),
    st.text(LETTERS + "+.:=@_-", max_size=names.KEY_MAX - 1),
)
images = st.text(LETTERS + "+.:=@_-", max_size=90).map("volume-i".__add__)


@given(st.sampled_from(Role), keys)
def test_a_uuid_tells_the_role_and_the_key_it_was_made_of(role, key):
    assert names.parse_dm_uuid(names.dm_uuid(role, key)) == (role, key)


@given(st.text())
@example("virtman-1-cached-")
@example("mpath-virtman-1-cached-volume-a")
@example("LVM-abc")
def test_a_uuid_that_is_not_ours_is_nobodys(text):
    assume(not text.startswith("virtman-1-"))
    assert names.parse_dm_uuid(text) is None


named = st.sampled_from([role for role in Role if role is not Role.GROUP])


@given(named, keys)
@example(Role.SNAPSHOT, "a_b")
@example(Role.CACHE, "d_volume-a")
def test_a_device_name_tells_the_role_and_the_key_it_was_made_of(role, key):
    name = names.dm_name(role, key)
    assert names.parse_dm_name(name) == (role, key)
    assert len(name.encode()) <= NAME_BYTES


@given(st.text(max_size=140))
@example("origin_")
@example("origin_-x")
@example("origin_" + "k" * 101)
@example("vg-root")
@example("cachedvolume-a")
def test_a_device_name_that_we_would_not_make_is_nobodys(text):
    parsed = names.parse_dm_name(text)
    assert parsed is None or names.dm_name(*parsed) == text


def test_a_uuid_of_ours_without_a_key_is_nobodys():
    assert names.parse_dm_uuid("virtman-1-cached-") is None
    assert names.parse_dm_uuid("virtman-1-cachedvolume-a") is None


@pytest.mark.parametrize("role", Role)
def test_the_longest_key_fits_into_every_name(role):
    key = "k" * names.KEY_MAX
    assert names.check_key("image", key) == key
    assert len(names.dm_name(role, key)) <= NAME_BYTES
    assert len(names.dm_uuid(role, key)) <= UUID_BYTES
    assert len(names.iqn(names.image_id("k" * 93))) <= 223


@given(keys)
def test_a_key_of_the_allowed_characters_is_kept_as_it_is(key):
    assert names.check_key("instance", key) == key


@given(st.text(max_size=120))
def test_what_passes_needs_no_quoting_anywhere(text):
    try:
        names.check_key("instance", text)
    except InvalidRequest:
        return
    assert set(text) <= set(LETTERS + "+.:=@_-")
    assert text[0] in LETTERS
    assert 1 <= len(text) <= names.KEY_MAX


BAD = ["", "a/b", "../a", "a b", "a\n", "\na", "a\tb", "a;b", "$(a)", "`a`",
       "a|b", "a&b", "a'b", 'a"b', "a\\b", "a*", "-a", ".", ".a", "ä", "a\0",
       "a,b", "a#b", "a%b", "a{b", None, 7, ["a"]]  # fmt: skip


@pytest.mark.parametrize("bad", BAD, ids=repr)
def test_a_name_that_could_break_something_is_refused_and_shown(bad):
    with pytest.raises(InvalidRequest) as refused:
        names.check_key("instance", bad)
    assert quoting.quoted(bad) in str(refused.value)
    assert "instance" in str(refused.value)
    with pytest.raises(InvalidRequest):
        names.image_id(bad)


def test_a_name_that_is_too_long_is_refused_with_the_length_there_is():
    with pytest.raises(InvalidRequest, match=r"101 characters.*room for 100"):
        names.check_key("instance", "k" * 101)
    with pytest.raises(InvalidRequest, match="characters"):
        names.image_id("k" * 94)


def test_an_image_gets_its_prefix_once():
    assert names.image_id("image1") == "volume-image1"
    assert names.image_id("volume-image1") == "volume-image1"


def test_an_image_needs_a_name_behind_the_prefix():
    with pytest.raises(InvalidRequest, match="volume-"):
        names.image_id("volume-")


@given(images)
@example("volume-a:volume-b")
def test_an_iscsi_name_tells_the_image_it_was_made_of(image):
    assert names.parse_iqn(names.iqn(image)) == image


@given(images, st.sampled_from(["iqn.2026-01.lab:", "iqn.2026-01.a.b:c:"]))
def test_an_iscsi_name_with_another_prefix_tells_the_image_too(image, prefix):
    made = names.iqn(image, prefix)
    assert made.startswith(prefix)
    assert names.parse_iqn(made) == image


@pytest.mark.parametrize(
    "name",
    ["", "iqn.2010-10.org.openstack:", "iqn.2010-10.org.openstack:volume-",
     "iqn.2010-10.org.openstack:image1", "volume-image1",
     "iqn.2010-10.org.openstack:myvolume-image1"],
)  # fmt: skip
def test_an_iscsi_name_that_is_not_ours_is_nobodys(name):
    assert names.parse_iqn(name) is None


@pytest.mark.parametrize(
    "prefix",
    ["", "iqn", "iqn.2010-10.org.openstack", "iqn.10-10.org:", "eui.02004567:",
     "iqn.2010-10.org.openstack:a b:", "iqn.2010-10.org.openstack:\n",
     "iqn.2010-10.org;reboot:", "iqn.2010-10.org:half-word",
     "iqn.2010-10.org:volume-x:", None, 3],
    ids=repr,
)  # fmt: skip
def test_a_prefix_whose_targets_could_not_be_found_again_is_refused(prefix):
    with pytest.raises(InvalidRequest, match="IQN prefix"):
        names.iqn("volume-image1", prefix)


facts = st.tuples(images, st.integers(1, 1 << 40), st.text(max_size=40))


@given(facts)
def test_a_serial_number_fits_into_the_disk_and_says_whose_it_is(of):
    serial = names.serial(*of)
    assert serial.startswith(names.SERIAL_PREFIX)
    assert len(serial.encode("ascii")) <= 36
    assert serial == names.serial(*of)


@given(facts, facts)
def test_other_content_gets_another_serial_number(content, other):
    assume(content != other)
    assert names.serial(*content) != names.serial(*other)


@given(keys)
def test_the_short_form_fits_into_a_socket_path(key):
    assert len(f"/run/virtman/{names.short(key)}.nbd") < 107
    assert set(names.short(key)) <= set(string.hexdigits.lower())


def test_the_device_names_are_the_tutorials():
    assert names.dm_name(Role.MULTIPATH, "volume-a") == "multipath_volume-a"
    assert names.dm_path(Role.SNAPSHOT, "vm1") == "/dev/mapper/snapshot_vm1"
    assert names.dm_name(Role.GROUP, "fcg") == "fcg"
    assert names.dm_name(Role.SSD, "fcg") == "ssd_fcg"
    assert names.dm_name(Role.CACHE, "fcg") == "cache_fcg"
    assert names.iqn("volume-a") == "iqn.2010-10.org.openstack:volume-a"


@pytest.mark.parametrize(
    "prefix",
    ["iqn.\u0968\u0966\u0967\u0966-10.x:", "iqn.2010-10." + "x" * 210 + ":"],
    ids=["digits of another script", "too long"],
)
def test_a_prefix_that_no_iscsi_name_may_have_is_refused(prefix):
    with pytest.raises(InvalidRequest, match="IQN prefix"):
        names.iqn("volume-a", prefix)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "'a'"), ("a\x1b\n", "'a\\x1b\\n'"), (7, "7"), (None, "None"),
        ("x" * 65, f"'{'x' * 64}'..."), (b"\0", "bytes"), ([[]], "a list"),
        ({"a": 1}, "a struct"), (object(), "something else"),
    ],
)  # fmt: skip
def test_what_was_sent_is_shown_on_one_line_and_not_all_of_it(value, text):
    assert quoting.quoted(value) == text
