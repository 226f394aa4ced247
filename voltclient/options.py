# SPDX-License-Identifier: Apache-2.0
"""The options that all commands share, and their common help."""

from __future__ import annotations

import argparse

from voltclient import environment
from voltclient.environment import ENDPOINT

DESCRIPTION = """\
Look at the trees that volt keeps, and correct them by hand.

volt knows the nodes that serve an image and the nodes that read it.  A volume
is an image as volt names it (virtman names image1 volume-image1), a peer is
the place of a node in the tree of a volume, a member is a node, an image is
what image servers serve."""

MORE = f"""
Each has a help of its own: volt tree --help.

environment:
  The first variable that is set wins; an option wins over all variables.
    --url         VOLT_URL, OS_VOLT_URL (else {ENDPOINT})
    --token-file  VOLT_TOKEN (the token), VOLT_TOKEN_FILE (its file),
                  OS_TOKEN, OS_AUTH_TOKEN (the token)
    --os-cacert   VOLT_CACERT, OS_CACERT
    --os-cert     VOLT_CERT, OS_CERT
    --os-key      VOLT_KEY, OS_KEY
    --insecure    VOLT_INSECURE, OS_INSECURE (1 or 0)
    --timeout     VOLT_TIMEOUT
    --debug       VOLTCLIENT_DEBUG (anything)

exit status:
  0    done
  1    volt refused, or failed
  2    the command line or the environment is wrong
  3    volt could not be asked, or cannot answer now: try again later
  130  interrupted by Ctrl-C
  141  the reader of the output has ended (| head)

examples:
  export VOLT_URL=http://192.168.137.101:7447
  export VOLT_TOKEN_FILE=/etc/volt/token
  volt volume list
  volt tree volume-image1 --depth 3
  volt member list -f csv
  volt peer remove volume-image1 192.168.137.11:volume-image1
  volt complete > /etc/bash_completion.d/volt
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Add the shared options; they have the names of the original's.

    Its ``--os-auth-token`` is not there: every user of the host could read
    it in the list of processes.
    """
    parser.add_argument(
        "-d", dest="debug", action="store_true", help="the same as --debug"
    )
    group = parser.add_argument_group("address of volt")
    group.add_argument(
        "--url",
        "--os-volt-url",
        metavar="URL",
        help="volt-api, as in http://host:7447",
    )
    group.add_argument(
        "--timeout",
        type=_seconds,
        metavar="SECONDS",
        help="seconds until a request is given up, its repetitions included "
        "(default: 20)",
    )
    _add_identity(parser.add_argument_group("identity and trust"))


def _add_identity(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--token-file",
        metavar="FILE",
        help="file whose one line is the token that volt asks for",
    )
    group.add_argument(
        "--os-cacert",
        dest="cacert",
        metavar="FILE",
        help="trust these authorities (PEM), not the system's",
    )
    group.add_argument(
        "--os-cert",
        "--cert-file",
        dest="cert",
        metavar="FILE",
        help="certificate of the client (PEM; may hold the key, too)",
    )
    group.add_argument(
        "--os-key",
        "--key-file",
        dest="key",
        metavar="FILE",
        help="private key of that certificate (PEM)",
    )
    group.add_argument(
        "-k",
        "--insecure",
        action="store_const",
        const=True,
        help="accept any certificate of volt; for trials only",
    )


def _seconds(text: str) -> float:
    """Return a text as seconds; raise argparse's error for a bad one."""
    try:
        return environment.time_of(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r}: give seconds, more than 0"
        ) from None
