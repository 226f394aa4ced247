# SPDX-License-Identifier: Apache-2.0
"""What a cluster may be made of, and how it is remembered."""

import pytest

from lab import spec
from lab.errors import LabError
from lab.spec import NodeSpec


def test_names_become_specs_in_their_order():
    made = spec.make(["b", NodeSpec("a", memory=512)])
    assert made == (NodeSpec("b"), NodeSpec("a", memory=512))


@pytest.mark.parametrize(
    "name", ["", "A", "1a", "a b", "a/b", "a\n", "x" * 32]
)
def test_a_name_that_no_host_can_have_is_refused(name):
    with pytest.raises(LabError, match="node name"):
        NodeSpec(name)


@pytest.mark.parametrize("field", ["memory", "cpus", "disk"])
def test_a_size_of_nothing_is_refused(field):
    with pytest.raises(LabError, match=field):
        NodeSpec("a", **{field: 0})


def test_a_root_is_a_whole_path():
    with pytest.raises(LabError, match="root 'build/roots/x'"):
        NodeSpec("a", root="build/roots/x")


@pytest.mark.parametrize(
    "nodes", [[], ["a", "a"], [f"n{i}" for i in range(201)]]
)
def test_no_nodes_twins_and_crowds_are_refused(nodes):
    with pytest.raises(LabError):
        spec.make(nodes)


def test_what_was_saved_is_loaded(tmp_path):
    specs = (
        NodeSpec("a", memory=512, udev=False),
        NodeSpec("b", root="/removed/meanwhile"),
    )
    spec.save(tmp_path / "cluster.json", specs)
    assert spec.load(tmp_path / "cluster.json") == specs


@pytest.mark.parametrize("text", [None, "{", '[{"name": "a", "wings": 2}]'])
def test_what_cannot_be_read_counts_as_nothing(tmp_path, text):
    path = tmp_path / "cluster.json"
    if text is not None:
        path.write_text(text)
    assert spec.load(path) == ()
