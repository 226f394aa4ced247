# SPDX-License-Identifier: Apache-2.0
"""The arithmetic of a flashcache group, held to its rules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    rule,
)

from virtman.cache.flashcache.spans import (
    ALIGN,
    TOTAL,
    Span,
    Spans,
    concatenation,
    parse,
)
from virtman.exception import LayerMismatch, NoSpace

sizes = st.integers(1, 1 << 30)
numbers = st.integers(0, 1 << 20).map(lambda minor: f"253:{minor}")


@st.composite
def groups(draw):
    """A group after any disks came and any of them went."""
    spans, starts = Spans(), []
    for number, size in draw(st.lists(st.tuples(numbers, sizes), max_size=8)):
        spans, start = spans.attach(number, size)
        starts.append(start)
    retired = draw(st.sets(st.sampled_from(starts))) if starts else set()
    return spans.retire(retired)


class Life(RuleBasedStateMachine):
    """Disks come and go; what was anybody's is remembered here."""

    disks = Bundle("disks")

    def __init__(self):
        super().__init__()
        self.spans = Spans()
        self.given = []
        self.held = {}

    @rule(target=disks, device=numbers, sectors=sizes)
    def attach(self, device, sectors):
        self.spans, start = self.spans.attach(device, sectors)
        end = start + sectors
        for first, last in self.given:
            assert end <= first or start >= last, "handed out again"
        self.given.append((start, end))
        self.held[start] = Span(start, sectors, device)
        return start

    @rule(start=consumes(disks))
    def retire(self, start):
        self.spans = self.spans.retire({start})
        del self.held[start]

    @rule()
    def restart(self):
        self.spans = parse(str(self.spans))

    @invariant()
    def holds_what_was_attached_and_nothing_else(self):
        assert list(self.spans.members) == [
            self.held[start] for start in sorted(self.held)
        ]

    @invariant()
    def lines_follow_on_each_other_up_to_the_total(self):
        end = 0
        for line in str(self.spans).splitlines():
            start, length = (int(word) for word in line.split()[:2])
            assert start == end and length > 0
            end += length
        assert end == TOTAL

    @invariant()
    def disks_start_on_boundaries(self):
        assert all(span.start % ALIGN == 0 for span in self.spans.members)

    @invariant()
    def no_more_retired_lines_than_disks(self):
        used = self.spans.used
        assert len(used) <= 2 * len(self.spans.members) + 1


TestLife = Life.TestCase


@given(groups())
def test_what_is_written_is_read_back(spans):
    assert parse(str(spans)) == spans


@given(groups())
def test_what_the_kernel_prints_is_read_back(spans):
    printed = str(spans).replace("error\n", "error \n") + " \n"
    assert parse(printed) == spans


@given(groups(), st.integers(0, TOTAL))
def test_retiring_where_no_disk_starts_changes_nothing(spans, sector):
    starts = {span.start for span in spans.members}
    if sector not in starts:
        assert spans.retire({sector}) == spans


def test_the_table_of_a_new_group_is_one_error_of_1_pib():
    assert str(Spans()) == "0 2199023255552 error"


def test_a_disk_of_an_odd_size_leaves_a_gap_to_the_next():
    spans, first = Spans().attach("253:1", 1001)
    spans, second = spans.attach("253:2", 2000)
    assert (first, second) == (0, 1024)
    assert str(spans).splitlines() == [
        "0 1001 linear 253:1 0",
        "1001 23 error",
        "1024 2000 linear 253:2 0",
        "3024 2199023252528 error",
    ]


def test_the_last_disk_s_sectors_do_not_fall_back_to_the_tail():
    spans, start = Spans().attach("253:1", 128)
    spans = parse(str(spans.retire({start})))
    assert spans.attach("253:2", 128)[1] == 128


def test_the_tail_is_never_used_up():
    spans, _ = Spans().attach("253:1", TOTAL - 2 * ALIGN)
    with pytest.raises(NoSpace, match="made anew"):
        spans.attach("253:2", 2 * ALIGN)
    spans, _ = spans.attach("253:2", 2 * ALIGN - 1)
    assert parse(str(spans)) == spans


@pytest.mark.parametrize(
    "table",
    [
        "",
        "0 2199023255552 linear 253:1 0",
        "0 128 linear 253:1 8\n128 2199023255424 error",
        "0 128 linear 253:1 0\n256 2199023255296 error",
        "0 128 striped 1 8 253:1 0\n128 2199023255424 error",
        "0 128 linear 253:1 0\n128 1024 error",
        "0 128",
    ],
)
def test_a_table_that_is_no_group_s_is_refused(table):
    with pytest.raises(LayerMismatch):
        parse(table)


@given(st.lists(st.integers(ALIGN, 1 << 32), min_size=1, max_size=6))
def test_ssds_follow_on_each_other_in_whole_blocks(sectors):
    disks = [(f"/dev/sd{index}", size) for index, size in enumerate(sectors)]
    end = 0
    for line, (device, size) in zip(
        concatenation(disks).splitlines(), disks, strict=True
    ):
        start, length, *rest = line.split()
        assert (int(start), rest) == (end, ["linear", device, "0"])
        assert size - ALIGN < int(length) <= size
        assert int(length) % ALIGN == 0
        end += int(length)
