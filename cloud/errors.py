# SPDX-License-Identifier: Apache-2.0
"""The failures of the run itself."""

from __future__ import annotations


class CloudError(Exception):
    """A part of the run failed; the message names it and its last output."""
