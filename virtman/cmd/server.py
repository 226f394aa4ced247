# SPDX-License-Identifier: Apache-2.0
"""``virtman-server`` runs :mod:`virtman.cmd.agent`, without eventlet."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the agent until SIGTERM or SIGINT; see the agent for exit codes.

    oslo's libraries load eventlet where it is installed, though the agent
    uses native threads only: that costs a third of the start-up time and a
    deprecation warning.  An entry of None makes the import fail, as in Nova's
    threading mode.
    """
    sys.modules.setdefault("eventlet", None)  # type: ignore[arg-type]
    # Imports leave no garbage: looking for it is a twentieth of a start.
    gc.disable()
    from virtman.cmd import agent

    gc.freeze()
    gc.enable()
    return agent.main(sys.argv[1:] if argv is None else argv)


if __name__ == "__main__":
    sys.exit(main())
