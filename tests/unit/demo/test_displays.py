# SPDX-License-Identifier: Apache-2.0
"""What a run looks like: as plain lines, and on a terminal."""

import io
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from rich.console import Console

from demo import live, picture
from demo.display import REMINDER, Plain
from demo.events import (
    Begun,
    Doing,
    Ended,
    Flow,
    Moved,
    Said,
    TreeDone,
    TreeSeen,
)
from demo.telling import Teller, table

PARENTS = {
    "node1": ["master"],
    "node2": ["node3", "master"],
    "node3": ["master"],
}
FLOWS = {
    "master": Flow(1.5, 0.01, 40.25, 0.1),
    "node1": Flow(0.0, 0.75, 0.0, 12.5, 0, 2),
    "node2": Flow(0.0, 0.4, 0.0, 10.0, 0, 2),
    "node3": Flow(0.4, 1.01, 10.0, 0.0, 1, 2),
}
STORY = (
    Begun("create", "Creating two VM disks on each node"),
    Doing("create", "vmtrun nodelist.cfg"),
    Ended("create", "Creating two VM disks on each node", 12.34, True),
    TreeSeen("master", PARENTS),
    Begun("read", "Reading all of every VM disk"),
    Moved("read", FLOWS),
    Ended("read", "Reading all of every VM disk", 40.0, True),
    TreeDone(),
    Begun("boot", "Booting vm1 inside node1"),
    Doing("boot", "SYSLINUX 6.04 EDD"),
    Ended("boot", "Booting vm1 inside node1", 29.0, False, "silent"),
    Said("left: a loop device"),
)


class Clock:
    """A clock that a test moves."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def out():
    return io.StringIO()


@pytest.fixture
def plain(out, clock):
    return Plain(out, clock)


def console(out, width=80):
    return Console(
        file=out, width=width, height=24, force_terminal=True,
        color_system=None, legacy_windows=False,
    )  # fmt: skip


def drawn(terminal, width=80):
    """Return what a terminal's moving part looks like, as text."""
    out = io.StringIO()
    Console(file=out, width=width, color_system=None).print(terminal.picture())
    return out.getvalue()


def test_plain_lines_have_no_twins_and_no_control_characters(
    plain, out, clock
):
    for event in STORY:
        plain.show(event)
        clock.now += 20
    text = out.getvalue()
    lines = [line.partition("]")[2] for line in text.splitlines()]
    assert len(lines) == len(set(lines))
    assert all(sign.isprintable() or sign == "\n" for sign in text)


def test_a_plain_step_has_a_line_at_its_begin_and_at_its_end(plain, out):
    for event in STORY[:3]:
        plain.show(event)
    assert out.getvalue().splitlines() == [
        "[   0.0 s] Creating two VM disks on each node",
        "[   0.0 s]   create after 12.3 s",
    ]


def test_a_plain_step_that_failed_says_so(plain, out):
    plain.show(Ended("boot", "Booting vm1", 1.0, False, "silent"))
    assert "boot FAILED after 1.0 s: silent" in out.getvalue()


def test_a_long_plain_step_is_told_of_every_15_seconds(plain, out, clock):
    plain.show(Begun("boot", "Booting vm1"))
    for second in range(1, 61):
        clock.now = float(second)
        plain.show(Doing("boot", f"line {second}"))
    told = out.getvalue().splitlines()[1:]
    assert [line[-2:] for line in told] == ["15", "30", "45", "60"]


def test_what_has_not_changed_is_not_told_again(plain, out, clock):
    plain.show(Begun("boot", "Booting vm1"))
    for _ in range(5):
        clock.now += REMINDER
        plain.show(Doing("boot", "SYSLINUX 6.04"))
    assert out.getvalue().count("SYSLINUX") == 1


def test_a_console_s_control_characters_are_not_passed_on(plain, out):
    plain.show(Said("\x1b[2Jup\r\x07"))
    assert out.getvalue() == "[   0.0 s]   [2Jup\n"


def test_plain_progress_says_what_each_machine_sent_and_received(
    plain, out, clock
):
    clock.now = 20.0
    plain.show(Moved("read", FLOWS))
    assert "master 1.50/0.01, node1 0.00/0.75" in out.getvalue()


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_terminal_s_picture_fits_and_no_line_is_broken(out, width):
    terminal = live.Live(console(out, width))
    for event in STORY[3:6]:
        terminal.show(event)
    terminal.show(Doing("read", "x" * 300))
    lines = drawn(terminal, width).splitlines()
    # The step, what it is at, and a row a machine.
    assert len(lines) == 2 + 1 + len(PARENTS)
    assert all(len(line) < width for line in lines)


def test_the_tree_lives_while_it_is_read(out):
    terminal = live.Live(console(out))
    for event in STORY[3:6]:
        terminal.show(event)
    text = drawn(terminal)
    assert [line.split()[-4:] for line in text.splitlines()[1:2]] == [
        ["sent", "1.50", "40.2", "MiB/s"]
    ]
    assert "├─ node1" in text
    assert "75%" in text
    assert "100%" in text
    assert "1/2 disks" in text
    assert "then master" in text


def test_a_terminal_keeps_the_tree_once_when_it_is_read(out):
    terminal = live.Live(console(out))
    for event in STORY:
        terminal.show(event)
    assert out.getvalue().count("├─ node1") == 1
    assert "node1" not in drawn(terminal).replace("inside node1", "")


def test_a_tree_that_was_broken_off_stays_on_the_terminal(out):
    terminal = live.Live(console(out))
    terminal.open()
    for event in STORY[3:6]:
        terminal.show(event)
    terminal.close()
    assert "├─ node1" in out.getvalue()
    assert drawn(terminal).strip() == ""


def test_a_step_that_ended_has_one_line_with_its_seconds(out):
    terminal = live.Live(console(out))
    for event in (*STORY[:3], *STORY[8:11]):
        terminal.show(event)
    lines = out.getvalue().splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("✓ Creating two VM disks on each node")
    assert lines[0].endswith("12.3 s")
    assert lines[1].startswith("✗ Booting vm1 inside node1  silent")


def test_a_closed_terminal_has_its_cursor_again(out):
    terminal = live.Live(console(out))
    terminal.open()
    terminal.show(Begun("read", "Reading"))
    terminal.close()
    assert out.getvalue().rindex("\x1b[?25h") > out.getvalue().rindex("?25l")


def test_a_tree_without_figures_is_only_drawn():
    out = io.StringIO()
    grid = picture.tree(TreeSeen("master", PARENTS), {}, 80)
    Console(file=out, width=80).print(grid)
    assert [line.split() for line in out.getvalue().splitlines()] == [
        ["master"],
        ["├─", "node1"],
        ["└─", "node3"],
        ["└─", "node2", "then", "master"],
    ]


def test_a_narrow_terminal_still_has_every_name_and_share():
    out = io.StringIO()
    grid = picture.tree(TreeSeen("master", PARENTS), FLOWS, 60)
    Console(file=out, width=60).print(grid)
    text = out.getvalue()
    assert "…" not in text
    for word in ("node1", "node2", "node3", "75%", "40%", "sent 0.40"):
        assert word in text


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self):
        return True


@pytest.mark.parametrize("term", ["dumb", "unknown", ""])
def test_a_terminal_that_cannot_move_its_cursor_gets_plain_lines(term):
    assert isinstance(live.on(Terminal(), term), Plain)


def test_a_pipe_gets_plain_lines_whatever_the_terminal_is(out):
    assert isinstance(live.on(out, "xterm"), Plain)


def test_a_terminal_gets_the_display_that_moves():
    terminal = live.on(Terminal(), "xterm")
    terminal.close()
    assert isinstance(terminal, live.Live)


def test_no_color_is_honoured(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal()
    terminal = live.on(stream, "xterm-256color")
    terminal.show(Ended("boot", "Booting vm1", 1.0, True))
    terminal.close()
    assert "\x1b[32m" not in stream.getvalue()


def test_a_step_s_seconds_are_taken_even_if_it_fails(out):
    teller = Teller(out)
    with pytest.raises(RuntimeError), teller.step("boot", "Booting vm1"):
        raise RuntimeError
    assert teller.seconds.keys() == {"boot"}
    assert "boot FAILED" in out.getvalue()


def test_the_last_table_has_its_title_and_fits_80_columns():
    text = table([("x" * 31, "y" * 34, "FAILED")], "On user-mode Linux")
    assert text.startswith("On user-mode Linux\n---")
    assert max(map(len, text.splitlines())) <= 80


def test_what_ends_after_the_run_is_shown_no_more(out):
    terminal = live.Live(console(out))
    plain = Plain(out)
    for display in (terminal, plain):
        display.close()
        display.show(Ended("image", "Building", 1.0, False))
    assert "Building" not in out.getvalue()
    assert "image" not in out.getvalue()


class Screen(io.StringIO):
    """A terminal of endless height, for what rich writes to it."""

    TOKEN = re.compile(r"\x1b\[([?0-9;]*)([A-Za-z])|(\r)|(\n)|([^\x1b\r\n]+)")

    def isatty(self):
        return True

    def lines(self):
        """Return what stands on it at last."""
        rows, row, column = {}, 0, 0
        for number, code, back, feed, text in self.TOKEN.findall(
            self.getvalue()
        ):
            if code == "A":
                row -= int(number or 1)
            elif code == "K":
                rows[row] = ""
            elif back:
                column = 0
            elif feed:
                row, column = row + 1, 0
            elif text:
                old = rows.get(row, "").ljust(column)
                rows[row] = old[:column] + text + old[column + len(text) :]
                column += len(text)
        return [rows.get(at, "").rstrip() for at in range(max(rows) + 1)]


def test_no_line_is_lost_when_threads_show_at_once(monkeypatch):
    def slow(*_):
        time.sleep(0.001)
        return ""

    monkeypatch.setattr(live, "PICTURES", 1000.0)
    monkeypatch.setattr(picture, "tree", slow)
    screen = Screen()
    terminal = live.Live(console(screen))
    terminal.open()
    terminal.show(STORY[3])

    def work(worker):
        for turn in range(50):
            name = f"{worker}.{turn}"
            terminal.show(Begun(name, f"step {name}"))
            terminal.show(Doing(name, "at work"))
            terminal.show(Ended(name, f"step {name}", 0.1, True))

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, range(3)))
    terminal.close()
    done = sorted(line.split()[2] for line in screen.lines() if line)
    assert done == sorted(f"{w}.{t}" for w in range(3) for t in range(50))
