# SPDX-License-Identifier: Apache-2.0
"""How a plan is worked: side by side across nodes, in order within one."""

import threading

import pytest

from virtmanclient.batch import plan, runner
from virtmanclient.batch.runner import Outcome, Result, Started
from virtmanclient.doors import answer


def worked(text, wire, on_event=lambda run, event: None):
    """Work a nodelist; return its results in file order."""
    todo = plan.parse(text.encode(), plan.NODELIST_CFG, "nodelist.cfg")
    run = runner.Runner(todo, wire)
    for event in run.events(0.05):
        on_event(run, event)
    return [run.results[step] for step in todo.steps]


@pytest.fixture
def wire():
    def to(node, timeout=10):
        return runner.Wire(node.port, timeout)

    return to


def test_each_answer_has_its_outcome(node, wire):
    results = worked(
        f"+ {node.address} vm1 s i\n"
        f"+ {node.address} vm1 s i\n"
        f"+ {node.address} vm2 s broken\n"
        f"@ {node.address}\n"
        f"- {node.address} vm1\n"
        f"- {node.address} vm1\n"
        f"@ {node.address}\n",
        wire(node),
    )
    assert [result.outcome for result in results] == [
        Outcome.OK,
        Outcome.REFUSED,
        Outcome.FAILED,
        Outcome.OK,
        Outcome.OK,
        Outcome.REFUSED,
        Outcome.OK,
    ]
    assert results[0].message == "/dev/mapper/snapshot_vm1"
    assert "already exists" in results[1].message
    assert results[3].message == "vm1:volume-i"
    assert results[6].message == "(nothing)"


def test_the_steps_of_one_node_are_sent_in_the_order_of_the_file(nodes, wire):
    a, b = nodes(2)
    lines = [
        f"{sign} {node.address} vm{number}" + (" s i" if sign == "+" else "")
        for number in range(20)
        for sign in "+-"
        for node in (a, b)
    ]
    results = worked("\n".join(lines), wire(a))
    assert {result.outcome for result in results} == {Outcome.OK}
    for node in (a, b):
        names = [call[:2] for call in node.calls]
        assert names == [
            (method, f"vm{number}")
            for number in range(20)
            for method in ("create", "destroy")
        ]


def test_a_node_gets_its_next_step_only_after_its_answer(node, wire):
    node.slow = {"vm1"}
    seen = []

    def look(run, event):
        if event is None:
            seen.append(list(node.calls))
            node.gate.set()

    worked(f"+ {node.address} vm1 s i\n@ {node.address}\n", wire(node), look)
    assert seen
    assert [call[0] for call in seen[0]] == ["create"]
    assert [call[0] for call in node.calls] == ["create", "list"]


def test_nodes_are_worked_side_by_side(nodes, wire):
    three = nodes(3)
    everyone = threading.Barrier(3, timeout=10)
    for node in three:
        # No create returns before all three nodes are in one.
        node.slow = {"vm1"}
        node.gate.wait = lambda seconds: everyone.wait()
    text = "".join(f"+ {node.address} vm1 s i\n" for node in three)
    results = worked(text, wire(three[0]))
    assert {result.outcome for result in results} == {Outcome.OK}


def test_a_slow_node_does_not_hold_up_the_others(nodes, wire):
    slow, quick = nodes(2)
    slow.slow = {"vm1"}
    order = []

    def look(run, event):
        if isinstance(event, Result):
            order.append(event.step.line)
        if order == [2, 3]:
            slow.gate.set()

    worked(
        f"+ {slow.address} vm1 s i\n"
        f"+ {quick.address} vm1 s i\n"
        f"- {quick.address} vm1\n",
        wire(slow),
        look,
    )
    assert order == [2, 3, 1]


def test_a_node_that_is_not_there_is_asked_once(nodes, wire):
    [there] = nodes()
    results = worked(
        f"+ 127.0.0.99 vm1 s i\n+ {there.address} vm1 s i\n- 127.0.0.99 vm2\n",
        wire(there),
    )
    assert [result.outcome for result in results] == [
        Outcome.FAILED,
        Outcome.OK,
        Outcome.SKIPPED,
    ]
    assert "virtman-server" in results[0].message
    assert results[2].message == "no answer from the node at line 1"


def test_a_silent_node_is_given_up_and_its_later_steps_left_out(nodes, wire):
    silent, other = nodes(2)
    silent.slow = {"vm1"}
    results = worked(
        f"+ {silent.address} vm1 s i\n@ {silent.address}\n@ {other.address}\n",
        wire(silent, timeout=0.3),
    )
    assert [result.outcome for result in results] == [
        Outcome.FAILED,
        Outcome.SKIPPED,
        Outcome.OK,
    ]
    assert results[0].seconds >= 0.3
    assert "no answer in time" in results[0].message


def test_a_fault_fails_the_step_and_the_next_one_is_still_asked(node, wire):
    node.fault = RuntimeError("no space left")

    def mend(run, event):
        if isinstance(event, Result):
            node.fault = None

    results = worked(
        f"+ {node.address} vm1 s i\n- {node.address} vm1\n", wire(node), mend
    )
    assert results[0].outcome is Outcome.FAILED
    assert "no space left" in results[0].message
    assert results[1].outcome is not Outcome.SKIPPED


def test_an_error_nobody_thought_of_fails_one_step_only(
    node, wire, monkeypatch
):
    real = runner.vmtapi.destroy

    def odd(address, instance, **wire):
        if instance == "odd":
            raise KeyError("surprise")
        return real(address, instance, **wire)

    monkeypatch.setattr(runner.vmtapi, "destroy", odd)
    results = worked(f"- {node.address} odd\n@ {node.address}\n", wire(node))
    assert results[0].outcome is Outcome.FAILED
    assert "surprise" in results[0].message
    assert results[1].outcome is Outcome.OK


def test_every_step_is_announced_before_its_result(nodes, wire):
    a, b = nodes(2)
    seen = []
    worked(
        f"@ {a.address}\n@ {b.address}\n@ {a.address}\n",
        wire(a),
        lambda run, event: seen.append(event),
    )
    begun = [event.step for event in seen if isinstance(event, Started)]
    ended = [event.step for event in seen if isinstance(event, Result)]
    assert set(begun) == set(ended)
    assert len(ended) == 3
    for step in ended:
        first = next(e for e in seen if e is not None and e.step == step)
        assert isinstance(first, Started)


def test_an_interrupt_begins_nothing_more(node, wire):
    node.slow = {"vm1"}
    text = f"+ {node.address} vm1 s i\n- {node.address} vm1\n@ {node.address}"
    todo = plan.parse(text.encode(), plan.NODELIST_CFG, "f")
    run = runner.Runner(todo, wire(node))
    for event in run.events(0.05):
        if event is None and node.entered.is_set():
            break
    left = run.interrupt()
    assert [result.outcome for result in left] == [Outcome.INTERRUPTED] * 3
    assert "may still be at work" in left[0].message
    assert left[1].message == "not begun"
    node.gate.set()
    for thread in threading.enumerate():
        if thread.name == "node-worker":
            thread.join(10)
    assert [call[0] for call in node.calls] == ["create"]


def test_more_nodes_than_threads_are_all_worked(nodes, wire, monkeypatch):
    monkeypatch.setattr(runner, "NODES_AT_ONCE", 2)
    five = nodes(5)
    results = worked(
        "".join(f"@ {node.address}\n" for node in five), wire(five[0])
    )
    assert {result.outcome for result in results} == {Outcome.OK}
    assert all(len(node.calls) == 1 for node in five)


@pytest.mark.parametrize(
    ("said", "code", "info"),
    [
        (
            "0:/dev/mapper/snapshot_vm1",
            answer.Code.OK,
            "/dev/mapper/snapshot_vm1",
        ),
        ("0:", answer.Code.OK, ""),
        ("0:1:/dev/loop0", answer.Code.OK, "1:/dev/loop0"),
        ("1:Virtman: exists!", answer.Code.REFUSED, "Virtman: exists!"),
        ("2:why", answer.Code.FAILED, "why"),
        ("3:what", answer.Code.FAILED, "unknown answer '3:what'"),
        ("fine", answer.Code.FAILED, "unknown answer 'fine'"),
        ("0", answer.Code.FAILED, "unknown answer '0'"),
        (None, answer.Code.FAILED, "unknown answer 'None'"),
    ],
)
def test_answers_are_read_by_their_first_character(said, code, info):
    assert answer.parse(said) == answer.Answer(code, info)
