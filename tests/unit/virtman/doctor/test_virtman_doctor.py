# SPDX-License-Identifier: Apache-2.0
"""What virtman check says of a host, thing by thing, each with its remedy."""

from __future__ import annotations

import email.utils
import http.server
import threading
import time
import types
from pathlib import Path

import pytest
from fake_kernel import FakeKernel
from fake_proc import ESTABLISHED, FakeProc

from virtman import doctor, privsep
from virtman.doctor import (
    Level,
    daemons,
    door,
    interference,
    ports,
    prerequisites,
    programs,
    space,
    volt,
)  # fmt: skip
from virtman.doctor import kernel as modules
from virtman.drivers import processes, udev
from virtman.exception import CommandError
from virtman.privsep import command
from virtman.targets import capacity

ROOT = Path(__file__).parents[4]
AGENT = ("/venv/bin/python3", "/venv/bin/virtman-server", "--debug")


@pytest.fixture
def proc():
    return FakeProc(processes.PROC)


def judged(findings, level):
    """Return what findings of a level say; each problem has its remedy."""
    findings = list(findings)
    for item in findings:
        assert bool(item.remedy) == (item.level is not Level.OK), item
    return [item.text for item in findings if item.level is level]


@pytest.fixture
def path(empty_programs):
    """A PATH with an empty program of each name that is asked for."""
    return empty_programs((*programs._ASKED, "ionice", "scsi_id"))


def tells(kernel, text):
    for name in programs._ASKED:
        kernel.tools[name] = lambda args, stdin: text


def test_each_program_is_told_with_its_version(kernel, path, settings):
    tells(kernel, "the tool, version 1.2.3 (Debian 9)\n")
    texts = judged(programs.look(settings()), Level.OK)
    assert f"dmsetup 1.2.3: {path}/dmsetup" in texts
    assert len(texts) == len(list(path.iterdir()))


def test_a_program_that_is_missing_is_told_with_its_package(
    kernel, path, settings
):
    tells(kernel, "1.0")
    (path / "nbd-client").unlink()
    findings = list(programs.look(settings()))
    (bad,) = [item for item in findings if item.level is Level.ERROR]
    assert bad.text == "nbd-client is not installed"
    assert bad.remedy == "install the Debian package nbd-client"


def test_a_program_that_does_not_run_is_an_error(kernel, path, settings):
    tells(kernel, "1.0")
    kernel.refuse("qemu-img")
    (bad,) = judged(programs.look(settings()), Level.ERROR)
    assert "qemu-img does not run" in bad
    assert "the test says no" in bad


def test_dmsetup_tells_its_version_though_the_kernel_has_no_driver(
    kernel, path, settings, monkeypatch
):
    tells(kernel, "1.0")

    def half(argv, *_):
        if argv == ["dmsetup", "version"]:
            raise CommandError(argv, 1, "Library version: 1.02.185", "failed")
        return kernel.run(argv)

    monkeypatch.setattr(privsep.command, "run", half)
    assert judged(programs.look(settings()), Level.ERROR) == []


def test_a_module_is_looked_for_and_not_loaded(kernel, settings):
    (kernel.sys.root / "module" / "loop").mkdir(parents=True)
    kernel.refuse("modprobe", "iscsi_tcp")
    kernel.refuse("modprobe", "dm_switch")
    findings = list(modules.look(settings()))
    assert "iscsi_tcp" in judged(findings, Level.ERROR)[0]
    assert "dm_switch" in judged(findings, Level.WARNING)[0]
    assert "module loop: loaded" in judged(findings, Level.OK)
    assert all("--dry-run" in call for call in kernel.called("modprobe"))
    assert not kernel.called("modprobe", "loop")


@pytest.mark.parametrize("free", [0, 1])
def test_nbd_devices_that_are_free_are_counted(kernel, settings, free):
    for number in range(2):
        name = kernel.sys.add("nbd", 0)
        if number >= free:
            kernel.sys.write(name, "pid", 7)
    findings = list(modules.look(settings()))
    texts = judged(findings, Level.OK if free else Level.WARNING)
    assert f"{free} of 2 NBD devices are free" in texts


@pytest.fixture
def tgt(monkeypatch, tmp_path, kernel):
    """A host whose daemons run; the folder of tgt's configuration."""
    initiator = tmp_path / "initiator"
    initiator.touch()
    monkeypatch.setattr(prerequisites, "_INITIATOR", initiator)
    monkeypatch.setattr(
        prerequisites, "_unix_sockets", lambda: "@ISCSIADM_ABSTRACT_NAMESPACE"
    )
    monkeypatch.setattr(daemons, "_TGT", tmp_path / "tgt")
    (tmp_path / "tgt" / "conf.d").mkdir(parents=True)
    (tmp_path / "tgt" / "targets.conf").write_text(
        f"default-driver iscsi\ninclude {tmp_path}/tgt/conf.d/*.conf\n"
    )
    return tmp_path / "tgt"


def test_daemons_that_run_are_told(tgt, proc, settings):
    proc.run(7, *AGENT)
    texts = judged(daemons.look(settings()), Level.OK)
    assert "tgtd and iscsid run" in texts
    assert "virtman-server runs (process 7)" in texts


def test_daemons_that_do_not_run_are_told_with_their_remedies(
    tgt, kernel, settings, monkeypatch
):
    kernel.tgt.down = True
    monkeypatch.setattr(prerequisites, "_unix_sockets", lambda: "")
    prerequisites._INITIATOR.unlink()
    findings = list(daemons.look(settings()))
    bad = judged(findings, Level.ERROR)
    assert bad[0] == "tgtd does not answer"
    assert bad[1].endswith("initiator is missing")
    assert bad[2] == "iscsid does not run"
    assert judged(findings, Level.WARNING) == ["virtman-server does not run"]
    assert "systemctl start tgt" in findings[0].remedy


def test_a_target_of_our_names_in_tgts_own_files_is_told(tgt, proc, settings):
    name = "iqn.2010-10.org.openstack:volume-a"
    (tgt / "conf.d" / "b.conf").write_text(f"<target {name}>\n</target>\n")
    (text,) = [t for t in judged(daemons.look(settings()), Level.WARNING)][:1]
    assert name in text
    assert str(tgt / "conf.d" / "b.conf") in text
    (tgt / "conf.d" / "b.conf").write_text("<target iqn.2001-04.org:x>\n")
    assert "virtman-server" in judged(
        daemons.look(settings()), Level.WARNING
    )[0]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "is_one"),
    [
        (AGENT, True),
        (("/venv/bin/virtman-server",), True),
        (("python3", "-m", "virtman.cmd.server"), True),
        (("vi", "virtman-server"), False),
        (("journalctl", "-u", "virtman-server"), False),
        (("python3", "/venv/bin/virtman", "check"), False),
    ],
)
def test_an_agent_is_told_from_who_only_names_it(proc, words, is_one):
    proc.run(7, *words)
    assert processes.agents() == ([7] if is_one else [])


@pytest.fixture
def multipathd(proc, monkeypatch):
    """Have a multipathd that runs and says what it is told to."""
    proc.run(7, "/sbin/multipathd", "-d")

    def says(text, code=0):
        def run(argv, **_):
            assert argv[1:] == ["show", "config"]
            if code:
                raise CommandError(argv, code, text, "")
            return text

        monkeypatch.setattr(command, "run", run)

    return says


def test_a_multipathd_that_was_told_nothing_is_an_error(multipathd, settings):
    multipathd('defaults {\n}\nblacklist {\n\tdevice {\n\t\tvendor "^IBM"\n')
    (bad,) = judged(interference.look(settings()), Level.ERROR)
    assert "multipathd is not configured" in bad


@pytest.mark.parametrize(
    "text",
    [
        'blacklist {\n\tdevice {\n\t\tvendor "^VIRTMAN"\n\t}\n}\n',
        'defaults {\n\tfind_multipaths "strict"\n}\nblacklist {\n}\n',
    ],
)
def test_a_multipathd_that_keeps_off_is_fine(multipathd, settings, text):
    multipathd(text)
    texts = judged(interference.look(settings()), Level.OK)
    assert "multipathd leaves the agent's disks alone" in texts


def test_the_blacklist_that_we_ship_is_recognised(multipathd, settings):
    multipathd((ROOT / "etc" / "multipath" / "virtman.conf").read_text())
    texts = judged(interference.look(settings()), Level.OK)
    assert "multipathd leaves the agent's disks alone" in texts


@pytest.mark.parametrize(("text", "code"), [("timeout\n", 0), ("down", 1)])
def test_a_multipathd_that_does_not_answer_is_a_warning(
    multipathd, settings, text, code
):
    multipathd(text, code)
    (doubt,) = judged(interference.look(settings()), Level.WARNING)
    assert text.strip() in doubt


def test_a_host_without_udevs_rule_is_told_while_the_agent_runs(
    proc, settings, monkeypatch, tmp_path
):
    control = tmp_path / "control"
    control.touch()
    monkeypatch.setattr(udev, "_CONTROL", control)
    assert judged(interference.look(settings()), Level.ERROR) == []
    proc.run(7, *AGENT)
    (bad,) = judged(interference.look(settings()), Level.ERROR)
    assert "56-virtman.rules" in bad


def test_a_door_that_is_reached_from_this_host_alone_needs_no_secret(
    settings, tmp_path
):
    texts = judged(door.look(settings(image_dirs=tmp_path)), Level.OK)
    assert texts == [
        "the agent serves callers on this host",
        f"images may lie in {tmp_path}"
    ]  # fmt: skip


def test_a_door_with_a_secret_is_fine_while_nobody_else_can_read_it(
    settings, tmp_path
):
    file = tmp_path / "secret"
    file.write_text("0123456789abcdef0123456789abcdef\n")
    file.chmod(0o600)
    options = settings(rpc_token_file=file, rpc_host="10.0.0.1")
    assert "the agent serves callers with a secret" in judged(
        door.look(options), Level.OK
    )
    file.chmod(0o644)
    findings = list(door.look(options))
    (bad,) = [item for item in findings if item.level is Level.ERROR]
    assert "the agent does not start" in bad.text
    assert bad.remedy == f"chmod 600 {file}"


def test_a_door_that_is_open_to_all_is_an_error_unless_it_was_asked_for(
    settings, caplog
):
    (bad,) = judged(door.look(settings(rpc_host="10.0.0.1")), Level.ERROR)
    assert "would let every host" in bad
    asked = settings(rpc_host="10.0.0.1", rpc_noauth_anywhere=True)
    texts = judged(door.look(asked), Level.WARNING)
    assert texts[0].startswith("every host that reaches 10.0.0.1:")
    assert caplog.text == "", "said once, as a finding"


def test_a_folder_of_images_that_is_not_there_is_told(settings, tmp_path):
    options = settings(image_dirs=tmp_path / "none")
    (text,) = judged(door.look(options), Level.WARNING)
    assert text == f"image_dirs: {tmp_path}/none is no folder"


def test_ports_of_the_right_holders_are_fine(proc, settings):
    options = settings(rpc_port=7774, admission_port=7775)
    proc.run(7, *AGENT, opened=["socket:[11]", "/dev/null"])
    proc.run(8, "/usr/sbin/tgtd", opened=["socket:[12]"])
    proc.listen(7774, 11)
    proc.listen(3260, 12)
    assert judged(ports.look(options), Level.OK) == [
        "rpc_port 7774 is the agent's", "admission_port 7775 is free",
        "iscsi_port 3260 is tgtd's",
    ]  # fmt: skip


def test_ports_of_others_are_told_with_who_holds_them(proc, settings):
    options = settings(rpc_port=7774)
    proc.run(7, "/usr/bin/nginx", opened=["socket:[11]"])
    proc.listen(7774, 11)
    proc.listen(3260, 12)
    door, target = judged(ports.look(options), Level.ERROR)
    assert door == "rpc_port 7774 is taken by nginx (7)"
    assert "taken by the kernel" in target


def test_a_port_that_is_only_talked_through_is_free(proc, settings):
    proc.listen(7774, 11, ESTABLISHED)
    options = settings(rpc_port=7774, admission_port=7775)
    findings = list(ports.look(options))
    assert judged(findings, Level.OK) == [
        "rpc_port 7774 is free", "admission_port 7775 is free",
    ]  # fmt: skip
    assert "no program listens" in judged(findings, Level.ERROR)[0]


@pytest.fixture
def disk(monkeypatch):
    """Say how many MiB are free everywhere."""

    def has(mib):
        answer = types.SimpleNamespace(total=1 << 40, free=mib << 20)
        monkeypatch.setattr(
            capacity.shutil, "disk_usage", lambda folder: answer
        )

    return has


@pytest.mark.parametrize(
    ("mib", "errors", "warnings"),
    [(4096, 0, 0), (512, 0, 3), (32, 3, 1), (1, 4, 0)],
)
def test_room_that_runs_out_is_told(disk, settings, mib, errors, warnings):
    disk(mib)
    findings = list(space.look(settings()))
    assert len(judged(findings, Level.ERROR)) == errors
    assert len(judged(findings, Level.WARNING)) == warnings


def test_room_that_is_promised_to_sparse_files_counts(disk, settings):
    disk(2048)
    options = settings()
    options.snapshot_dir.mkdir(parents=True)
    with (options.snapshot_dir / "vm1.cow").open("wb") as file:
        file.truncate(3 << 30)
    (text,) = judged(space.look(options), Level.WARNING)
    assert "snapshot_dir" in text
    assert "3072 MiB of it promised" in text


def test_a_folder_that_is_a_file_is_told(settings, tmp_path):
    (tmp_path / "file").touch()
    options = settings(cache_dir=tmp_path / "file" / "cache")
    (bad,) = judged(space.look(options), Level.ERROR)
    assert "is no folder" in bad


class Answer(http.server.BaseHTTPRequestHandler):
    """A volt that has one secret, and a clock of its own."""

    off = 0.0

    def do_GET(self):
        valid = self.headers.get("X-Auth-Token") == "secret"
        self.send_response_only(200 if self.path == "/" or valid else 401)
        date = email.utils.formatdate(time.time() + self.off, usegmt=True)
        self.send_header("Date", date)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"[]")

    def log_message(self, *_):
        pass


@pytest.fixture
def master(settings, tmp_path):
    """Start a volt with a clock that is so much off; the settings to it."""
    servers = []

    def start(off=0.0, secret="secret"):
        handler = type("Off", (Answer,), {"off": off})
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever).start()
        servers.append(server)
        (tmp_path / "token").write_text(f"{secret}\n")
        return settings(
            master_ip="127.0.0.1", master_port=server.server_port,
            master_token_file=tmp_path / "token",
        )  # fmt: skip

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_volt_that_knows_us_is_fine(master):
    assert len(judged(volt.look(master()), Level.OK)) == 3


def test_a_volt_that_does_not_know_us_is_an_error(master):
    (bad,) = judged(volt.look(master(secret="old")), Level.ERROR)
    assert "refuses this node" in bad


@pytest.mark.parametrize(("off", "word"), [(-60, "ahead of"), (60, "behind")])
def test_a_clock_that_is_off_is_told(master, off, word):
    (text,) = judged(volt.look(master(off=off)), Level.WARNING)
    assert f"{word} volt's" in text


def test_a_volt_that_is_away_is_an_error_and_asked_nothing_more(master):
    options = master()
    unreachable = type(options)(**{**vars(options), "master_port": 1})
    (bad,) = judged(volt.look(unreachable), Level.ERROR)
    assert "127.0.0.1:1 does not answer" in bad


def test_a_node_without_a_master_asks_nobody(settings):
    assert len(judged(volt.look(settings()), Level.OK)) == 1


def test_a_check_that_fails_is_told_and_the_others_go_on(
    kernel, settings, monkeypatch
):
    def fails(_):
        raise CommandError(["x"], 1, "", "no")

    monkeypatch.setattr(
        doctor, "CHECKS", (("first", fails), ("space", space.look))
    )
    findings = list(doctor.examine(settings()))
    assert [f.check for f in findings] == ["first", *["space"] * 4]
    assert judged(findings, Level.ERROR) == ["the check failed: x: exit 1: no"]


def test_a_look_changes_nothing(kernel: FakeKernel, proc, settings, path):
    options = settings()
    tells(kernel, "1.0")
    list(doctor.examine(options))
    questions = ("version", "--version", "-V", "show", "--dry-run")
    for call in kernel.calls:
        assert set(call).intersection(questions), call
    assert kernel.calls
    assert not options.state_dir.exists()
    assert not options.run_dir.exists()
