# SPDX-License-Identifier: Apache-2.0
"""How often nodes are told to beat."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volt.pace import Pace


def test_a_small_cluster_beats_every_five_seconds():
    pace = Pace()
    pace.measure(1000)
    assert (pace.beat_after, pace.silence) == (5.0, 15.0)


@pytest.mark.parametrize(("members", "after"), [(10_000, 40), (100_000, 400)])
def test_a_large_cluster_beats_more_slowly(members, after):
    pace = Pace()
    pace.measure(members)
    assert pace.beat_after == after
    assert pace.silence == 3 * after


@given(st.integers(0, 10**7))
def test_all_nodes_together_never_beat_faster_than_the_limit(members):
    pace = Pace(beats_per_second=100.0)
    pace.measure(members)
    assert members / pace.beat_after <= 100.0 * 1.0001


def test_old_clients_may_miss_as_many_of_their_own_beats():
    pace = Pace()
    assert pace.allowance(agent=True) == 15.0
    assert pace.allowance(agent=False) == 60.0
    pace.measure(100_000)
    assert pace.allowance(agent=False) == 1200.0
