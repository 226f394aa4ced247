# SPDX-License-Identifier: Apache-2.0
"""Whatever is sent to the door: an answer, no internals, nothing half made.

A real door over a real node, whose commands end in a host in memory.  Each
word of each command is looked at: it is one of our options, or a plain value
that no tool and no table could take for more than one.
"""

from __future__ import annotations

import http.client
import itertools
import json
import re
import socket
import threading
import xmlrpc.client

import fuzz_calls
import pytest
from fake_node import Disks, Site
from fake_portals import PATIENCE
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from virtman.compute import Virtman
from virtman.rpc.token import Secrets
from virtman.rpc.verbs import INTERNAL, Failure, Verbs
from virtman.rpc.xmlrpc import Door
from virtman.state import intent_json
from virtman.targets.digests import Digests

SECRET = "0123456789abcdef"
TOKEN = "Basic dmlydG1hbjowMTIzNDU2Nzg5YWJjZGVm"
# A value that nothing takes for an option, for two, or for a shell's text.
WORD = re.compile(r"[A-Za-z0-9/][A-Za-z0-9/+.:=@_,-]{0,400}")
PORTAL = re.compile(
    r"([A-Za-z0-9_][A-Za-z0-9_.-]{0,252}|\[[0-9a-fA-F:.]+(%[A-Za-z0-9]+)?\])"
    r":[0-9]{1,5}"
)
TABLE = re.compile(r"0 [0-9]+ [a-z-]+( [A-Za-z0-9/][A-Za-z0-9/+.:=@_-]*)*\n")
OPTIONS = {
    "dmsetup": {
        "--readonly", "--uuid", "--noflush", "--nolockfs", "--noudevsync",
        "--retry", "--columns", "--noheadings", "--options", "--target",
    },
    "losetup": {"--find", "--show", "--read-only", "--detach"},
    "tgtadm": {
        "--lld", "--mode", "--op", "--tid", "--lun", "--targetname", "--name",
        "--value", "--backing-store", "--bsoflags", "--params",
        "--initiator-address",
    },
}  # fmt: skip
INTERNALS = re.compile(
    r"Traceback|File \"|<class|object at 0x|internal error|__|\bb'[^ ]|"
    r"\bself\b|datetime\.|Error\(|Error: "
)
FUZZ = settings(
    max_examples=250, derandomize=True, deadline=None, database=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


class Listening(Disks):
    """Portals that keep every source they were asked about."""

    def __init__(self, kernel, *serving):
        super().__init__(kernel, *serving)
        self.heard = set()

    def serves(self, source):
        self.heard.add(source)
        return super().serves(source)


class Stand:
    """A node in memory behind a real door; what was run is in ``ran``."""

    def __init__(self, site, folder, kernel, address):
        self.site, self.folder, self.kernel = site, folder, kernel
        self.address = address
        self.ran = []

    def ask(self, method, arguments):
        """Send a call; return what came back, a Fault if it was one."""
        sent = fuzz_calls.body(method, arguments, self.folder)
        status, answer = self.post(sent)
        assert status == 200, (status, answer)
        return read(answer)

    def post(self, body, **headers):
        connection = http.client.HTTPConnection(
            *self.address, timeout=PATIENCE
        )
        try:
            connection.request(
                "POST", "/RPC2", body, {"Authorization": TOKEN, **headers}
            )
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def made(self):
        """Return what stands but for sessions, which come when they come."""
        site, kernel = self.site, self.kernel
        # Of a path that comes or goes now nothing is half seen.
        with kernel.sys.lock:
            targets = [item.iqn for item in kernel.tgt.targets.values()]
            devices = [*kernel.dm.devices, *kernel.loops(), *targets]
        folders = (site.settings.snapshot_dir, site.folder)
        files = [f.name for folder in folders for f in folder.glob("*")]
        return sorted([*devices, *files])

    def clear(self):
        """Take everything down by the verbs alone; nothing may be left."""
        for instance in self.site.node.instances():
            assert self.ask("destroy", (instance.name,)) == "0:"
        for target in self.site.images.targets():
            answer = self.ask("destroy_image_target", (target.image,))
            assert answer == "0:", answer
        self.site.node.collect()
        # A store under a loop device that was given is kept: it is documented.
        for kept in self.site.settings.snapshot_dir.glob("snap*.blk"):
            kept.unlink()
        assert self.site.held() == []

    def check_commands(self):
        """Look at each word of what was run, and forget it."""
        files = {str(file) for file in self.folder.rglob("*")}
        for argv, stdin in self.ran:
            options = OPTIONS[argv[0]]
            for word in argv[1:]:
                assert word in options | files or WORD.fullmatch(word), argv
            assert stdin is None or TABLE.fullmatch(stdin), stdin
        for source in self.site.portals.heard:
            assert PORTAL.fullmatch(source.portal), source
            assert WORD.fullmatch(source.iqn), source
        self.ran.clear()
        self.site.portals.heard.clear()


def read(body):
    """Read an answer; no internals may be in it."""
    try:
        ((answer,), _) = xmlrpc.client.loads(body)
    except xmlrpc.client.Fault as fault:
        answer = fault
    text = getattr(answer, "faultString", answer)
    if isinstance(text, str):
        assert not INTERNALS.search(text), text
        assert len(text) < 2000, len(text)
    return answer


@pytest.fixture
def stand(kernel, settings, short_pauses, tmp_path, monkeypatch):
    """The door of a node; the host below it is in memory."""
    images = tmp_path / "images"
    images.mkdir()
    fuzz_calls.world(images, kernel)
    monkeypatch.setattr(Digests, "want", lambda self, job: None)
    site = Site(kernel, settings(image_dirs=images))
    site.portals = Listening(kernel, "server")
    site.start(source_timeout=0.01)
    secret = tmp_path / "token"
    secret.touch(0o600)
    secret.write_text(SECRET)
    virtman = Virtman(site.node, site.images, site.stores)
    with Door("127.0.0.1", 0, virtman, Secrets(secret)) as door:
        thread = threading.Thread(target=door.serve_forever, args=(0.01,))
        thread.start()
        made = Stand(site, images, kernel, door.server_address)
        run = kernel._run

        def note(argv, stdin):
            made.ran.append((argv, stdin))
            return run(argv, stdin)

        monkeypatch.setattr(kernel, "_run", note)
        yield made
        door.shutdown()
        thread.join(PATIENCE)
    site.close()


def one_wrong():
    """Yield calls that are right but for one of their values."""
    for method, right in fuzz_calls.RIGHT.items():
        for place, wrong in itertools.product(
            range(len(right)), fuzz_calls.NEAR
        ):
            yield method, (*right[:place], wrong, *right[place + 1 :])
    for key, wrong in itertools.product(fuzz_calls.ONE, fuzz_calls.NEAR):
        yield "create", ("vm1", "a", fuzz_calls.ONE | {key: wrong}, None)
    yield "create", ("vm1", "a", [fuzz_calls.ONE] * 65, None)


def test_a_call_with_one_odd_value_leaves_all_or_nothing(stand):
    for method, arguments in one_wrong():
        before = stand.made()
        answer = stand.ask(method, arguments)
        assert isinstance(answer, str), (method, arguments, answer)
        if answer[:2] == "0:":
            stand.clear()
        else:
            assert stand.made() == before, (method, arguments, answer)
    stand.check_commands()
    for file in stand.site.folder.glob("*"):
        assert intent_json.loads(file.read_text()), file


LOCAL = {
    "create": ("instance", "image", "connections", "store"),
    "destroy": ("instance",),
    "create_image_target": ("image", "file", "loop", "iqn_prefix"),
    "destroy_image_target": ("image",),
}


def for_local(method, arguments, folder):
    """Return verb and arguments of the local door that ask for the same."""
    verb = method.replace("destroy_image", "delete").replace("_image", "")
    asked = dict(zip(LOCAL[method], arguments, strict=True))
    if isinstance(asked.get("connections"), dict):
        asked["connections"] = [asked["connections"]]
    text = json.dumps(asked).replace("IMAGES", str(folder))
    return verb, json.loads(text)


def test_a_verb_with_one_odd_value_leaves_all_or_nothing(stand):
    """The door for programs of this host, behind its socket."""
    verbs = Verbs(stand.site.node, stand.site.images, stand.site.stores)
    for method, arguments in one_wrong():
        before = stand.made()
        try:
            verb, asked = for_local(method, arguments, stand.folder)
        except TypeError:
            continue  # JSON has no bytes
        try:
            assert json.dumps(verbs.call(verb, asked))
        except Failure as failure:
            assert failure.code != INTERNAL, (verb, asked)
            assert not INTERNALS.search(failure.message), failure.message
            assert stand.made() == before, (verb, asked)
        else:
            stand.clear()
    stand.check_commands()


@FUZZ
@given(st.lists(fuzz_calls.CALLS, min_size=1, max_size=5))
def test_any_call_is_answered_and_leaves_all_or_nothing(stand, calls):
    for method, arguments in calls:
        before = stand.made()
        answer = stand.ask(method, arguments)
        if str(answer)[:2] != "0:":
            assert stand.made() == before, (method, arguments, answer)
        if isinstance(answer, str) and not method.startswith("system."):
            assert answer[:2] in ("0:", "1:", "2:"), answer
    stand.clear()
    stand.check_commands()


VERBS = st.sampled_from(
    [b"POST"] * 6 + [b"GET", b"PUT", b"HEAD", b"", b"post", b"POST POST"]
)
PATHS = st.sampled_from(
    [b"/RPC2"] * 6 + [b"/", b"/../RPC2", b"//RPC2", b"RPC2", b"*", b"/\x1b["]
)
VERSIONS = st.sampled_from(
    [b" HTTP/1.0"] * 4 + [b" HTTP/1.1", b" HTTP/9.9", b" HTTP/x", b"", b" x"]
)
HEADERS = st.sampled_from(
    [
        b"Authorization: " + TOKEN.encode(), b"Authorization: Basic !",
        b"Authorization: Basic " + b"A" * 3000, b"Content-Encoding: gzip",
        b"Content-Encoding: x", b"Accept-Encoding: gzip;q=1..2",
        b"Transfer-Encoding: chunked", b"Expect: 100-continue",
        b"Connection: keep-alive", b"Content-Length: 5", b"Content-Length: -1",
        b"Content-Length: 99999999999", b"Content-Type: \xff\x00", b"no colon",
        b": x", b"X: " + b"y" * 70000, b" folded", b"Host: \r",
    ]
)  # fmt: skip
DESTROY = fuzz_calls.body("destroy", ("vm1",), "")
BODIES = st.one_of(
    st.just(DESTROY),
    st.integers(0, len(DESTROY)).map(lambda end: DESTROY[:end]),
    st.tuples(
        st.integers(0, len(DESTROY)), st.binary(min_size=1, max_size=3)
    ).map(lambda cut: DESTROY[: cut[0]] + cut[1] + DESTROY[cut[0] + 1 :]),
    st.binary(max_size=40),
    st.sampled_from(
        [
            b"<a>" * 30000, b"<value><array><data>" * 9000,
            b"<methodResponse><fault><value><int>1</int></value></fault>"
            b"</methodResponse>",
            DESTROY.replace(b"vm1", b"</string></value></param><i4>x</i4>"),
            DESTROY.replace(b"<string>", b"<int>" + b"9" * 5000),
            b'<?xml version="1.0" encoding="utf-7"?>' + DESTROY,
            b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>'
            + DESTROY.replace(b"vm1", b"&b;"),
            b'<!DOCTYPE a [<!ENTITY b "bbbbbbbbb">'
            + b"".join(
                b'<!ENTITY b%d "%s">' % (n, b"&b%d;" % (n - 1) * 20)
                for n in range(1, 9)
            ).replace(b"&b0;", b"&b;")
            + b"]>" + DESTROY.replace(b"vm1", b"&b8;"),
            b"x" * (1 << 20),
        ]
    ),
)  # fmt: skip


@FUZZ
@given(VERBS, PATHS, VERSIONS, st.lists(HEADERS, max_size=3), BODIES,
       st.booleans())  # fmt: skip
def test_whatever_bytes_come_the_door_answers_and_goes_on(
    stand, caplog, capfd, verb, path, version, headers, body, fits
):
    caplog.clear()
    length = [b"Content-Length: %d" % len(body)] if fits else []
    sent = b"\r\n".join(
        [verb + b" " + path + version, *length, *headers, b"", body]
    )
    answer = throw(stand.address, sent)
    assert not INTERNALS.search(answer.decode("latin-1")), answer
    assert b"root:" not in answer
    assert "Traceback" not in caplog.text + capfd.readouterr().err
    if answer.startswith(b"HTTP/1.0 200"):
        assert read(answer.partition(b"\r\n\r\n")[2]) is not None
    assert stand.ask("list", ()) == []
    assert stand.made() == []


def throw(address, sent):
    """Send bytes, half-close, and return all that comes back."""
    with socket.create_connection(address, PATIENCE) as wire:
        try:
            wire.sendall(sent)
            wire.shutdown(socket.SHUT_WR)
        except OSError:
            # Refused before all was sent, which an answer may tell.
            pass
        answer = b""
        try:
            while more := wire.recv(65536):
                answer += more
        except ConnectionResetError:
            pass
        return answer
