# SPDX-License-Identifier: Apache-2.0
"""Checks every word that root's iSCSI commands are given.

The last check before a command runs, for every caller: the agent, which has
had some of them from volt or from another node, and os-brick.  The words of
those two are known here; any other option, or value of one, is refused.
Options and values are told apart as getopt(3) does it: an option that has a
value takes the word behind it, whatever that begins with.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping

from virtman import formats
from virtman.exception import LayerError
from virtman.quoting import quoted

Fits = Callable[[object], bool]


def matches(pattern: str) -> Fits:
    """Return a check for texts that match a pattern as a whole."""
    whole = re.compile(pattern, re.ASCII)
    return lambda value: (
        isinstance(value, str) and whole.fullmatch(value) is not None
    )


# Fields of a node's record: not its name, its address or its interface,
# which are files, and not its secret, which is not for a command line.
FIELD = matches(
    r"node\.startup|node\.session\.(scan|initial_login_retry_max)"
    r"|node\.session\.timeo\.replacement_timeout"
    r"|node\.conn\[0\]\.(startup|timeo\.(noop_out_(interval|timeout)"
    r"|login_timeout))"
)
_NUMBER = matches("[0-9]{1,9}")
# Of a disk or a store's file: absolute, on one line.
_FILE = matches(r"/[^\x00-\x1f\x7f]{1,4095}")


def _is_identity(value: object) -> bool:
    """Tell whether a value describes a disk as the agent describes its own."""
    if not isinstance(value, str):
        return False
    head, _, rest = value.partition(",scsi_sn=")
    serial, _, tail = rest.partition(",vendor_id=")
    return (
        head in ("readonly=0", "readonly=1")
        and formats.is_serial(serial)
        and tail in ("VIRTMAN,product_id=IMAGE", "VIRTMAN,product_id=STORE")
    )


_ISCSIADM: dict[str, Fits] = {
    "-m": matches("node|session|discovery|discoverydb|iface"),
    "-T": formats.is_iscsi_name,
    "-p": formats.is_portal,
    "-o": matches("new|update|delete|show|nonpersistent"),
    "-n": FIELD,
    "-v": matches("-?[0-9]{1,9}|[A-Za-z]{1,32}"),
    "-t": matches("sendtargets|st"),
    "-I": matches(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}"),
    "-r": _NUMBER,
    "-P": matches("[0-3]"),
}
_LONG = {
    "--mode": "-m", "--targetname": "-T", "--portal": "-p", "--op": "-o",
    "--name": "-n", "--value": "-v", "--type": "-t", "--interface": "-I",
    "--sid": "-r", "--print": "-P",
}  # fmt: skip
_ISCSIADM |= {name: _ISCSIADM[short] for name, short in _LONG.items()}
_ISCSIADM_FLAGS = {"--login", "--logout", "--rescan", "-R", "--version"}

_TGTADM: dict[str, Fits] = {
    "--mode": matches("target|logicalunit|account|system"),
    "--op": matches("show|new|delete|update|bind|unbind"),
    "--tid": _NUMBER,
    "--lun": formats.is_lun,
    "--targetname": formats.is_iscsi_name,
    "--initiator-name": formats.is_initiator,
    "--initiator-address": matches("ALL"),
    "--backing-store": _FILE,
    "--bsoflags": matches("direct"),
    "--params": _is_identity,
    "--name": matches("nop_count|nop_interval"),
    "--value": _NUMBER,
}

# Of a record's fields past the command line: what CHAP asks for.
_RECORD: dict[str, Fits] = {
    "node.session.auth.authmethod": matches("CHAP|None"),
    "node.session.auth.username": formats.is_line,
    "node.session.auth.password": formats.is_line,
}


def check_iscsiadm(words: Collection[str]) -> None:
    """Check the words of iscsiadm.

    :raises LayerError: one is not what it has to be; nothing was run.
    """
    _check("iscsiadm", words, _ISCSIADM, _ISCSIADM_FLAGS)


def check_tgtadm(words: Collection[str]) -> None:
    """Check the words of tgtadm; raises as :func:`check_iscsiadm`."""
    _check("tgtadm", words, _TGTADM, {"--version"})


def check_record(iqn: object, portal: object, values: object) -> None:
    """Check the values for open-iscsi's records, and the record's name.

    :param portal: ``host,port``, as in the name of the file.
    :raises LayerError: the message has no value, which may be a secret.
    """
    host, _, port = str(portal).partition(",")
    require("a record's iSCSI name", iqn, formats.is_iscsi_name)
    fits = formats.is_host(host) and formats.is_port(port)
    require("a record's portal", portal, lambda _: fits)
    fields = values if isinstance(values, Mapping) else {}
    for name, value in fields.items():
        if name not in _RECORD or not _RECORD[name](value):
            raise LayerError(
                f"the field {quoted(name)} of a record is not written: it, or "
                "its value, is not one that the agent writes"
            )


def require(name: str, value: object, fits: Fits) -> None:
    """Raise LayerError, naming the value, unless it fits."""
    if not fits(value):
        raise LayerError(
            f"{name} cannot be {quoted(value)}: no command is given that; "
            "correct it at its origin (a caller, volt, another node)"
        )


def _check(
    program: str,
    words: Collection[str],
    options: Mapping[str, Fits],
    flags: Collection[str],
) -> None:
    rest = iter(words)
    for word in rest:
        if not isinstance(word, str) or word not in {*options, *flags}:
            raise LayerError(f"{program} is given no word {quoted(word)}")
        if word in options:
            require(f"{word} of {program}", next(rest, None), options[word])
