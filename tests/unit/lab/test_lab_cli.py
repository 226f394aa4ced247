# SPDX-License-Identifier: Apache-2.0
"""``python -m lab``: its words, what they do, and its exit codes."""

import json
import os
import signal
from pathlib import Path

import pytest

from lab import arguments, cli
from lab.errors import LabError


class FakeNode:
    def __init__(self, calls):
        self.calls = calls

    def __getattr__(self, name):
        return lambda *args, **_: self.calls.append((name, *args))

    def stream(self, argv, out, err, **options):
        self.calls.append(("stream", argv, options))
        return 7


class FakeCluster:
    """Stands in for lab.Cluster; remembers what was asked of it."""

    def __init__(self, specs=()):
        self.specs, self.calls, self.rows, self.left = specs, [], [], []
        self.fail = None

    def __call__(self, folder, nodes=(), **_):
        self.folder, self.wanted = folder, list(nodes)
        return self

    def up(self):
        self.calls.append(("up", [spec.name for spec in self.wanted]))
        if self.fail:
            raise self.fail

    def down(self):
        self.calls.append(("down",))

    def node(self, name):
        self.calls.append(("node", name))
        return FakeNode(self.calls)

    def status(self):
        return self.rows

    def leftovers(self):
        return self.left


@pytest.fixture
def fake(monkeypatch):
    made = FakeCluster()
    monkeypatch.setattr(cli, "Cluster", made)
    handler = signal.getsignal(signal.SIGTERM)
    yield made
    signal.signal(signal.SIGTERM, handler)


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ([], ["node1", "node2", "node3"]),
        (["--nodes", "2"], ["node1", "node2"]),
        (["x", "y"], ["x", "y"]),
    ],
)
def test_up_names_the_nodes(fake, words, names):
    assert cli.main(["up", *words]) == 0
    assert fake.calls == [("up", names)]


def test_up_passes_the_sizes_on(fake):
    cli.main(["up", "--memory", "512", "--disk", "64", "--no-udev", "a"])
    (spec,) = fake.wanted
    assert (spec.memory, spec.disk, spec.udev) == (512, 64, False)


def test_up_passes_a_root_on_as_a_whole_path(fake):
    cli.main(["up", "--root", "build/roots/trixie", "a"])
    (spec,) = fake.wanted
    assert spec.root == str(Path("build/roots/trixie").absolute())


def test_up_again_without_words_means_those_that_are_up(fake):
    fake.specs = ["whatever they are"]
    assert cli.main(["up"]) == 0
    assert fake.wanted == [] and fake.calls == [("up", [])]


def test_the_name_chooses_the_folder(fake):
    cli.main(["--name", "two", "down"])
    assert fake.folder.parts[-3:] == ("build", "lab", "two")


@pytest.mark.parametrize("name", ["../x", "", "A", "a b"])
def test_a_name_that_is_no_folder_is_refused(fake, name, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(["--name", name, "down"])
    assert caught.value.code == 2


@pytest.mark.parametrize("words", [["--", "ls", "-l"], ["ls", "-l"]])
def test_run_gives_the_commands_exit_code(fake, words):
    assert cli.main(["run", "a", *words]) == 7
    assert fake.calls[0] == ("node", "a")
    assert fake.calls[1][1] == ["ls", "-l"]


def test_run_without_a_command_says_how(fake, capsys):
    assert cli.main(["run", "a"]) == 1
    assert "run NODE -- COMMAND" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("word", "method"),
    [
        ("power-off", "power_off_hard"),
        ("power-on", "power_on"),
        ("cut", "cut_link"),
        ("mend", "restore_link"),
        ("refresh", "refresh"),
    ],
)
def test_each_verb_does_its_deed(fake, word, method):
    assert cli.main([word, "a"]) == 0
    assert fake.calls == [("node", "a"), (method,)]


@pytest.mark.parametrize(("text", "rate"), [("4", 4.0), ("none", None)])
def test_a_limit_is_a_rate_or_none(fake, text, rate):
    assert cli.main(["limit", "a", text]) == 0
    assert fake.calls[-1] == ("limit", rate)


def test_leftovers_are_listed_and_make_it_fail(fake, capsys):
    assert cli.main(["leftovers"]) == 0
    fake.left = [{"where": "a", "kind": "dm", "name": "x"}]
    assert cli.main(["leftovers"]) == 1
    assert capsys.readouterr().out == "a: dm x\n"
    assert cli.main(["leftovers", "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == fake.left


def test_status_is_a_table_or_json_or_a_word(fake, capsys):
    assert cli.main(["status"]) == 0
    assert "down" in capsys.readouterr().out
    fake.rows = [{"name": "a", "power": "on"}]
    cli.main(["status"])
    assert capsys.readouterr().out == "name  power\na     on\n"
    cli.main(["status", "--json"])
    assert json.loads(capsys.readouterr().out) == fake.rows


def test_an_error_is_a_line_and_a_1(fake, capsys):
    fake.fail = LabError("the thing at fault")
    assert cli.main(["up"]) == 1
    assert capsys.readouterr().err == "lab: the thing at fault\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_as_an_interruption(fake, number):
    class Signal:
        def __bool__(self):
            os.kill(os.getpid(), number)
            return True

    fake.specs = Signal()
    assert cli.main(["up"]) == 130


def test_help_tells_every_word(capsys):
    with pytest.raises(SystemExit):
        cli.main(["-h"])
    told = capsys.readouterr().out
    words = {"up", "down", "run", "cut", "mend", "limit", "leftovers"}
    assert {word for word in words if f"    {word} " in told} == words
    assert set(arguments.NODE_VERBS) <= set(told.split())
