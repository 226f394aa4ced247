# SPDX-License-Identifier: Apache-2.0
"""``voltclient.common.exception``, as callers of the original write it."""

from __future__ import annotations

from voltclient.exceptions import *  # noqa: F403
