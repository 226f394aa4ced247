# SPDX-License-Identifier: Apache-2.0
"""Root's iSCSI commands: no word runs that is not what it has to be."""

from __future__ import annotations

import false_volt
import pytest
from false_volt import IQN
from hypothesis import given
from hypothesis import strategies as st

from virtman import privsep
from virtman.drivers.brick.execute import execute
from virtman.exception import LayerError
from virtman.privsep import node_record, tgt_socket, words
from virtman.privsep.tgt_socket import Op

NODE = ("-m", "node", "-T", IQN, "-p", "10.0.0.1:3260")
USER = "virtman:iqn.2026-01.lab:n1/0123456789abcdef"
IDENTITY = "readonly=1,scsi_sn=VMT0,vendor_id=VIRTMAN,product_id=IMAGE"
UNIT = ("--op", "show", "--mode", "system", "--params")
HOSTS = [item for item in false_volt.HOSTS if isinstance(item, str)]
PORTS = [item for item in false_volt.PORTS if isinstance(item, str)]
PORTALS = [
    *(f"{host}:3260" for host in HOSTS if host != "[fe80::1]"),
    *(f"10.0.0.1:{port}" for port in PORTS),
    "10.0.0.1", "[10.0.0.1]:3260", "fe80::1:3260", "[fe80::1]", "", ":3260",
    "[fe80::1%/..]:3260", "[fe80::1]:3260,1", "10.0.0.1:3260,1", None, 7,
]  # fmt: skip


@pytest.fixture
def accounts(monkeypatch):
    calls = []
    monkeypatch.setattr(
        tgt_socket, "account", lambda *args: calls.append(args)
    )
    return calls


@pytest.mark.parametrize(
    "args",
    [
        ("--version",),
        ("-m", "session"),
        NODE,
        (*NODE, "-o", "new"),
        (*NODE, "--interface", "default", "--op", "new"),
        (*NODE, "--op", "update", "-n", "node.session.scan", "-v", "manual"),
        (*NODE, "-o", "update", "-n",
         "node.session.timeo.replacement_timeout", "-v", "-1"),
        (*NODE, "--login"),
        (*NODE, "--logout"),
        (*NODE, "-o", "delete"),
        ("-m", "node", "--op", "show", "-p", "[fe80::1%eth0]:3260"),
        ("-m", "discovery", "-t", "sendtargets", "-p", "node_1:3260", "-o",
         "nonpersistent"),
    ],
)  # fmt: skip
def test_what_a_login_takes_is_run(kernel, args):
    privsep.iscsiadm(*args)
    assert kernel.calls == [("iscsiadm", *args)]


@pytest.mark.parametrize(
    ("option", "values"),
    [
        ("-T", false_volt.NAMES), ("--targetname", false_volt.NAMES),
        ("-p", PORTALS), ("--portal", PORTALS),
        ("-I", ["../x", "", "-x", "a/b", "a\nb", "é"]),
        ("-m", ["fw", "node\n", ""]), ("-o", ["new\n", "--op", ""]),
        ("-n", ["node.name", "node.conn[0].address", "node.startup\n", "",
                "node.session.auth.password", "iface.net_ifacename"]),
        ("-v", ["a b", "a\nb", "a\n", "", "../x", "é", "x" * 33, "--op"]),
    ],
)  # fmt: skip
def test_iscsiadm_is_run_with_no_other_value(kernel, option, values):
    for value in values:
        with pytest.raises(LayerError) as refused:
            privsep.iscsiadm("-m", "node", "-o", "new", option, value)
        assert f"{option} of iscsiadm" in str(refused.value)
        assert str(refused.value).isprintable()
    assert kernel.calls == []


@pytest.mark.parametrize(
    "args",
    [("-d", "8"), ("-c", "/etc/x"), ("x",), ("-m",), ("--op=new",),
     ("-mnode",), ("-k", "0"), ("-T",), ("-a", "1"), (None,), ("",)],
)  # fmt: skip
def test_iscsiadm_is_given_no_other_word(kernel, args):
    with pytest.raises(LayerError, match="iscsiadm"):
        privsep.iscsiadm(*args)
    assert kernel.calls == []


def test_what_os_brick_runs_goes_through_the_same_check(kernel):
    for iqn in ("../../../etc/sudoers.d/x\nALL ALL=(ALL) NOPASSWD: ALL",
                "iqn.2010-10.org:../x"):  # fmt: skip
        for portal in ("2130706433:3260", "10.0.0.1:3260"):
            with pytest.raises(Exception, match="of iscsiadm"):
                execute("iscsiadm", "-m", "node", "-T", iqn, "-p", portal,
                        "--op", "new")  # fmt: skip
    assert kernel.calls == []


@pytest.mark.parametrize(
    ("option", "values"),
    [
        ("--targetname", false_volt.NAMES),
        ("--initiator-name", [*false_volt.NOT_TEXT, *false_volt.ODD_TEXT]),
        ("--initiator-address", ["10.0.0.0/8", "all", "", "ALL\n", None]),
        ("--params", [
            "readonly=0", IDENTITY + ",path=/etc/shadow", IDENTITY + "\n",
            IDENTITY.replace("VMT0", "a,readonly=0"),
            IDENTITY.replace("VMT0", ""), IDENTITY.replace("VMT0", "x" * 37),
            IDENTITY.replace("VMT0", "a,scsi_sn=b"), None,
        ]),
        ("--backing-store", ["", "relative", "/a\nb", "-x", "/\0", None]),
        ("--tid", ["x", "-1", "1\n", "1 2", "٣", "", 1]),
        ("--lun", false_volt.LUNS),
    ],
)  # fmt: skip
def test_tgtadm_is_run_with_no_other_value(kernel, option, values):
    for value in values:
        with pytest.raises(LayerError) as refused:
            privsep.tgtadm("--op", "new", "--mode", "target", option, value)
        assert f"{option} of tgtadm" in str(refused.value)
        assert str(refused.value).isprintable()
    assert kernel.calls == []


@pytest.mark.parametrize(
    "args",
    [("--outgoing",), ("--user", "a"), ("--password", "x"), ("-C", "1"),
     ("--op",), ("--lld", "iser")],
)  # fmt: skip
def test_tgtadm_is_given_no_other_word(kernel, args):
    with pytest.raises(LayerError, match="tgtadm"):
        privsep.tgtadm(*args)
    assert kernel.calls == []


def test_an_identity_is_what_the_agent_says_of_its_disks(kernel):
    kernel.tools.clear()
    privsep.tgtadm(*UNIT, IDENTITY)
    assert len(kernel.calls) == 1


def test_no_user_or_secret_of_tgtd_is_two_words_to_it(accounts):
    for value in false_volt.ACCOUNTS:
        for op in (Op.NEW, Op.BIND, Op.UNBIND, Op.DELETE):
            with pytest.raises(LayerError, match="a user of tgtd"):
                privsep.tgt_account(op, value, 1)
        if value:
            with pytest.raises(LayerError) as refused:
                privsep.tgt_account(Op.NEW, USER, secret=value)
            assert "secret of virtman" in str(refused.value)
            assert str(value) not in str(refused.value) or value == 7
    for tid in ("1", -1, True, None, 2**32):
        with pytest.raises(LayerError, match="a target id"):
            privsep.tgt_account(Op.BIND, USER, tid)
    assert accounts == []
    privsep.tgt_account(Op.NEW, USER, secret="0123456789abcdef")
    assert accounts == [(Op.NEW, USER, 0, "0123456789abcdef")]


VALUES = {"node.session.auth.username": USER}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder of a record, and another that a path may lead to."""
    monkeypatch.setattr(node_record, "FOLDERS", (tmp_path / "nodes",))
    for target in (tmp_path / "nodes" / IQN, tmp_path / "other" / "x"):
        target.mkdir(parents=True)
        (target / "10.0.0.1,3260").write_text("# END RECORD\n")
    return tmp_path


def test_no_record_is_written_at_another_place(folder):
    for iqn in (*false_volt.NAMES, "../other/x", str(folder / "other" / "x")):
        with pytest.raises(LayerError, match="record's iSCSI name"):
            privsep.write_node_record(iqn, "10.0.0.1,3260", values=VALUES)
        with pytest.raises(LayerError):
            node_record.write(iqn, "10.0.0.1,3260", VALUES)
    portals = [
        *(f"{host},3260" for host in HOSTS),
        *(f"10.0.0.1,{port}" for port in PORTS), "", ",", "..",
        "10.0.0.1,3260,1", "10.0.0.1,3260/x", None, 7,
    ]  # fmt: skip
    for portal in portals:
        with pytest.raises(LayerError, match="record's portal"):
            privsep.write_node_record(IQN, portal, values=VALUES)
    files = [f for f in folder.rglob("*") if f.is_file()]
    assert {f.read_text() for f in files} == {"# END RECORD\n"}


@pytest.mark.parametrize("name", ["username", "password"])
def test_no_record_gets_a_second_line_or_another_field(folder, name):
    field = f"node.session.auth.{name}"
    for value in (*false_volt.NOT_TEXT, "", "a\nnode.startup = automatic",
                  "s3cret\n", "s3cret\0", "é", "x" * 256):  # fmt: skip
        with pytest.raises(LayerError) as refused:
            privsep.write_node_record(
                IQN, "10.0.0.1,3260", values={field: value}
            )
        assert "s3cret" not in str(refused.value)
    for other in ("node.name", "node.startup", f"{field} = x\n{field}", ""):
        with pytest.raises(LayerError):
            privsep.write_node_record(
                IQN, "10.0.0.1,3260", values={other: "s3cret"}
            )
    assert privsep.write_node_record(
        IQN, "10.0.0.1,3260", values={field: "s3cret"}
    )


@pytest.mark.parametrize(
    "text", ["", "1\n", "add x", "- - - -", "0 0 x", None]
)
def test_no_host_or_disk_is_told_another_text(text):
    with pytest.raises(LayerError, match="the text for"):
        privsep.tell_scsi("/sys/class/scsi_host/host2/scan", text)


@pytest.mark.parametrize(
    "word", ["--config=/tmp/x", "/dev/sda", "--device=/etc/shadow", "", None]
)
def test_scsi_id_is_given_no_other_word(kernel, word):
    with pytest.raises(LayerError, match="a word of scsi_id"):
        privsep.scsi_id("--whitelisted", word)
    assert kernel.calls == []


@given(st.text(max_size=300) | st.from_regex(r"(iqn\.|eui\.|naa\.).*"))
def test_whatever_is_let_through_is_one_part_of_a_path(text):
    try:
        words.check_iscsiadm(("-m", "node", "-T", text, "-o", "new"))
    except LayerError:
        return
    assert text.isascii()
    assert text.isprintable()
    assert not set(text) & set("/\\ \n\0")
    assert not text.startswith(("-", "."))
    assert len(text) <= 223
