# SPDX-License-Identifier: Apache-2.0
"""The command ``volt``: runs it, and ends quietly when it is cut short."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence

NOT_WRITTEN, INTERRUPTED, PIPE_CLOSED = 1, 130, 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    try:
        return _run(sys.argv[1:] if argv is None else [*argv])
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return PIPE_CLOSED
    except OSError as error:
        print(f"volt: {error}; see where the output goes", file=sys.stderr)
        return NOT_WRITTEN
    finally:
        _finish()


def _run(argv: list[str]) -> int:
    # Imports leave no garbage: looking for it is a twentieth of a start.
    gc.disable()
    # Imported here so that Ctrl-C is quiet from the first moment on.
    from voltclient.application import Application

    gc.freeze()
    gc.enable()
    status = Application(os.environ).run(argv)
    if status == 0:
        sys.stdout.flush()
    return status


def _finish() -> None:
    """Discard output that cannot be written any more (``| head``).

    Python flushes once more when it ends, and would complain.
    """
    try:
        if not sys.stdout.closed:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
