# SPDX-License-Identifier: Apache-2.0
"""Intents: whole or not there, checked when they are read."""

from __future__ import annotations

import dataclasses
import json
import os
import stat

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from virtman import names
from virtman.exception import VirtmanError
from virtman.model import ImageFacts
from virtman.path import Login, Source
from virtman.state import intent_json, intents
from virtman.state.intent import (
    ImageIntent,
    InstanceIntent,
    InstanceState,
    TargetIntent,
)
from virtman.state.intents import Intents

SOURCE = Source("10.0.0.1", 3260, "iqn.2010-10.org.openstack:volume-a")
FACTS = ImageFacts(4096, "1", "VMT0123456789ABCDEF")
VM1 = InstanceIntent("vm1", "volume-a", (SOURCE,))
IMAGE = ImageIntent("volume-a", (SOURCE,), FACTS)
TARGET = TargetIntent("volume-a", SOURCE.iqn, "/a.img", "/dev/loop0", FACTS)

texts = st.text(min_size=1, max_size=40)
keys = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9+.:=@_-]{0,99}", fullmatch=True)
facts = st.builds(
    ImageFacts, st.integers(1, 1 << 50), st.text(max_size=40),
    st.text(max_size=36), st.none() | texts,
)  # fmt: skip
sources = st.lists(
    st.builds(
        Source, texts, st.integers(1, 65535), texts, st.integers(0, 255)
    ),
    max_size=3,
).map(tuple)
maybe = st.none() | texts
wanted = st.one_of(
    st.builds(
        InstanceIntent, keys, keys, sources, maybe, maybe,
        st.none() | facts, st.sampled_from(InstanceState),
    ),
    st.builds(ImageIntent, keys, sources, st.none() | facts, st.booleans()),
    st.builds(TargetIntent, keys, texts, texts, texts, facts, st.booleans()),
)  # fmt: skip
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.fixture
def store(tmp_path):
    made = Intents(tmp_path / "intents")
    made.load()
    return made


def again(store):
    """Read the files anew, as the next agent does."""
    fresh = Intents(store._folder)
    fresh.load()
    return fresh


@given(wanted)
def test_what_was_written_is_read_back_as_it_was(intent):
    assert intent_json.loads(intent_json.dumps(intent)) == intent


@given(anything)
@example([])
@example({"version": 1})
@example({"version": 1, "kind": "image"})
def test_nonsense_is_refused_and_nothing_worse_happens(nonsense):
    with pytest.raises(ValueError):
        intent_json.loads(json.dumps(nonsense))


@given(wanted, st.data())
def test_a_field_that_is_missing_or_changed_is_refused_or_makes_sense(
    intent, data
):
    fields = json.loads(intent_json.dumps(intent))
    name = data.draw(st.sampled_from(sorted(fields)))
    if data.draw(st.booleans()):
        del fields[name]
    else:
        fields[name] = data.draw(anything)
    try:
        read = intent_json.loads(json.dumps(fields))
    except (ValueError, VirtmanError):
        return
    assert intent_json.loads(intent_json.dumps(read)) == read


@pytest.mark.parametrize("fresh", [True, False])
@pytest.mark.parametrize("active", [True, False])
@pytest.mark.parametrize("leaving", [True, False])
def test_the_flags_in_a_file_of_any_agent_stand_for_a_state(
    fresh, active, leaving
):
    flags = {"fresh": fresh, "active": active, "leaving": leaving}
    fields = json.loads(intent_json.dumps(VM1))
    assert flags.keys() <= fields.keys()
    read = intent_json.loads(json.dumps(fields | flags))
    assert (read.state is InstanceState.DELETING) == leaving
    if not leaving:
        assert read.state.wants_disk == active
    if read.state is InstanceState.CREATING:
        assert fresh


@given(st.text())
@example("[" * 100_000)
@example('{"version": 1, "kind": "instance"')
def test_a_text_that_is_no_intent_is_a_value_error(text):
    with pytest.raises(ValueError):
        intent_json.loads(text)


@given(st.sampled_from(["instance", "image", "target"]), keys)
def test_a_files_name_tells_the_kind_and_the_key(kind, key):
    name = names.intent_file(kind, key)
    assert names.parse_intent_file(name) == (kind, key)
    assert len(name.encode()) <= 255


@given(st.text())
def test_a_file_that_is_no_intents_is_nobodys(name):
    parsed = names.parse_intent_file(name)
    assert parsed is None or names.intent_file(*parsed) == name


def test_an_intent_outlives_the_agent_until_it_is_removed(store):
    for intent in (VM1, IMAGE, TARGET):
        store.put(intent)
    fresh = again(store)
    assert fresh.get(InstanceIntent, "vm1") == VM1
    assert fresh.get(ImageIntent, "volume-a") == IMAGE
    assert fresh.get(TargetIntent, "volume-a") == TARGET
    fresh.remove(VM1)
    assert again(store).get(InstanceIntent, "vm1") is None
    assert fresh.all(ImageIntent) == [IMAGE]


def test_a_change_replaces_what_was_wanted_before(store):
    store.put(VM1)
    leaving = dataclasses.replace(VM1, state=InstanceState.DELETING)
    store.put(leaving)
    assert again(store).all(InstanceIntent) == [leaving]


def test_what_was_put_already_is_not_written_again(store, tmp_path):
    store.put(VM1)
    file = tmp_path / "intents" / "instance.vm1.json"
    before = file.stat().st_mtime_ns
    changes = []
    store._done = changes.append
    store.put(VM1)
    store.remove(IMAGE)
    assert (file.stat().st_mtime_ns, changes) == (before, [])


def test_a_write_is_flushed_before_it_counts(store, monkeypatch):
    done = []
    flush, rename = os.fsync, intents.Path.replace

    def fsync(handle):
        kind = "folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file"
        done.append(f"flush {kind}")
        flush(handle)

    def replace(self, target):
        done.append("rename")
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(intents.Path, "replace", replace)
    store.put(VM1)
    assert done == ["flush file", "rename", "flush folder"]
    store.remove(VM1)
    assert done[3:] == ["flush folder"]


def test_a_write_that_was_cut_short_is_as_if_it_had_not_begun(store, tmp_path):
    store.put(VM1)
    (tmp_path / "intents" / "instance.vm2.new").write_text('{"version"')
    assert again(store).all(InstanceIntent) == [VM1]


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("instance.vm1.json", "", "Expecting value"),
        ("instance.vm1.json", "{}", "its version is None; known is 1"),
        ("instance.vm1.json", '{"version": 2}', "its version is 2"),
        (
            "instance.vm2.json",
            intent_json.dumps(VM1),
            "its name should be instance.vm1",
        ),
        (
            "image.vm1.json",
            intent_json.dumps(VM1),
            "its name should be instance.vm1",
        ),
        (
            "instance.x.json",
            intent_json.dumps(dataclasses.replace(VM1, name="../x")),
            "not usable",
        ),
    ],
)
def test_a_broken_one_is_set_aside_and_said_and_the_others_are_read(
    store, tmp_path, caplog, name, text, why
):
    store.put(IMAGE)
    file = tmp_path / "intents" / name
    file.write_text(text)
    fresh = again(store)
    assert fresh.all(InstanceIntent) == []
    assert fresh.all(ImageIntent) == [IMAGE]
    assert why in caplog.text
    assert str(file) in caplog.text
    assert file.with_suffix(".broken").read_text() == text
    assert not file.exists()


def test_bytes_that_are_no_text_are_set_aside_too(store, tmp_path):
    (tmp_path / "intents" / "image.a.json").write_bytes(b"\xff\xfe\0")
    assert again(store).all(ImageIntent) == []


def test_nobody_else_may_read_them(store, tmp_path):
    store.put(VM1)
    folder = tmp_path / "intents"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    file = folder / "instance.vm1.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_instances_on_an_image_are_told(store):
    other = dataclasses.replace(VM1, name="vm2", image="volume-b")
    store.put(VM1)
    store.put(other)
    assert store.on_image("volume-a") == [VM1]


def test_what_a_target_asks_for_is_kept_and_elsewhere_nothing_is_said():
    source = Source("10.0.0.1", 3260, "iqn.2010-10.org.openstack:v")
    asked = dataclasses.replace(source, login=Login("cinder", "x" * 16))
    text = intent_json.dumps(ImageIntent("volume-a", (asked, source)))
    first, second = intent_json.loads(text).connections
    assert (first.login, second.login) == (asked.login, None)
    assert text.count("login") == 1
