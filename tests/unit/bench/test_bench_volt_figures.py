# SPDX-License-Identifier: Apache-2.0
"""What is made of the samples, and how it is told."""

import pytest

from bench.table import table
from bench.volt import figures, plans, requests, targets
from bench.volt.connection import Connection
from bench.volt.meter import Burst, Meter
from bench.volt.requests import Reply
from bench.volt.steady_state import ALONE, Sample


def burst(*seconds, cpu=0.001):
    replies = [Reply(requests.join("n1"), 200, b"{}", one) for one in seconds]
    return Burst(replies, sum(seconds), cpu * len(seconds), 0.0)


def sample(turn, nodes, cpu):
    return Sample(nodes, ALONE, turn, "join", burst(0.01, 0.01, cpu=cpu))


def test_a_percentile_is_one_of_the_values():
    values = [*range(100, 0, -1)]
    assert figures.percentile(values, 0.50) == 50
    assert figures.percentile(values, 0.99) == 99
    assert figures.percentile([7], 0.99) == 7


def test_a_ratio_is_formed_within_each_round():
    rounds = [(0.001, 0.002), (0.010, 0.021), (0.001, 0.009)]
    measured = [
        sample(turn, nodes, cpu)
        for turn, pair in enumerate(rounds)
        for nodes, cpu in zip((10, 1000), pair, strict=True)
    ]
    assert figures.ratio(measured, 1000, 10) == 2.1


def test_one_disturbed_block_does_not_change_rate_and_cpu():
    calm = [sample(turn, 10, 0.001) for turn in range(4)]
    wild = Sample(10, ALONE, 4, "join", burst(5.0, 5.0, cpu=4.0))
    told = figures.of([*calm, wild])
    assert (told["cpu_ms"], told["per_second"]) == (1.0, 100.0)
    assert told["p99_ms"] == 5000.0


def test_a_meter_counts_volt_and_client_apart():
    cpu = iter((10.0, 10.5))
    told = Meter(lambda: next(cpu)).stop([])
    assert told.cpu == 0.5
    assert told.client_cpu < 0.5


@pytest.mark.parametrize(
    ("dialect", "step", "scans"),
    [
        ("sqlite", "SEARCH peers USING INDEX a (volume_key=?)", False),
        ("sqlite", "SCAN CONSTANT ROW", False),
        ("sqlite", "SCAN peers", True),
        ("sqlite", "USE TEMP B-TREE FOR ORDER BY", True),
        ("postgresql", "Index Scan using a on peers  (cost=1)", False),
        ("postgresql", "Seq Scan on peers  (cost=1)", True),
        ("mysql", "1 SIMPLE peers ref a a 8 const 1 None", False),
        ("mysql", "1 SIMPLE peers ALL None None None None 9 None", True),
        ("mysql", "1 SIMPLE peers index None a 8 None 9 None", True),
    ],
)
def test_a_scan_is_told_from_a_search(dialect, step, scans):
    assert bool(plans.scans(dialect, [step])) is scans


class Answered:
    """What a connection would set, were there a loop."""

    def __init__(self):
        self.result = None

    def set_result(self, result):
        self.result = result


@pytest.mark.parametrize("cut", [1, 10, 40, 60])
def test_an_answer_may_come_in_pieces(cut):
    raw = b'HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{"peers":[]}'
    connection = Connection()
    answer = connection._answer = Answered()
    connection.data_received(raw[:cut])
    if cut < len(raw):
        assert answer.result is None
        connection.data_received(raw[cut:])
    assert answer.result == (200, b'{"peers":[]}')


def test_a_figure_that_falls_short_is_told():
    storms = [{"joins": 9, "seconds": 1.5, "no_slot": 0} for _ in range(3)]
    for one in storms:
        one |= {"cpu": 1.1, "depth": 4, "least_depth": 3}
    told = targets._storms({"storms": storms})
    assert [one["met"] for one in told.values()] == [False, False, True, False]


def test_columns_of_a_table_stand_under_their_heads():
    assert table([("what", "a"), ("it", 1.23456)]) == (
        "what      a\nit    1.235"
    )
