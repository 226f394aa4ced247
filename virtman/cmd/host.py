# SPDX-License-Identifier: Apache-2.0
"""Runs the command ``virtman``, and ends quietly when it is interrupted."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

NOT_WRITTEN, INTERRUPTED, PIPE_CLOSED = 1, 130, 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command ``virtman`` and return its exit status."""
    try:
        status = _run(sys.argv[1:] if argv is None else [*argv])
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return PIPE_CLOSED
    except OSError as error:
        print(f"virtman: {error}; see where the output goes", file=sys.stderr)
        return NOT_WRITTEN
    finally:
        _finish()


def _run(argv: list[str]) -> int:
    # oslo's libraries load eventlet where it is installed; virtman.cmd.server
    # has the reason against it.
    sys.modules.setdefault("eventlet", None)  # type: ignore[arg-type]
    # Imported here so that Ctrl-C is quiet from the first moment on.
    from virtman.cli.application import Application

    return Application().run(argv)


def _finish() -> None:
    """Discard output that cannot be written any more (``| head``).

    Python flushes standard output once more when it ends, and would print an
    error.
    """
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
