# SPDX-License-Identifier: Apache-2.0
"""Run the lab's commands as ``python -m lab``."""

from __future__ import annotations

import sys

from lab.cli import main

if __name__ == "__main__":
    sys.exit(main())
