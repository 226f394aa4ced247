# SPDX-License-Identifier: Apache-2.0
"""A volt that lies: a real server that answers what a test has forged."""

from __future__ import annotations

import http.server
import json
import threading

IQN = "iqn.2010-10.org.openstack:volume-a"
KEY = "00ff" * 16
TICKET = {
    "text": "eyJ0IjoxfQ==." + "0a" * 32,
    "user": "virtman:iqn.2026-01.lab:n1/0123456789abcdef",
    "secret": "0123456789abcdef",
}
SOURCE = {
    "host": "10.0.0.2", "port": "3260", "iqn": IQN, "lun": "1",
    "status": "OK", "peer_id": "10.0.0.2:volume-a", "ticket": TICKET,
}  # fmt: skip
OTHER = SOURCE | {"host": "10.0.0.3", "peer_id": None}
IMAGE = {
    "id": "volume-a", "size": 4096, "generation": "g1",
    "serial": "VMT0123456789ABCDEF", "digest": "sha256:" + "0" * 64,
    "sources": [SOURCE, OTHER],
}  # fmt: skip
ADMISSION = {"key": KEY, "now": 1000.5}
ASSIGNMENT = {
    "peer_id": "10.0.0.1:volume-a", "parents": [],
    "stripes": [[SOURCE, OTHER]], "image": IMAGE, "beat_after": 5.0,
    "admission": ADMISSION,
}  # fmt: skip

NOT_TEXT = [None, [], {}, ["a"], 7, 1.5, True, 10**400]
# A text of any kind that no command may be given.
ODD_TEXT = [
    "", " ", "-o", "--op", "a\nb", "a\n", "\na", "a\0", "\0", "a\tb", "a\x7f",
    "../../etc/sudoers.d/x", "/etc/passwd", "..", "a/b", "a b", "a;b", "$(a)",
    "`a`", "a'b", 'a"b', "a\\b", "\u0663", "\u0430", "a\u202e", "\ud800",
    "x" * 5000, "é",
]  # fmt: skip
HOSTS = [
    *NOT_TEXT, *ODD_TEXT, "2130706433", "0x7f000001", "0177.0.0.1", "127.1",
    "127.0.0.0x1", "1", "1.", "10.0.0.256", "10.0.0.1.", "010.0.0.1", "-a",
    "a.-b", "a..b", ".a", "a:b", "fe80::1%/..", "fe80::1%-x", "[fe80::1]",
    "fe80::1\n", "10.0.0.2:3260", "10.0.0.2,1", "10.0.0.2\n", "1٢.0.0.1",
    "h" * 254, ":", "::g", "1:2", "%eth0", "*", "a@b", "localhost#",
]  # fmt: skip
PORTS = [
    None, [], {}, True, 1.5, 10**400, *ODD_TEXT, "0", 0, -1, "-1", "65536",
    65536, "3260\n", " 3260", "+3260", "3_260", "0x10", "٣٢٦٠", "²", "1e3",
    "003260", "9" * 5000, "NaN",
]  # fmt: skip
NAMES = [
    *NOT_TEXT, *ODD_TEXT, "iqn.2010-10.org:../../etc/cron.d/x", "volume-a",
    "iqn.2010-10.org:a\nnode.name = b", f"{IQN}\n", f"-{IQN}", f"{IQN}/..",
    f"{IQN} x", f"{IQN}\0", "iqn.2010-1.org:a", "iqn.२०१०-10.org:a", "eui.",
    "IQN.2010-10.org:a", f"{IQN},x", "iqn.2010-10." + "a" * 212,
    "../iqn.2010-10.org:a",
]  # fmt: skip
LUNS = [
    None, [], {}, True, 1.5, 10**400, *ODD_TEXT, -1, "-1", 16384, "16384",
    "99999", "1\n", " 1", "1 2", "0x1", "\u0661",
]  # fmt: skip
ACCOUNTS = [
    *NOT_TEXT, "", "a b", "a,password=b", "a\nb", "a\n", "\0", "x" * 256,
    "é", "\u0663", "\ud800",
]  # fmt: skip
TEXTS = [
    *NOT_TEXT, *ODD_TEXT, "a.b", "0a" * 32, TICKET["text"] + "\n",
    "a" * 4000 + "." + "0a" * 32, " " + TICKET["text"],
]  # fmt: skip
SIZES = [
    None, "4096", "4096\n0 1 linear /dev/sda 0", 0, -1, True, 1.5, 2**54, [],
    {}, 10**400,
]  # fmt: skip
SERIALS = [
    *NOT_TEXT, "", "a,readonly=0", "a,path=/etc/shadow", "a\nb", "a\n", "\0",
    "x" * 37, "é", " a", "a ", "\ud800",
]  # fmt: skip
GENERATIONS = [*NOT_TEXT, "", "a\nb", "a\n", "\0", "x" * 256, "é", "\ud800"]
DIGESTS = [[], {}, 7, True, *ODD_TEXT, "sha256:", "sha256:xyz", "sha256:00\n"]
PEER_IDS = [
    [], {}, ["a"], 7, True, "", ".", "..", "a\nb", "a\0", "\ud800", "x" * 512,
]  # fmt: skip
KEYS = [*NOT_TEXT, "", "00", "00 " * 32, KEY[:-1] + "\n", KEY + "00", "g" * 64]
TIMES = [
    None, [], {}, "x", "1000.5", True, -1, float("nan"), float("inf"),
    10**400,
]  # fmt: skip

# Of a source, and of its ticket: what a source is left out for.
OF_SOURCE = {"host": HOSTS, "port": PORTS, "iqn": NAMES, "lun": LUNS}
OF_TICKET = {"text": TEXTS, "user": ACCOUNTS, "secret": ACCOUNTS}
# Of the image and of the whole: what an answer is refused for.
OF_IMAGE = {
    "size": SIZES, "generation": GENERATIONS, "serial": SERIALS,
    "digest": DIGESTS,
}  # fmt: skip
OF_ADMISSION = {"key": KEYS, "now": TIMES}


class FalseVolt(http.server.ThreadingHTTPServer):
    """Answers ``answer`` to everything, and keeps what was asked."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = None
        self.asked = []
        self.endpoint = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(
            target=self.serve_forever, args=(0.01,), daemon=True
        ).start()

    def end(self):
        self.shutdown()
        self.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _answer(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append((self.command, self.path))
        body = json.dumps(self.server.answer).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n"
        # In one piece: the second of two would wait for an acknowledgement.
        self.wfile.write(head.encode() + body)

    do_GET = do_PUT = do_POST = do_DELETE = _answer

    def log_message(self, *_):
        pass
