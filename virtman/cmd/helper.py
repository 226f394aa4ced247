# SPDX-License-Identifier: Apache-2.0
"""``virtman-privsep-helper``: root's end of an agent that is not root's."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Serve one context to the agent that started this; return at once.

    Exit codes: 0 a process of its own serves, 2 the command line is another
    than an agent's.
    """
    # As for the agent: oslo.privsep would load eventlet when it sees it.
    sys.modules.setdefault("eventlet", None)  # type: ignore[arg-type]
    from virtman import privsep

    return privsep.serve(sys.argv[1:] if argv is None else argv)


if __name__ == "__main__":
    sys.exit(main())
