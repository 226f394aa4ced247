# SPDX-License-Identifier: Apache-2.0
"""A stack builds what is missing and takes back only what it built."""

from __future__ import annotations

import pytest

from virtman.exception import InUse, LayerError, LayerMismatch, RollbackError
from virtman.stack import ABSENT, Layer, Stack, State, Status


class Brick(Layer):
    """A layer that notes in ``wall`` what is done to it."""

    def __init__(self, name, wall):
        self.name = name
        self.wall = wall
        self.there = False
        self.mismatch = ""
        self.build_error = None
        self.remove_error = None

    def status(self, below):
        if self.mismatch:
            return Status(State.MISMATCH, self.name, self.mismatch)
        return Status(State.ACTIVE, self.name) if self.there else ABSENT

    def build(self, below):
        if self.build_error:
            raise self.build_error
        self.wall.append(f"{self.name} on {below}")
        self.there = True
        return self.name

    def deactivate(self):
        if self.remove_error:
            raise self.remove_error
        was, self.there = self.there, False
        if was:
            self.wall.append(f"{self.name} off")
        return was


class Tap(Brick):
    """A layer that adds something and hands on what is below."""

    def build(self, below):
        super().build(below)
        return below


@pytest.fixture
def wall():
    return []


@pytest.fixture
def bricks(wall):
    return [Brick("low", wall), Tap("tap", wall), Brick("top", wall)]


def test_a_stack_is_built_from_below_each_layer_on_the_one_before(
    bricks, wall
):
    assert Stack(bricks).activate("disk") == "top"
    assert wall == ["low on disk", "tap on low", "top on low"]


def test_a_stack_that_stands_is_left_as_it_is(bricks, wall):
    stack = Stack(bricks[::2])
    stack.activate()
    del wall[:]
    assert stack.activate() == "top"
    assert wall == []


def test_what_stands_already_is_adopted_and_the_rest_is_built(bricks, wall):
    bricks[0].there = True
    Stack(bricks).activate()
    assert wall == ["tap on low", "top on low"]


def test_something_else_with_our_name_is_refused_and_left_alone(bricks, wall):
    bricks[2].mismatch = "has another size"
    with pytest.raises(LayerMismatch, match="brick top: has another size"):
        Stack(bricks).activate()
    assert wall == ["low on ", "tap on low", "tap off", "low off"]
    assert not bricks[2].there


@pytest.mark.parametrize("error", [LayerError("no"), OSError("disk full")])
def test_a_failure_takes_back_what_this_call_built_from_the_top(
    bricks, wall, error
):
    bricks[2].build_error = error
    with pytest.raises(type(error)) as failed:
        Stack(bricks).activate()
    assert failed.value is error
    assert wall[2:] == ["tap off", "low off"]


def test_a_failure_leaves_what_was_there_before(bricks, wall):
    bricks[0].there = True
    bricks[2].build_error = LayerError("no")
    with pytest.raises(LayerError):
        Stack(bricks).activate()
    assert wall == ["tap on low", "tap off"]
    assert bricks[0].there


def test_when_taking_back_fails_too_both_errors_are_kept(bricks):
    bricks[2].build_error = LayerError("no room")
    bricks[1].remove_error = InUse("held open")
    with pytest.raises(RollbackError) as failed:
        Stack(bricks).activate()
    assert failed.value.cause is bricks[2].build_error
    assert failed.value.rollback is bricks[1].remove_error
    assert failed.value.__cause__ is bricks[2].build_error
    assert "no room" in str(failed.value)
    assert "held open" in str(failed.value)
    assert bricks[0].there, "it is still stood on"


def test_a_stack_goes_from_the_top(bricks, wall):
    stack = Stack(bricks)
    stack.activate()
    del wall[:]
    assert stack.deactivate()
    assert wall == ["top off", "tap off", "low off"]


def test_removal_stops_at_the_first_layer_that_refuses(bricks, wall):
    stack = Stack(bricks)
    stack.activate()
    del wall[:]
    bricks[1].remove_error = InUse("a child is logged in")
    with pytest.raises(InUse):
        stack.deactivate()
    assert wall == ["top off"]
    assert bricks[0].there


def test_a_removal_that_was_refused_can_be_taken_up_again(bricks):
    stack = Stack(bricks)
    stack.activate()
    bricks[1].remove_error = InUse("a child is logged in")
    with pytest.raises(InUse):
        stack.deactivate()
    bricks[1].remove_error = None
    assert stack.deactivate()
    assert not any(brick.there for brick in bricks)


def test_removing_what_is_not_there_changes_nothing(bricks, wall):
    assert not Stack(bricks).deactivate()
    assert wall == []
