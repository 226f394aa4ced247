# SPDX-License-Identifier: Apache-2.0
"""The failures of the trial itself."""

from __future__ import annotations


class CloudError(Exception):
    """A part of the trial failed; the message names it and its last output."""
