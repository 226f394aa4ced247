# SPDX-License-Identifier: Apache-2.0
"""vmtimg and vmtrun as a user meets them."""

import io
import json
import os
import pathlib
import pty
import re
import signal
import subprocess
import sys
import threading

import pytest

from virtmanclient import vmtimg, vmtrun
from virtmanclient.batch import progress, runner, shell, steps

ROOT = pathlib.Path(__file__).parents[4]
# Seconds; a Python that starts beside three labs took seven.
PATIENCE = 60


@pytest.fixture
def vmtrun_(tmp_path, monkeypatch):
    """Return a function that runs vmtrun on a text, in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def run(text, *options):
        pathlib.Path("nodelist.cfg").write_text(text)
        return shell.main(vmtrun.COMMAND, options)

    return run


def test_all_good_is_exit_0_and_a_table(vmtrun_, node, capsys):
    status = vmtrun_(
        f"+ {node.address} vm1 10.0.0.2 image1\n@ {node.address}\n",
        f"--port={node.port}",
    )
    out, err = capsys.readouterr()
    assert status == 0
    lines = out.splitlines()
    assert lines[0].split() == [
        'line', 'node', 'step', 'result', 'seconds', 'message',
    ]  # fmt: skip
    assert re.fullmatch(
        r" +1  127\.0\.0\.2  \+ vm1 10\.0\.0\.2 image1  ok +\d+\.\d\d"
        r"  /dev/mapper/snapshot_vm1",
        lines[1],
    )
    assert lines[2].endswith("vm1:volume-image1")
    assert lines[3] == "nodelist.cfg: 2 of 2 steps ok"
    assert "[2/2]" in err


def test_a_refused_step_is_exit_1(vmtrun_, node, capsys):
    status = vmtrun_(f"- {node.address} vm1\n", f"--port={node.port}")
    assert status == 1
    out = capsys.readouterr().out
    assert "does not exist" in out
    assert "0 of 1 steps ok, 1 refused" in out


def test_a_bad_line_is_exit_2_after_the_good_lines(vmtrun_, node, capsys):
    status = vmtrun_(
        f"oops\n+ {node.address} vm1 10.0.0.2 image1\n",
        f"--port={node.port}",
    )
    out, err = capsys.readouterr()
    assert status == 2
    assert node.instances == {"vm1": "volume-image1"}
    assert err.startswith("nodelist.cfg:1: 'oops': write one of ")
    assert out.endswith("1 of 1 steps ok; 1 bad line left out\n")


def test_a_file_of_comments_is_all_good(vmtrun_, capsys):
    assert vmtrun_("# nothing to do\n") == 0
    assert capsys.readouterr().out == "nodelist.cfg: 0 of 0 steps ok\n"


def test_a_missing_file_is_exit_2_and_names_the_remedy(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert shell.main(vmtimg.COMMAND, []) == 2
    err = capsys.readouterr().err
    assert err.startswith("vmtimg: image.cfg: No such file or directory; ")
    assert "etc/virtman/image.cfg.sample" in err


def test_vmtimg_works_image_targets(node, tmp_path, capsys):
    file = tmp_path / "any.name"
    file.write_text(
        f"+ {node.address} image1 /srv/image1.img\n"
        f"@ {node.address}\n"
        f"- {node.address} image1\n"
    )
    status = shell.main(vmtimg.COMMAND, [str(file), f"--port={node.port}"])
    out = capsys.readouterr().out
    assert status == 0
    assert "1:/dev/loop0" in out
    assert "volume-image1:1:/dev/loop0" in out
    assert [call[0] for call in node.calls] == [
        "create_image_target",
        "list_image_target",
        "destroy_image_target",
    ]


def test_json_is_all_there_is_on_standard_output(vmtrun_, node, capsys):
    status = vmtrun_(
        f"+ {node.address} vm1 10.0.0.2 image1\nbad\n",
        f"--port={node.port}",
        "--json",
    )
    report = json.loads(capsys.readouterr().out)
    assert report["exit_status"] == status == 2
    assert report["file"] == "nodelist.cfg"
    assert report["bad_lines"][0]["line"] == 2
    [step] = report["steps"]
    assert step.pop("seconds") >= 0
    assert step == {
        "line": 1,
        "node": node.address,
        "method": "create",
        "arguments": ["vm1", "image1", "10.0.0.2"],
        "result": "ok",
        "message": "/dev/mapper/snapshot_vm1",
    }


@pytest.mark.parametrize(
    "options",
    [
        ["--timeout=0"],
        ["--timeout=soon"],
        ["--timeout=inf"],
        ["--port=0"],
        ["--port=65536"],
        ["--port=http"],
        ["a.cfg", "b.cfg"],
        ["--frobnicate"],
    ],
)
def test_wrong_usage_is_exit_2(options, capsys):
    with pytest.raises(SystemExit) as ended:
        shell.main(vmtrun.COMMAND, options)
    assert ended.value.code == 2
    assert "usage: vmtrun" in capsys.readouterr().err


@pytest.mark.parametrize("command", [vmtimg.COMMAND, vmtrun.COMMAND])
def test_help_has_the_grammar_an_example_and_the_exit_status(command, capsys):
    with pytest.raises(SystemExit) as ended:
        shell.main(command, ["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    for word in ("  + ", "  - ", "  @ ", "# ", "example:", "exit status:"):
        assert word in text
    assert max(map(len, text.splitlines())) <= 100


def launched(file, node, **streams):
    """Start vmtrun as a process of its own."""
    return subprocess.Popen(
        [
            sys.executable, '-m', 'virtmanclient.vmtrun',
            file, f'--port={node.port}',
        ],
        cwd=ROOT,
        **streams,
    )  # fmt: skip


def test_ctrl_c_ends_at_once_with_the_table(node, tmp_path):
    node.slow = {"vm1"}
    file = tmp_path / "nodelist.cfg"
    file.write_text(f"+ {node.address} vm1 s i\n- {node.address} vm1\n")
    process = launched(
        file, node, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert node.entered.wait(PATIENCE)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "2 interrupted" in out
    assert "the node may still be at work on it" in out
    assert "Traceback" not in err
    assert not node.gate.is_set()


def test_a_reader_that_goes_away_is_no_accident(node, tmp_path):
    file = tmp_path / "nodelist.cfg"
    file.write_text(f"@ {node.address}\n")
    reading, writing = os.pipe()
    os.close(reading)
    process = launched(file, node, stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    _, err = process.communicate(timeout=PATIENCE)
    assert b"Traceback" not in err
    assert b"Exception" not in err


def test_on_a_terminal_the_running_steps_have_live_lines(node, tmp_path):
    node.slow = {"vm1"}
    file = tmp_path / "nodelist.cfg"
    file.write_text(f"+ {node.address} vm1 s i\n")
    ours, theirs = pty.openpty()
    process = launched(file, node, stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    shown = b""
    while b"... 0 s" not in shown or b"\x1b[" not in shown:
        shown += os.read(ours, 4096)
    threading.Timer(0.1, node.gate.set).start()
    out, _ = process.communicate(timeout=PATIENCE)
    os.close(ours)
    assert process.returncode == 0
    assert b"0 of 1 steps done, 1 node at work" in shown
    assert b"\x1b" not in out


def test_elsewhere_each_event_is_one_plain_line_and_long_ones_are_recalled():
    stream = io.StringIO()
    screen = progress.on(stream, 1)
    step = steps.DestroyInstance(1, "n3", "vm1")
    screen.show(runner.Started(step))
    screen.show(None)
    screen.show(runner.Result(step, runner.Outcome.OK, 1.25, "done"))
    screen.show(None)
    screen.close()
    assert stream.getvalue().splitlines() == [
        "n3: - vm1: begun",
        "n3: - vm1: at work for 0 s",
        "[1/1] n3: - vm1: ok (1.2 s) done",
    ]


def test_live_lines_fit_the_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("LINES", "6")
    stream = io.StringIO()
    screen = progress.Live(stream, 30)
    for number in range(30):
        step = steps.DestroyInstance(number + 1, f"node{number}", "x" * 80)
        screen.show(runner.Started(step))
    picture = stream.getvalue().rpartition("\x1b[J")[2].splitlines()
    assert len(picture) <= 5
    assert max(map(len, picture)) < 40
    assert picture[-1].startswith("0 of 30 steps done, 30 nodes at work"[:39])
