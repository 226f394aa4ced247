# SPDX-License-Identifier: Apache-2.0
"""Configuration files as hands, editors and broken disks leave them."""

from __future__ import annotations

from hypothesis import strategies as st

# Relative paths end up in the folder of the test.
VALUES = [
    "", "0", "1", "-1", "65536", "1e999", "nan", "99999999999999999999", "yes",
    "maybe", "a,b", ",", "x", "a b", "%(x)s", "%s", "%", "$", "$$", "\\$",
    "$no_such_option", "${", "$host_ip", "$state_dir", "$state_dir/x",
    "$debug", "'x'", '"', "127.0.0.1", "::1", "[::1]", "256.1.1.1",
    "/dev/null", "/dev/null/x", "/proc/x", "x\x00y", "x\x1b[2J",
    "\u00e9\u0967",
    "x" * 9000,
    "x" * 300, "sqlite://", "nonsense://", "://", "token", "keystone", "true",
    "DEBUG", "a=b", "a=DEBUG", "=", "4k", "-x", "~", "..", "*", "{}", "\\",
]  # fmt: skip
TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
JUNK = [
    "[", "]", "[]", "[DEFAULT", "[default]", "[x]", "[DEFAULT][x]", "=", "= 1",
    "x", "  folded", "\tfolded", "x =", ": 1", "#", ";", "\x00", "[a\x00b]",
    "\ufeff[DEFAULT]", "--", "[DEFAULT] x = 1", "<<<<<<< HEAD", "\\",
]  # fmt: skip


def lines(names, sections):
    """Lines that say something about known options, and some that do not."""
    named = st.sampled_from(sorted(names))
    near = named.map(str.upper) | named.map(lambda name: name[:-1])
    option = st.builds(
        "{} = {}".format,
        st.one_of(named, named, named, named, near, TEXT),
        st.one_of(st.sampled_from(VALUES), st.sampled_from(VALUES), TEXT),
    )
    headers = st.sampled_from(sections).map("[{}]".format)
    return st.one_of(option, option, option, option, headers,
                     st.sampled_from(JUNK), TEXT)  # fmt: skip


def files(names, sections, first=""):
    """The bytes of a file: mostly text of that kind, now and then rubbish.

    :param first: what the text begins with, in [DEFAULT].
    """
    text = st.lists(lines(names, sections), max_size=5).map(
        lambda found: "\n".join(["[DEFAULT]", first, *found, ""]).encode()
    )
    cut = st.tuples(text, st.integers(0, 99), st.binary(max_size=3)).map(
        lambda three: three[0][: three[1]] + three[2] + three[0][three[1] :]
    )
    return st.one_of(text, text, text, cut, st.binary(max_size=60))


def each_option(names, first=""):
    """Yield each option, every fourth odd value, and a file that says so.

    The next option has the next ones, so that each value comes to many.
    """
    for number, name in enumerate(sorted(names)):
        for value in VALUES[number % 4 :: 4]:
            yield (
                name,
                value,
                f"[DEFAULT]\n{first}\n{name} = {value}\n".encode(),
            )
