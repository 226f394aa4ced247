# SPDX-License-Identifier: Apache-2.0
"""``virtman-privsep-helper`` runs as root for an agent of another user."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Serve one context to the agent that started the helper.

    Returns at once: a process of its own serves.

    Exit codes: 0 that process serves, 2 the command line is not an agent's.
    """
    # oslo.privsep loads eventlet where it is installed; virtman.cmd.server
    # has the reason against it.
    sys.modules.setdefault("eventlet", None)  # type: ignore[arg-type]
    from virtman import privsep

    return privsep.serve(sys.argv[1:] if argv is None else argv)


if __name__ == "__main__":
    sys.exit(main())
