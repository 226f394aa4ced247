# SPDX-License-Identifier: Apache-2.0
"""``virtman-server``: native threads only, then :mod:`virtman.cmd.agent`."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the agent until SIGTERM or SIGINT; see the agent for exit codes.

    oslo libraries load eventlet when they find it, though the agent has no
    use for it: a third of the start-up time and a deprecation warning.  An
    entry of None makes the import fail, as Nova's threading mode does.
    """
    sys.modules.setdefault("eventlet", None)  # type: ignore[arg-type]
    from virtman.cmd import agent

    return agent.main(sys.argv[1:] if argv is None else argv)


if __name__ == "__main__":
    sys.exit(main())
