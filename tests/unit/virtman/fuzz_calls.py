# SPDX-License-Identifier: Apache-2.0
"""Calls of the XML-RPC door that a caller may send: right, near right, wild.

The names, files and devices are those of :func:`world`, so that many calls
get all the way down to the commands.
"""

from __future__ import annotations

import base64
from xml.sax.saxutils import escape

from hypothesis import strategies as st

from virtman.rpc.xmlrpc import METHODS

IQN = "iqn.2010-10.org.openstack:volume-a"
DISK, ODD_DISK = "/dev/nbd0", "/dev/disk/by-label/odd disk PO 8"
PREFIX = "iqn.2010-10.org.openstack:"

# What is right somewhere; in another place it is nearly so.
GOOD = [
    "vm1", "vm2", "a", "b", "volume-a", "server:3260", "server", IQN, 1,
    PREFIX, None, DISK, "/dev/loop0", "IMAGES/a.img", "IMAGES/b c.img",
]  # fmt: skip
NEAR = [
    "", "-", "-a", "--force", "volume-", "volume--", "a b", "a\n", "a;reboot",
    "$(reboot)", "`id`", "a/b", "../a", ".", "..", "a'", 'a"', "é", "a३",
    "v" * 100, "v" * 101, "x" * 70000, "%s%n", "\\x00", "vm1\t",
    "[fe80::1%-f]:3260", "[fe80::1% -x]", "[::1]", "server:0", "server:³",
    "-p:1", "h" * 300, "iqn.2010-10.-x:", "iqn.२०१०-१०.x:", "eui.-", "naa. x",
    "iqn.2010-10.x:" + "y" * 300, "iqn.2010-10." + "x" * 300 + ":",
    "/dev/../dev/nbd0", "/dev//nbd0", "/dev/./loop0", "/dev//loop0", "loop0",
    "dev/loop0", "/dev/loop0/", "/dev/loop9", "/dev/loop²", ODD_DISK, "/dev",
    "IMAGES/../IMAGES/a.img", "IMAGES//a.img", "a.img", "-a.img", "IMAGES",
    "IMAGES/empty.img", "IMAGES/odd.img", "IMAGES/link.img", "/etc/passwd",
    "IMAGES/gone (deleted)", "IMAGES/two\nlines.img", "/dev/zero", "~/a",
    0, -1, 2**31, 2**64, True, 1.5, 99999, 100000, b"", b"\0\xff", [], {},
    float("nan"), float("inf"),
]  # fmt: skip
TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=8
)
SCALARS = st.one_of(
    st.sampled_from(GOOD), st.sampled_from(NEAR), st.integers(), TEXT,
    st.floats(), st.binary(max_size=4), st.none(), st.booleans(),
)  # fmt: skip
ANYTHING = st.recursive(
    SCALARS,
    lambda value: (
        st.lists(value, max_size=3)
        | st.dictionaries(
            st.sampled_from(["target_iqn", "target_lun"]) | TEXT,
            value,
            max_size=3,
        )
    ),
    max_leaves=6,
)


def near(*right):
    """Mostly one of these values, now and then something else."""
    good = st.sampled_from(right)
    return st.one_of(good, good, good, good, st.sampled_from(NEAR), ANYTHING)


ONE = {"target_portal": "server:3260", "target_iqn": IQN, "target_lun": 1}
RIGHT = {
    "create": ("vm1", "a", ONE, None),
    "destroy": ("vm1",),
    "create_image_target": ("a", "IMAGES/a.img", "/dev/loop0", PREFIX),
    "destroy_image_target": ("a",),
}
CONNECTION = st.fixed_dictionaries(
    {
        "target_portal": near("server:3260", "server", "other"),
        "target_iqn": near(IQN),
        "target_lun": near(1, "1"),
    }
)
CONNECTIONS = st.one_of(
    CONNECTION,
    st.lists(CONNECTION, max_size=2),
    near(ONE),
)
INSTANCE, IMAGE = near("vm1", "vm2"), near("a", "b", "volume-a")
FILE = near("IMAGES/a.img", "IMAGES/b c.img")
CALLS = st.one_of(
    st.tuples(
        st.just("create"),
        st.tuples(INSTANCE, IMAGE, CONNECTIONS, near(None, None, DISK)),
    ),
    st.tuples(st.just("destroy"), st.tuples(INSTANCE)),
    st.tuples(
        st.just("create_image_target"),
        st.tuples(IMAGE, FILE, near(None, "/dev/loop0"), near(PREFIX)),
    ),
    st.tuples(st.just("destroy_image_target"), st.tuples(IMAGE)),
    st.tuples(
        st.sampled_from([*METHODS, "system.methodHelp"]),
        st.lists(ANYTHING, max_size=5).map(tuple),
    ),
    st.tuples(TEXT, st.lists(SCALARS, max_size=2).map(tuple)),
)


def world(folder, kernel):
    """Make the files and devices that calls may name."""
    for name in ("a.img", "b c.img", "gone (deleted)", "two\nlines.img"):
        (folder / name).write_bytes(bytes(4096))
    (folder / "empty.img").touch()
    (folder / "odd.img").write_bytes(bytes(513))
    (folder / "link.img").symlink_to("/etc/passwd")
    kernel.sys.add("loop", 0)
    kernel.sys.add("nbd", 1 << 20)
    kernel.sys.add("nbd", 1 << 20, ODD_DISK)


def body(method, arguments, folder):
    """Return the XML of a call; numbers may be such as XML-RPC has none."""
    items = "".join(f"<param>{_value(a, folder)}</param>" for a in arguments)
    return (
        f"<methodCall><methodName>{escape(method)}</methodName>"
        f"<params>{items}</params></methodCall>"
    ).encode()


def _value(value, folder):
    return f"<value>{_typed(value, folder)}</value>"


def _typed(value, folder):
    match value:
        case None:
            return "<nil/>"
        case bool():
            return f"<boolean>{int(value)}</boolean>"
        case int():
            return f"<i8>{value}</i8>"
        case float():
            return f"<double>{value}</double>"
        case bytes():
            return f"<base64>{base64.b64encode(value).decode()}</base64>"
        case str():
            text = value.replace("IMAGES", str(folder))
            return f"<string>{escape(text)}</string>"
        case list() | tuple():
            items = "".join(_value(item, folder) for item in value)
            return f"<array><data>{items}</data></array>"
        case _:
            items = "".join(
                f"<member><name>{escape(name)}</name>"
                f"{_value(item, folder)}</member>"
                for name, item in value.items()
            )
            return f"<struct>{items}</struct>"
