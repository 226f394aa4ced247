# SPDX-License-Identifier: Apache-2.0
"""The two file grammars."""

import pathlib

import hypothesis
import pytest
from hypothesis import strategies as st

from virtmanclient.batch import plan, steps

SAMPLES = pathlib.Path(__file__).parents[4] / "etc" / "virtman"


def nodelist(text):
    return plan.parse(text.encode(), plan.NODELIST_CFG, "nodelist.cfg")


def image_cfg(text):
    return plan.parse(text.encode(), plan.IMAGE_CFG, "image.cfg")


def test_image_cfg_becomes_typed_steps():
    got = image_cfg(
        "+ 10.0.0.2 image1 /srv/i.img\n- 10.0.0.2 image1\n@ 10.0.0.2"
    )
    assert got.steps == (
        steps.CreateTarget(1, "10.0.0.2", "image1", "/srv/i.img"),
        steps.DestroyTarget(2, "10.0.0.2", "image1"),
        steps.ListTargets(3, "10.0.0.2"),
    )
    assert got.bad_lines == ()


def test_nodelist_cfg_becomes_typed_steps():
    got = nodelist("+ n3 vm1 n2 image1\n- n3 vm1\n@ n3\n")
    assert got.steps == (
        steps.CreateInstance(1, "n3", "vm1", "n2", "image1"),
        steps.DestroyInstance(2, "n3", "vm1"),
        steps.ListInstances(3, "n3"),
    )


def test_the_api_wants_the_image_before_its_server():
    [step] = nodelist("+ n3 vm1 n2 image1").steps
    assert (step.method, step.arguments) == ("create", ("vm1", "image1", "n2"))
    assert str(step) == "+ vm1 n2 image1"


@pytest.mark.parametrize(
    "line", ["", "   ", "# + n3 vm1 n2 image1", "\t#", "\r", "#+ n3 vm1 n2 i"]
)
def test_empty_lines_and_comments_say_nothing(line):
    assert nodelist(line) == plan.Plan("nodelist.cfg", (), ())


def test_a_comment_may_follow_a_step_and_a_path_may_hold_a_hash():
    got = image_cfg("+ n2 i /srv/i#1.img # the new one\n")
    assert got.steps == (steps.CreateTarget(1, "n2", "i", "/srv/i#1.img"),)


def test_tabs_windows_line_ends_and_a_byte_order_mark_are_welcome():
    got = plan.parse(
        b"\xef\xbb\xbf+\tn3  vm1 n2 i\r\n@ n3\r\n", plan.NODELIST_CFG, "f"
    )
    assert [step.line for step in got.steps] == [1, 2]
    assert got.bad_lines == ()


def test_fields_after_a_minus_line_mean_nothing():
    assert nodelist("- n3 vm1 n2 image1").steps == (
        steps.DestroyInstance(1, "n3", "vm1"),
    )


@pytest.mark.parametrize(
    ("line", "remedy"),
    [
        (
            "+ n3 vm1 n2",
            'write "+ node_ip vm_name image_server_ip image_name"',
        ),
        (
            "+ n3 vm1 n2 i extra",
            'write "+ node_ip vm_name image_server_ip image_name"',
        ),
        ("- n3", 'write "- node_ip vm_name"'),
        ("@ n3 vm2", 'write "@ node_ip"'),
        ("@", 'write "@ node_ip"'),
        (
            "* n3",
            'write one of "+ node_ip vm_name image_server_ip image_name", '
            '"- node_ip vm_name", "@ node_ip"',
        ),
    ],
)
def test_a_bad_line_is_reported_with_its_remedy(line, remedy):
    got = nodelist(f"@ n3\n\n{line}\n@ n4\n")
    assert [step.node for step in got.steps] == ["n3", "n4"]
    assert got.bad_lines == (plan.BadLine("nodelist.cfg", 3, line, remedy),)
    assert str(got.bad_lines[0]) == f"nodelist.cfg:3: {line!r}: {remedy}"


@pytest.mark.parametrize("field", [b"vm\xff", b"vm\x07"])
def test_a_line_that_is_no_text_is_a_bad_line(field):
    got = plan.parse(b"- n3 " + field + b"\n@ n3", plan.NODELIST_CFG, "f")
    assert [bad.line for bad in got.bad_lines] == [1]
    assert "UTF-8" in got.bad_lines[0].remedy
    assert len(got.steps) == 1


def test_the_steps_of_a_node_keep_the_order_of_the_file():
    got = nodelist("@ b\n+ a v i s\n- b v\n- a v\n").by_node()
    assert [(node, [s.line for s in work]) for node, work in got.items()] == [
        ("b", [1, 3]),
        ("a", [2, 4]),
    ]


@pytest.mark.parametrize(
    ("sample", "grammar", "kinds"),
    [
        (
            "image.cfg.sample",
            plan.IMAGE_CFG,
            {steps.CreateTarget, steps.ListTargets},
        ),
        (
            "nodelist.cfg.sample",
            plan.NODELIST_CFG,
            {steps.CreateInstance, steps.ListInstances},
        ),
    ],
)
def test_the_samples_hold_no_bad_line(sample, grammar, kinds):
    got = plan.load(SAMPLES / sample, grammar)
    assert got.bad_lines == ()
    assert {type(step) for step in got.steps} == kinds


FIELDS = st.sampled_from(
    ['+', '-', '@', '#', '*', 'n3', 'vm1', '10.0.0.2', 'i', '/a#b', '#c', 'é',
     '\ufeff', '\x00', '\x1b[2J', '\u2028', '\x85', '\x1c', '\u00a0', '-x', '']
)  # fmt: skip
TEXTS = st.lists(st.lists(FIELDS, max_size=6).map(" ".join), max_size=6)
CONTENTS = st.one_of(
    TEXTS.map(lambda lines: "\n".join(lines).encode()),
    TEXTS.map(lambda lines: "\r\n".join(lines).encode("utf-16")),
    st.binary(max_size=60),
)


@hypothesis.settings(derandomize=True, deadline=None, database=None)
@hypothesis.given(
    CONTENTS, st.sampled_from([plan.IMAGE_CFG, plan.NODELIST_CFG])
)
def test_any_file_is_good_steps_and_bad_lines_and_nothing_else(
    content, grammar
):
    got = plan.parse(content, grammar, "f")
    lines = [step.line for step in got.steps]
    assert lines == sorted(set(lines))
    assert not set(lines) & {bad.line for bad in got.bad_lines}
    for step in got.steps:
        words = [step.node, *step.arguments]
        assert all(word and word.isprintable() for word in words), words
        assert not any(" " in word or word[0] == "#" for word in words)
    for bad in got.bad_lines:
        assert bad.remedy.startswith("write ")
        assert str(bad).isprintable()
